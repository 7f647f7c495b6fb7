//! Copies what is in a directory into a new tmpfs (the option `tmpcopyup`): directories, files, links, devices,
//! with their owners and modes.

use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RawDir, Stat, Uid, chownat, fchmod, fchown, fstat, mkdirat, mknodat, openat,
    readlinkat_raw, sendfile, statat, symlinkat,
};
use sys::Errno;

/// Directories in one another, at most. Each takes some 4 KiB of the stack.
const DEPTH: usize = 256;

/// At a time; the kernel copies, so this is no buffer of ours.
const CHUNK: usize = 1 << 30;

/// Copies what is in `from` into `to`, which gets its mode and owner too.
pub(super) fn contents(from: &OwnedFd, to: &OwnedFd) -> Result<(), Fault> {
    let (from, to) = (readable(from.as_fd(), c".")?, readable(to.as_fd(), c".")?);
    directory(&from, &to, DEPTH)
}

fn readable(at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Fault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, name, flags, Mode::empty()).map_err(|errno| fault("openat", name, errno))
}

fn directory(from: &OwnedFd, to: &OwnedFd, depth: usize) -> Result<(), Fault> {
    let mut space = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(from, &mut space);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| fault("getdents64", c".", errno))?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let status = statat(from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| fault("fstatat", name, errno))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::Directory {
            leaf(from, to, name, &status).map_err(|errno| fault("copy", name, errno))?;
            continue;
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(fault("too many directories in one another", name, Errno::NAMETOOLONG));
        };
        mkdirat(to, name, Mode::RWXU).map_err(|errno| fault("mkdirat", name, errno))?;
        directory(&readable(from.as_fd(), name)?, &readable(to.as_fd(), name)?, depth)?;
    }
    let status = fstat(from).map_err(|errno| fault("fstat", c".", errno))?;
    own(to, &status).map_err(|errno| fault("chown", c".", errno))
}

/// Anything but a directory.
fn leaf(from: &OwnedFd, to: &OwnedFd, name: &CStr, status: &Stat) -> Result<(), Errno> {
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => file(from, to, name),
        FileType::Symlink => {
            let mut space = [MaybeUninit::uninit(); 4096];
            let (text, _) = readlinkat_raw(from, name, &mut space)?;
            let mut text: ArrayVec<u8, 4096> = text.iter().copied().collect();
            text.try_push(0).map_err(|_| Errno::NAMETOOLONG)?;
            symlinkat(CStr::from_bytes_with_nul(&text).map_err(|_| Errno::INVAL)?, to, name)?;
            let (uid, gid) = owner(status);
            chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
        }
        kind => {
            mknodat(to, name, kind, Mode::RUSR | Mode::WUSR, status.st_rdev)?;
            let node = openat(to, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            let (uid, gid) = owner(status);
            chownat(&node, c"", uid, gid, AtFlags::EMPTY_PATH)
        }
    }
}

fn file(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let from = openat(from, name, flags, Mode::empty())?;
    let status = fstat(&from)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Errno::AGAIN);
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let to = openat(to, name, flags, Mode::RUSR | Mode::WUSR)?;
    while sendfile(&to, &from, None, CHUNK)? > 0 {}
    own(&to, &status)
}

/// Owner, then mode: a change of owner takes the set-user-id bits away.
fn own(file: &OwnedFd, status: &Stat) -> Result<(), Errno> {
    let (uid, gid) = owner(status);
    fchown(file, uid, gid)?;
    fchmod(file, Mode::from_raw_mode(status.st_mode & 0o7777))
}

fn owner(status: &Stat) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(status.st_uid)), Some(Gid::from_raw(status.st_gid)))
}

fn fault(act: &'static str, name: &CStr, errno: Errno) -> Fault {
    Fault::call(act, name.to_bytes(), errno)
}
