//! What a container is doing, asked of the kernel each time and never taken from disk.

use crate::cgroup::Cgroup;
use crate::entry::Entry;
use crate::error::Result;
use crate::process::Process;
use crate::record::{Record, Stage};
use crate::status::Status;

/// What the container is doing, and its init where it lives.
///
/// # Errors
/// [`crate::Error::Io`]
pub fn observe(entry: &Entry, record: &Record) -> Result<(Status, Option<Process>)> {
    if record.init_process_pid == 0 {
        // Nothing more than the lock tells whether its maker lives. It may have got further meanwhile.
        return Ok((if entry.is_busy()? { Status::Creating } else { Status::Stopped }, None));
    }
    let Some(init) = record.init()? else { return Ok((Status::Stopped, None)) };
    let status = if Cgroup::of(record).is_frozen()? {
        Status::Paused
    } else if record.stage == Stage::Creating {
        Status::Creating
    } else if entry.awaits_start()? {
        Status::Created
    } else {
        Status::Running
    };
    Ok((status, Some(init)))
}
