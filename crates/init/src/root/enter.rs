//! Into the root: before any mount of the config is made, and after.

use super::covers::Covers;
use super::filesystem::Filesystem;
use super::place::Root;
use super::tree::{self, RECURSIVE};
use super::{bare, beneath, guard};
use crate::context::Context;
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use plan::Text;
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use rustix::process::{chdir, chroot as change_root, fchdir, pivot_root as pivot, umask};
use sys::Errno;
use sys::descriptor::Descriptor;

/// Changes the propagation of `/` of the mount namespace.
pub(crate) fn propagation(context: &mut Context<'_>, flags: u32) -> Result<(), Fault> {
    context.shared = flags & MountPropagationFlags::SHARED.bits() != 0;
    mount_change(c"/", MountPropagationFlags::from_bits_retain(flags))
        .map_err(|errno| Fault::call("mount", b"/", errno))
}

/// Makes the mount that holds `path` private.
#[inline(never)]
pub(crate) fn parent_private(path: Text<'_>) -> Result<(), Fault> {
    let mut above: ArrayVec<u8, 4096> = ArrayVec::new();
    above
        .try_extend_from_slice(path.0.to_bytes_with_nul())
        .map_err(|_| Fault::call("mount", path.bytes(), Errno::NAMETOOLONG))?;
    loop {
        let text = CStr::from_bytes_until_nul(&above).unwrap_or(c"/");
        match mount_change(text, MountPropagationFlags::PRIVATE) {
            Ok(()) => return Ok(()),
            // Not where a mount begins: it begins further up.
            Err(Errno::INVAL) if text != c"/" => {}
            Err(errno) => return Err(Fault::call("mount (private)", path.bytes(), errno)),
        }
        let end = text.to_bytes().iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        above.truncate(end.max(1));
        above.push(0);
    }
}

/// Opens the root file system, as a mount of its own where `bind`, which is then `private` or as the one above is.
pub(crate) fn open_root(context: &mut Context<'_>, path: Text<'_>, bind: bool, private: bool) -> Result<(), Fault> {
    let call = |act| move |errno| Fault::call(act, path.bytes(), errno);
    // What is made in the root gets exactly the mode that is asked.
    umask(Mode::empty());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(path.0, flags, Mode::empty()).map(Descriptor::from).map_err(call("open"))?;
    let root = if bind {
        let tree = tree::copy(directory.as_fd(), true).map_err(call("open_tree"))?;
        tree::attach(tree.as_fd(), directory.as_fd()).map_err(call("move_mount"))?;
        if private {
            tree::propagate(tree.as_fd(), MountPropagationFlags::PRIVATE.bits()).map_err(call("mount_setattr"))?;
        }
        tree
    } else {
        directory
    };
    let proc = guard::is_proc(&root).map_err(call("fstatfs"))?;
    context.root = Some(Root::new(root, proc));
    let mut covers = Covers::default();
    covers.take_null()?;
    context.covers = covers;
    Ok(())
}

/// Mounts a procfs of our own, attached nowhere.
pub(crate) fn procfs(context: &mut Context<'_>) -> Result<(), Fault> {
    let own = Filesystem::new(c"proc").and_then(|proc| proc.mount(c"proc", 0));
    context.procfs = Some(match own {
        Ok(own) => own,
        // In a user namespace whose view of /proc has holes none is to be had: the host's will do.
        Err(_) => host_procfs().map_err(|errno| Fault::call("open", b"/proc", errno))?,
    });
    Ok(())
}

fn host_procfs() -> Result<Descriptor, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let procfs = Descriptor::from(open(c"/proc", flags, Mode::empty())?);
    if guard::is_proc(&procfs)? && guard::is_root(&procfs)? { Ok(procfs) } else { Err(Errno::NODEV) }
}

/// Makes the opened root `/` and leaves the old one behind for good.
pub(crate) fn pivot_root(context: &mut Context<'_>) -> Result<(), Fault> {
    let call = |act| move |errno| Fault::call(act, b"/", errno);
    let old = if context.shared { Some(beneath::slash().map_err(call("open"))?) } else { None };
    fchdir(context.root()?).map_err(call("fchdir"))?;
    // The new root is also where the old one is put: on top of it.
    pivot(c".", c".").map_err(call("pivot_root"))?;
    if let Some(old) = old {
        // So that the host does not see the unmounts. Not private: that would keep mounts busy that the host is
        // about to take away.
        tree::propagate(old.as_fd(), MountPropagationFlags::DOWNSTREAM.bits() | RECURSIVE)
            .map_err(call("mount_setattr"))?;
    }
    // What is on top goes; this process is below already, in the new root.
    unmount(c".", UnmountFlags::DETACH).map_err(call("umount2"))
}

/// Makes the opened root `/` by moving its mount there, where `/` is a ramdisk and can't be pivoted away.
pub(crate) fn move_root(context: &mut Context<'_>) -> Result<(), Fault> {
    let procfs = host_procfs().map_err(|errno| Fault::call("open", b"/proc", errno))?;
    bare::hide(context.root()?, &procfs)?;
    let top = beneath::slash().map_err(|errno| Fault::call("open", b"/", errno))?;
    tree::attach(context.root()?, top.as_fd()).map_err(|errno| Fault::call("move_mount", b"/", errno))?;
    chroot(context)
}

/// Makes the opened root `/` of this process only.
pub(crate) fn chroot(context: &mut Context<'_>) -> Result<(), Fault> {
    let call = |act| move |errno| Fault::call(act, b"/", errno);
    fchdir(context.root()?).map_err(call("fchdir"))?;
    change_root(c".").map_err(call("chroot"))?;
    chdir(c"/").map_err(call("chdir"))
}

/// Changes the propagation of the container's `/`.
pub(crate) fn root_propagation(context: &mut Context<'_>, flags: u32) -> Result<(), Fault> {
    tree::propagate(context.root()?, flags).map_err(|errno| Fault::call("mount_setattr", b"/", errno))
}
