//! The rows, a file a part of the specification.

mod cgroups;
mod config;
mod devices;
mod document;
mod features;
mod hooks;
mod identity;
mod limits;
mod listed;
mod memory_policy;
mod mount_options;
mod mount_trees;
mod mounts;
mod namespaces;
mod network_devices;
mod notify;
mod operations;
mod paths;
mod process;
mod resources;
mod scheduling;
mod seccomp;

use harness::Bundle;
use serde_json::Value;

/// A rule of the specification, and what looks whether it holds.
pub(crate) struct Row {
    /// Where the specification says it: "config.md, root".
    pub(crate) section: &'static str,
    file: &'static str,
    function: &'static str,
    /// What it says, in our words.
    pub(crate) rule: &'static str,
    /// Fails an assertion unless the rule holds; [`crate::verdict::skip`] where it can't be seen here.
    pub(crate) look: fn(),
}

impl Row {
    /// `file::function`.
    pub(crate) fn name(&self) -> String {
        format!("{}::{}", self.file, self.function)
    }
}

/// All rows.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [
        cgroups::ROWS,
        config::ROWS,
        devices::ROWS,
        document::ROWS,
        features::ROWS,
        hooks::ROWS,
        identity::ROWS,
        limits::ROWS,
        listed::ROWS,
        memory_policy::ROWS,
        mount_options::ROWS,
        mount_trees::ROWS,
        mounts::ROWS,
        namespaces::ROWS,
        network_devices::ROWS,
        notify::ROWS,
        operations::ROWS,
        paths::ROWS,
        process::ROWS,
        resources::ROWS,
        scheduling::ROWS,
        seccomp::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// Fails unless `create` refuses `bundle` with `value` at `place`, and leaves nothing.
#[track_caller]
pub(crate) fn refused(mut bundle: Bundle, place: &str, value: Value) {
    let asked = format!("{value} at {place}");
    bundle.set(place, value);
    let outcome = bundle.create();
    assert!(outcome.code != 0, "{asked}: {outcome}");
    outcome.fails();
    bundle.assert_nothing_left();
}

/// The rows of a file: a section, then `function: "rule"` for each of its functions.
macro_rules! rows {
    ($file:literal: $($section:literal { $($function:ident: $rule:literal,)+ })+) => {
        pub(crate) const ROWS: &[crate::rows::Row] = &[$($(crate::rows::Row {
            section: $section,
            file: $file,
            function: stringify!($function),
            rule: $rule,
            look: $function,
        },)+)+];
    };
}
use rows;
