//! Copies what is in a directory into a new tmpfs (the option `tmpcopyup`): directories, files, links, devices,
//! with their owners and modes.

use super::beneath::{Entry, PATH_MAX};
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use rustix::fd::AsFd;
use rustix::fs::{FileType, Gid, Mode, OFlags, RawDir, Stat, Uid, fchmod, fchown, fstat, sendfile};
use sys::Errno;
use sys::descriptor::Descriptor;

/// Directories in one another, at most. Each takes some 3 KiB of the stack.
const DEPTH: usize = 256;

/// At a time; the kernel copies, so this is no buffer of ours.
const CHUNK: usize = 1 << 30;

/// Copies what is in `from` into `to`, which gets its mode and owner too.
pub(super) fn contents(from: &Descriptor, to: &Descriptor) -> Result<(), Fault> {
    let (from, to) = (readable(from, c".")?, readable(to, c".")?);
    directory(&from, &to, DEPTH)
}

fn readable(directory: &Descriptor, name: &CStr) -> Result<Descriptor, Fault> {
    Entry { directory, name }.open(OFlags::RDONLY | OFlags::DIRECTORY).map_err(|errno| fault("openat", name, errno))
}

fn directory(from: &Descriptor, to: &Descriptor, depth: usize) -> Result<(), Fault> {
    let mut space = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(from, &mut space);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| fault("getdents64", c".", errno))?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let (old, new) = (Entry { directory: from, name }, Entry { directory: to, name });
        let status = old.status().map_err(|errno| fault("fstatat", name, errno))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::Directory {
            leaf(&old, &new, &status).map_err(|errno| fault("copy", name, errno))?;
            continue;
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(fault("too many directories in one another", name, Errno::NAMETOOLONG));
        };
        new.make_directory(0o700).map_err(|errno| fault("mkdirat", name, errno))?;
        directory(&readable(from, name)?, &readable(to, name)?, depth)?;
    }
    let status = fstat(from).map_err(|errno| fault("fstat", c".", errno))?;
    own(to, &status).map_err(|errno| fault("chown", c".", errno))
}

/// Anything but a directory.
fn leaf(old: &Entry<'_, &Descriptor>, new: &Entry<'_, &Descriptor>, status: &Stat) -> Result<(), Errno> {
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => return file(old, new),
        FileType::Symlink => {
            let mut space = [MaybeUninit::uninit(); PATH_MAX];
            let mut text: ArrayVec<u8, PATH_MAX> = old.link_text(&mut space)?.iter().copied().collect();
            text.try_push(0).map_err(|_| Errno::NAMETOOLONG)?;
            new.make_link(CStr::from_bytes_with_nul(&text).map_err(|_| Errno::INVAL)?)?;
        }
        _ => new.make_node(status.st_mode, status.st_rdev)?,
    }
    new.own(Uid::from_raw(status.st_uid), Gid::from_raw(status.st_gid))
}

fn file(old: &Entry<'_, &Descriptor>, new: &Entry<'_, &Descriptor>) -> Result<(), Errno> {
    let from = old.open(OFlags::RDONLY | OFlags::NONBLOCK)?;
    let status = fstat(&from)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Errno::AGAIN);
    }
    let to = new.make_file(0o600)?;
    while sendfile(&to, &from, None, CHUNK)? > 0 {}
    own(&to, &status)
}

/// Owner, then mode: a change of owner takes the set-user-id bits away.
fn own(file: impl AsFd + Copy, status: &Stat) -> Result<(), Errno> {
    fchown(file, Some(Uid::from_raw(status.st_uid)), Some(Gid::from_raw(status.st_gid)))?;
    fchmod(file, Mode::from_raw_mode(status.st_mode & 0o7777))
}

fn fault(act: &'static str, name: &CStr, errno: Errno) -> Fault {
    Fault::call(act, name.to_bytes(), errno)
}
