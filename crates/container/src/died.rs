//! Naming the memory limit where it is what killed init.

use crate::error::Error;
use crate::record::Record;

/// The error that is meant where init died without a word: its memory limit, if its cgroup has counted a kill.
pub(crate) fn explain(error: launch::Error, record: &Record) -> Error {
    match error {
        launch::Error::Died { .. } if crate::cgroup::Cgroup::of(record).was_oom_killed() => Error::OomKilled,
        error => error.into(),
    }
}
