//! Opening a namespace that the config names by path.

use crate::error::Error;
use crate::wanted::{Join, Wanted, name};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open as open_path, stat};
use std::path::Path;

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

/// Which of the namespaces to join are the runtime's own, as `CLONE_NEW*` flags: a container that joins such a one
/// shares it with the host, or with whatever the runtime runs in.
pub fn shared(wanted: &Wanted) -> u32 {
    let identity = |path: &Path| stat(path).ok().map(|file| (file.st_dev, file.st_ino));
    let ours = |join: &&Join| {
        let own = format!("/proc/self/ns/{}", file(join.kind));
        identity(&join.path).is_some_and(|joined| Some(joined) == identity(own.as_ref()))
    };
    wanted.joined.iter().filter(ours).fold(0, |kinds, join| kinds | join.kind)
}

/// The name in `/proc/PID/ns` of a kind.
pub fn file(kind: u32) -> &'static str {
    match name(kind) {
        Some("mount") => "mnt",
        Some("network") => "net",
        known => known.unwrap_or_default(),
    }
}
