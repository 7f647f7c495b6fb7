//! Device nodes, links and directories.

use super::beneath::{self, Entry, Missing};
use super::{covers, tree};
use crate::context::Context;
use crate::fault::Fault;
use plan::{Device, Text};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{FileType, Gid, OFlags, Uid, fstat, makedev};
use sys::Errno;
use sys::descriptor::Descriptor;

/// Makes a device node or FIFO.
pub(crate) fn device<'p>(context: &mut Context<'p>, step: &Device<'p>) -> Result<(), Fault> {
    let entry = context.root_mut()?.entry(step.path.0)?;
    if step.from_host {
        return from_host(&entry, step);
    }
    match entry.make_node(step.mode, makedev(step.major, step.minor)) {
        Ok(()) => own(&entry, step),
        Err(Errno::EXIST) => compare(&entry, step),
        // Without CAP_MKNOD.
        Err(Errno::PERM) if kind(step) != FileType::Fifo => from_host(&entry, step),
        Err(errno) => Err(Fault::call("mknodat", step.path.bytes(), errno)),
    }
}

/// Makes a symbolic link.
pub(crate) fn link<'p>(context: &mut Context<'p>, path: Text<'p>, to: Text<'_>, replace: bool) -> Result<(), Fault> {
    let entry = context.root_mut()?.entry(path.0)?;
    let mut made = entry.make_link(to.0);
    if replace && made == Err(Errno::EXIST) {
        match entry.remove() {
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(errno) => return Err(Fault::call("unlinkat", path.bytes(), errno)),
        }
        made = entry.make_link(to.0);
    }
    match made {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(Fault::call("symlinkat", path.bytes(), errno)),
    }
}

/// Makes a directory.
pub(crate) fn directory(context: &mut Context<'_>, path: Text<'_>) -> Result<(), Fault> {
    match beneath::make_directory(context.root()?, path.0) {
        // Root may be refused where the payload's user is not: who needs the directory will say so.
        Err(fault) if !matches!(fault.errno, Some(Errno::ACCESS | Errno::PERM)) => Err(fault),
        _ => Ok(()),
    }
}

fn kind(step: &Device<'_>) -> FileType {
    FileType::from_raw_mode(step.mode)
}

/// Gives the new node its owner: it is root's.
fn own(entry: &Entry<'_, BorrowedFd<'_>>, step: &Device<'_>) -> Result<(), Fault> {
    if (step.uid, step.gid) == (0, 0) {
        return Ok(());
    }
    let made = look(entry, step)?;
    if !same(&made, step)? {
        return Err(Fault::refusal("something else has just appeared at", step.path.bytes()));
    }
    beneath::own(&made, Uid::from_raw(step.uid), Gid::from_raw(step.gid))
        .map_err(|errno| Fault::call("fchownat", step.path.bytes(), errno))
}

/// Takes what is there already for the device, if it is that.
fn compare(entry: &Entry<'_, BorrowedFd<'_>>, step: &Device<'_>) -> Result<(), Fault> {
    if step.exact && !same(&look(entry, step)?, step)? {
        return Err(Fault::refusal("there is something else than that device at", step.path.bytes()));
    }
    Ok(())
}

/// Binds the host's node of the same path.
fn from_host(entry: &Entry<'_, BorrowedFd<'_>>, step: &Device<'_>) -> Result<(), Fault> {
    let tree = covers::host_device(step.path.0, kind(step), step.major, step.minor)?;
    match entry.make(Missing::File) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(Fault::call("mknodat", step.path.bytes(), errno)),
    }
    let target = look(entry, step)?;
    if same(&target, step)? {
        return Ok(());
    }
    tree::attach(tree.as_fd(), target.as_fd()).map_err(|errno| Fault::call("move_mount", step.path.bytes(), errno))
}

fn look(entry: &Entry<'_, BorrowedFd<'_>>, step: &Device<'_>) -> Result<Descriptor, Fault> {
    entry.open(OFlags::PATH).map_err(|errno| Fault::call("openat", step.path.bytes(), errno))
}

/// Whether a file is the device.
fn same(file: &Descriptor, step: &Device<'_>) -> Result<bool, Fault> {
    let status = fstat(file).map_err(|errno| Fault::call("fstat", step.path.bytes(), errno))?;
    let device = kind(step) == FileType::Fifo || status.st_rdev == makedev(step.major, step.minor);
    Ok(FileType::from_raw_mode(status.st_mode) == kind(step) && device)
}
