//! `pause` and `resume`.

use crate::cgroup::Cgroup;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::observe::observe;
use crate::status::Status;
use crate::store::Store;

/// Freezes all processes of a container that runs or waits for `start`.
///
/// # Errors
/// [`Error::NotRunning`]; [`Error::Cgroup`] where they can't be frozen (they run on then).
pub fn pause(store: &Store, id: &ContainerId) -> Result<()> {
    let entry = store.get(id)?;
    entry.lock()?;
    let record = entry.record()?;
    match observe(&entry, &record)?.0 {
        Status::Running | Status::Created => Cgroup::of(&record).freeze(),
        Status::Creating | Status::Paused | Status::Stopped => Err(Error::NotRunning),
    }
}

/// Lets a paused container go on.
///
/// # Errors
/// [`Error::NotPaused`]; [`Error::Cgroup`].
pub fn resume(store: &Store, id: &ContainerId) -> Result<()> {
    let entry = store.get(id)?;
    entry.lock()?;
    let record = entry.record()?;
    match observe(&entry, &record)?.0 {
        Status::Paused => Cgroup::of(&record).thaw(),
        Status::Creating | Status::Created | Status::Running | Status::Stopped => Err(Error::NotPaused),
    }
}
