//! An entry of `/mounts`, made ready to be planned.

use crate::options::Options;
use spec::oci::Mount as Entry;
use std::borrow::Cow;
use std::path::Path;

/// One entry, made ready.
pub(crate) struct Ready<'s> {
    /// JSON pointer: `/mounts/3`.
    pub place: String,
    /// Where, inside.
    pub target: Cow<'s, Path>,
    /// Its source as the config has it; empty where it has none.
    pub source: &'s Path,
    pub options: Options<'s>,
    /// Whether masked or read-only paths lie in it.
    pub held: bool,
}

pub(crate) fn options(entry: &Entry) -> Options<'_> {
    Options::new(entry.options().iter().flatten().map(String::as_str))
}
