//! A walk over a cgroup and all below it. What a container makes there can be deeper than a path is long and can
//! change meanwhile, so the walk goes from directory to directory by descriptor, holding one at a time.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::{CStr, CString};
use std::path::Path;

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// Opens a cgroup's directory.
pub(crate) fn open(path: &Path) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| openat(CWD, path, FLAGS, Mode::empty()))
}

/// Opens a directory beneath another, by name.
fn enter(directory: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| openat(directory.as_fd(), name, FLAGS, Mode::empty()))
}

fn children(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type() == FileType::Directory && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Calls `visit` with each cgroup, first the one at `path`, and its depth. A cgroup below it that vanishes
/// meanwhile is passed over.
///
/// # Errors
/// What `visit` returns; what opening the first gives.
pub(crate) fn each<E: From<Errno>>(
    path: &Path,
    mut visit: impl FnMut(&OwnedFd, usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut here = open(path)?;
    visit(&here, 0)?;
    let mut pending = vec![children(&here)?];
    while let Some(names) = pending.last_mut() {
        let Some(name) = names.pop() else {
            pending.pop();
            if !pending.is_empty() {
                here = enter(&here, c"..")?;
            }
            continue;
        };
        match enter(&here, &name) {
            Ok(inner) => {
                here = inner;
                visit(&here, pending.len())?;
                pending.push(gone_is_empty(children(&here))?);
            }
            Err(Errno::NOENT | Errno::NODEV) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Removes a cgroup and all below it, the deepest first. One that is busy, with what is above it, stays.
///
/// # Errors
/// Why the one at `path` is still there.
pub(crate) fn remove(path: &Path) -> Result<(), Errno> {
    let below = open(path).and_then(remove_children);
    match (rustix::fs::rmdir(path), below) {
        (Ok(()) | Err(Errno::NOENT), _) => Ok(()),
        (Err(Errno::BUSY | Errno::NOTEMPTY), Err(errno)) if errno != Errno::NOENT => Err(errno),
        (Err(errno), _) => Err(errno),
    }
}

fn remove_children(top: OwnedFd) -> Result<(), Errno> {
    let mut result = Ok(());
    let mut here = top;
    // The names on the way down; the last of each list is the one that the walk is in.
    let mut pending = vec![children(&here)?];
    while let Some(names) = pending.last_mut() {
        let Some(name) = names.last() else {
            pending.pop();
            let Some(names) = pending.last_mut() else { break };
            here = enter(&here, c"..")?;
            if let Some(name) = names.pop() {
                result = result.and(removed(unlinkat(&here, &name, AtFlags::REMOVEDIR)));
            }
            continue;
        };
        match enter(&here, name) {
            Ok(inner) => {
                here = inner;
                pending.push(gone_is_empty(children(&here))?);
            }
            Err(Errno::NOENT | Errno::NODEV) => {
                names.pop();
            }
            Err(errno) => return Err(errno),
        }
    }
    result
}

fn gone_is_empty(names: Result<Vec<CString>, Errno>) -> Result<Vec<CString>, Errno> {
    match names {
        Err(Errno::NOENT | Errno::NODEV) => Ok(Vec::new()),
        names => names,
    }
}

fn removed(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}
