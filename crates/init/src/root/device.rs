//! Device nodes and links.

use super::{beneath, covers, tree};
use crate::context::Context;
use crate::fault::Fault;
use core::ffi::CStr;
use plan::{Device, Text};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, chownat, fstat, makedev, mknodat, openat, symlinkat, unlinkat,
};
use rustix::process::umask;
use sys::Errno;

/// Makes a device node or FIFO.
pub(crate) fn device(context: &mut Context<'_>, step: &Device<'_>) -> Result<(), Fault> {
    let (directory, name) = beneath::parent(context.root()?, step.path.0)?;
    if step.from_host {
        return from_host(&directory, name, step);
    }
    match node(&directory, name, step) {
        Ok(()) => own(&directory, name, step),
        Err(Errno::EXIST) => compare(&directory, name, step),
        // Without CAP_MKNOD.
        Err(Errno::PERM) if kind(step) != FileType::Fifo => from_host(&directory, name, step),
        Err(errno) => Err(Fault::call("mknodat", step.path.bytes(), errno)),
    }
}

/// Makes a symbolic link.
pub(crate) fn link(context: &mut Context<'_>, path: Text<'_>, to: Text<'_>, replace: bool) -> Result<(), Fault> {
    let (directory, name) = beneath::parent(context.root()?, path.0)?;
    if replace {
        match unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(errno) => return Err(Fault::call("unlinkat", path.bytes(), errno)),
        }
    }
    match symlinkat(to.0, &directory, name) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(Fault::call("symlinkat", path.bytes(), errno)),
    }
}

fn kind(step: &Device<'_>) -> FileType {
    FileType::from_raw_mode(step.mode)
}

/// Makes the node with exactly the mode that is asked.
fn node(directory: &OwnedFd, name: &CStr, step: &Device<'_>) -> Result<(), Errno> {
    let before = umask(Mode::empty());
    let mode = Mode::from_raw_mode(step.mode);
    let made = mknodat(directory, name, kind(step), mode, makedev(step.major, step.minor));
    umask(before);
    made
}

/// Gives the new node its owner: it is root's.
fn own(directory: &OwnedFd, name: &CStr, step: &Device<'_>) -> Result<(), Fault> {
    if (step.uid, step.gid) == (0, 0) {
        return Ok(());
    }
    let call = |errno| Fault::call("fchownat", step.path.bytes(), errno);
    let made = open(directory, name, step)?;
    if !same(&made, step)? {
        return Err(Fault::refusal("something else has just appeared at", step.path.bytes()));
    }
    let (uid, gid) = (Uid::from_raw(step.uid), Gid::from_raw(step.gid));
    chownat(&made, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH).map_err(call)
}

/// Takes what is there already for the device, if it is that.
fn compare(directory: &OwnedFd, name: &CStr, step: &Device<'_>) -> Result<(), Fault> {
    if step.exact && !same(&open(directory, name, step)?, step)? {
        return Err(Fault::refusal("there is something else than that device at", step.path.bytes()));
    }
    Ok(())
}

/// Binds the host's node of the same path.
fn from_host(directory: &OwnedFd, name: &CStr, step: &Device<'_>) -> Result<(), Fault> {
    let tree = covers::host_device(step.path.0, kind(step), step.major, step.minor)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    match openat(directory, name, flags, Mode::from_raw_mode(0o644)) {
        Ok(_) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(Fault::call("openat", step.path.bytes(), errno)),
    }
    let target = open(directory, name, step)?;
    if same(&target, step)? {
        return Ok(());
    }
    tree::attach(tree.as_fd(), target.as_fd()).map_err(|errno| Fault::call("move_mount", step.path.bytes(), errno))
}

fn open(directory: &OwnedFd, name: &CStr, step: &Device<'_>) -> Result<OwnedFd, Fault> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty()).map_err(|errno| Fault::call("openat", step.path.bytes(), errno))
}

/// Whether a file is the device.
fn same(file: &OwnedFd, step: &Device<'_>) -> Result<bool, Fault> {
    let status = fstat(file).map_err(|errno| Fault::call("fstat", step.path.bytes(), errno))?;
    let device = kind(step) == FileType::Fifo || status.st_rdev == makedev(step.major, step.minor);
    Ok(FileType::from_raw_mode(status.st_mode) == kind(step) && device)
}
