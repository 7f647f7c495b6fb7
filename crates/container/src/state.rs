//! The state document, as `state` and `list` print it and hooks get it on stdin.

use crate::entry::Entry;
use crate::error::Result;
use crate::id::ContainerId;
use crate::observe::observe;
use crate::process::Process;
use crate::record::Record;
use crate::status::Status;
use crate::store::Store;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A container's state, with runc's keys in runc's order.
#[derive(Debug, Clone, Serialize)]
pub struct State {
    /// The version of the runtime specification that this complies with.
    #[serde(rename = "ociVersion")]
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// Init's process id on the host; 0 where the container has ended.
    pub pid: i32,
    /// What it is doing.
    pub status: Status,
    /// The bundle's directory.
    pub bundle: PathBuf,
    /// The root file system.
    pub rootfs: PathBuf,
    /// When it was made (RFC 3339).
    pub created: String,
    /// The config's annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Who made it: a name or `#uid` in `list`, empty in `state`.
    pub owner: String,
}

impl State {
    /// The state of the container of that directory, now. Takes no lock: it must not wait for a slow create.
    ///
    /// # Errors
    /// As [`Entry::record`] and [`observe`].
    pub fn of(entry: &Entry) -> Result<Self> {
        let record = entry.record()?;
        let (status, init) = observe(entry, &record)?;
        Ok(State::new(entry.id(), record, status, init.as_ref()))
    }

    pub(crate) fn new(id: &ContainerId, record: Record, status: Status, init: Option<&Process>) -> Self {
        State {
            oci_version: record.oci_version,
            id: id.as_str().to_owned(),
            pid: init.map_or(0, Process::pid),
            status,
            bundle: record.bundle,
            rootfs: record.rootfs,
            created: record.created,
            annotations: record.annotations,
            owner: String::new(),
        }
    }

    /// The document, indented by two, without a newline at the end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// The state of a container.
///
/// # Errors
/// [`crate::Error::NotExist`]; as [`State::of`].
pub fn state(store: &Store, id: &ContainerId) -> Result<State> {
    State::of(&store.get(id)?)
}

/// The state document of runtime-spec.
#[derive(Serialize)]
pub(crate) struct HookState<'a> {
    #[serde(rename = "ociVersion")]
    pub(crate) oci_version: &'a str,
    id: &'a str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    bundle: &'a Path,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

impl<'a> HookState<'a> {
    /// Of a container; `pid` is absent where there is no process.
    pub(crate) fn new(record: &'a Record, status: Status, pid: Option<i32>) -> Self {
        HookState {
            oci_version: &record.oci_version,
            id: &record.id,
            status,
            pid,
            bundle: &record.bundle,
            annotations: &record.annotations,
        }
    }
}

/// The state as hooks get it on stdin, on one line.
pub fn hook_state(record: &Record, status: Status, pid: Option<i32>) -> Vec<u8> {
    serde_json::to_vec(&HookState::new(record, status, pid)).unwrap_or_default()
}

/// As [`hook_state`], cut in two where the pid goes: who runs the hook puts it between.
pub fn hook_state_around_pid(record: &Record, status: Status) -> (Vec<u8>, Vec<u8>) {
    const KEY: &[u8] = b",\"pid\":";
    let mut before = hook_state(record, status, Some(0));
    // The pid comes before all that could hold text like it, but for the id, which has no quotes.
    let at = before.windows(KEY.len()).position(|bytes| bytes == KEY).map_or(0, |at| at + KEY.len());
    let after = before.split_off((at + 1).min(before.len()));
    before.truncate(at);
    (before, after)
}
