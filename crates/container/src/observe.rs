//! What a container is doing, asked of the kernel each time and never taken from disk.

use crate::entry::Entry;
use crate::error::Result;
use crate::process::Process;
use crate::record::{Record, Stage};
use crate::status::Status;
use cgroups::Freezers;

/// What the container is doing, and its init where it lives.
///
/// # Errors
/// [`crate::Error::Io`]
pub fn observe(entry: &Entry, record: &Record) -> Result<(Status, Option<Process>)> {
    if record.init_process_pid == 0 {
        // Nothing more than the lock tells whether its maker lives. It may have got further meanwhile.
        return Ok((if entry.is_busy()? { Status::Creating } else { Status::Stopped }, None));
    }
    observe_init(record, &Freezers::default(), || entry.awaits_start())
}

/// The same where there has been an init.
///
/// # Errors
/// [`crate::Error::Io`]
pub(crate) fn observe_init(
    record: &Record,
    freezers: &Freezers,
    awaits_start: impl FnOnce() -> Result<bool>,
) -> Result<(Status, Option<Process>)> {
    let Some(init) = record.init()? else { return Ok((Status::Stopped, None)) };
    let status = if freezers.is_frozen(&record.cgroup_paths)? {
        Status::Paused
    } else if record.stage == Stage::Creating {
        Status::Creating
    } else if record.stage == Stage::Created && awaits_start()? {
        Status::Created
    } else {
        Status::Running
    };
    Ok((status, Some(init)))
}
