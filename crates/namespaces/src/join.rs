//! Opening a namespace that the config names by path.

use crate::error::Error;
use crate::wanted::{Join, name};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open as open_path};

/// Opens the namespace to join and checks with the kernel that it is of the kind that the config says
/// (`NS_GET_NSTYPE`, Linux 4.11): a name proves nothing.
///
/// # Errors
/// Where it can't be opened or is of another kind.
pub fn open(join: &Join) -> Result<OwnedFd, Error> {
    // NONBLOCK: a FIFO in its place must not stop us.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let namespace = open_path(&join.path, flags, Mode::empty()).map_err(|errno| Error::Open {
        place: join.place.clone(),
        path: join.path.clone(),
        errno,
    })?;
    match sys::namespace::kind(namespace.as_fd()) {
        Ok(kind) if kind == join.kind => Ok(namespace),
        found => Err(Error::Kind {
            place: join.place.clone(),
            path: join.path.clone(),
            wanted: name(join.kind).unwrap_or("known"),
            found: found.ok().and_then(name),
        }),
    }
}
