//! Detached trees of mounts: made ready before anything can see them, then attached.

use super::beneath::Entry;
use crate::fault::Fault;
use core::ffi::CStr;
use plan::Attributes;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{CWD, FileType, fstat};
use rustix::mount::{MountPropagationFlags, MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use sys::Errno;
use sys::descriptor::Descriptor;
use sys::mount::{MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY, open_tree as open_tree_with, set_attributes};

/// `MS_REC`.
pub(super) const RECURSIVE: u32 = 1 << 14;
const PRIVATE: u32 = MountPropagationFlags::PRIVATE.bits();

/// A detached copy of the mount at `path` on the host.
pub(super) fn of_path(path: &CStr, recursive: bool) -> Result<Descriptor, Errno> {
    open_tree(CWD, path, flags(recursive)).map(Descriptor::from)
}

/// The same, changed as is asked, by one call where the kernel has it: its flags, which no mount below gets, and, where
/// nothing is `shared`, its propagation; what is left to be changed comes along. Any failure means that the long way is to
/// be taken, which has the words for it.
pub(super) fn of_path_with(
    path: &CStr,
    recursive: bool,
    attributes: &Attributes,
    shared: bool,
) -> Result<(Descriptor, Attributes), Errno> {
    let Attributes { set, clear, clear_unlocked, recursive_set: 0, recursive_clear: 0, propagation } = *attributes
    else {
        return Err(Errno::INVAL);
    };
    let clear = clear | clear_unlocked;
    let private = match propagation {
        [kind, 0] if !shared && kind & !RECURSIVE == PRIVATE && (!recursive || kind & RECURSIVE != 0) => PRIVATE,
        _ => 0,
    };
    if set | clear | u64::from(private) == 0 || recursive && set | clear != 0 {
        return Err(Errno::INVAL);
    }
    let left = if private == 0 { propagation } else { [0; 2] };
    let with = sys::mount::Attributes { set, clear, propagation: private.into(), user_namespace: None };
    let tree = open_tree_with(CWD, path, recursive, with)?;
    Ok((tree.into(), Attributes { propagation: left, ..Attributes::default() }))
}

/// A detached copy of the mount that `of` is open on, from there down, all of it read-only.
pub(super) fn read_only(of: BorrowedFd<'_>) -> Result<Descriptor, (&'static str, Errno)> {
    let set = u64::from(MOUNT_ATTR_RDONLY);
    let with = sys::mount::Attributes { set, ..Default::default() };
    open_tree_with(of, c"", true, with).map(Descriptor::from).or_else(|_| {
        let tree = copy(of, true).map_err(|errno| ("open_tree", errno))?;
        set_flags(tree.as_fd(), true, set, 0).map_err(|errno| ("mount_setattr", errno))?;
        Ok(tree)
    })
}

/// A detached copy of the mount that `of` is open on, from there down.
pub(crate) fn copy(of: BorrowedFd<'_>, recursive: bool) -> Result<Descriptor, Errno> {
    open_tree(of, c"", flags(recursive) | OpenTreeFlags::AT_EMPTY_PATH).map(Descriptor::from)
}

fn flags(recursive: bool) -> OpenTreeFlags {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive { flags | OpenTreeFlags::AT_RECURSIVE } else { flags }
}

/// Attaches a tree to what `target` is open on.
pub(crate) fn attach(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", target, c"", flags)
}

/// Attaches a tree to what has just been made; a link in its place is not followed.
pub(super) fn attach_at(tree: &Descriptor, entry: &Entry<'_, BorrowedFd<'_>>) -> Result<(), Errno> {
    move_mount(tree, c"", entry.directory, entry.name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Attaches a tree at `path` and gives it the propagation that is asked: only there is it known whether the mount
/// above is shared.
pub(super) fn place(tree: &Descriptor, target: &Descriptor, path: &CStr, attributes: &Attributes) -> Result<(), Fault> {
    attach(tree.as_fd(), target.as_fd()).map_err(|errno| {
        // As mount(2) says it, and as engines look for it: a directory onto a file, or a file onto a directory.
        let errno =
            if errno == Errno::INVAL && is_directory(tree) != is_directory(target) { Errno::NOTDIR } else { errno };
        Fault::call("move_mount", path.to_bytes(), errno)
    })?;
    propagation(tree, path, attributes)
}

/// Gives a mount the propagation that is asked.
pub(super) fn propagation(mount: &Descriptor, path: &CStr, attributes: &Attributes) -> Result<(), Fault> {
    let mut asked = attributes.propagation.into_iter().filter(|flags| *flags != 0);
    asked
        .try_for_each(|flags| propagate(mount.as_fd(), flags))
        .map_err(|errno| Fault::call("mount_setattr", path.to_bytes(), errno))
}

fn is_directory(file: &Descriptor) -> bool {
    fstat(file).is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Directory)
}

/// Changes the propagation (`MS_*`, with `MS_REC`) of the mount that `mount` is open on.
pub(super) fn propagate(mount: BorrowedFd<'_>, flags: u32) -> Result<(), Errno> {
    let propagation = u64::from(flags & !RECURSIVE);
    set_attributes(mount, flags & RECURSIVE != 0, sys::mount::Attributes { propagation, ..Default::default() })
}

/// Changes the flags of the mount that `mount` is open on.
pub(super) fn change(mount: BorrowedFd<'_>, attributes: &Attributes) -> Result<(), Errno> {
    let Attributes { set, clear, clear_unlocked, recursive_set, recursive_clear, .. } = *attributes;
    if set | clear | clear_unlocked != 0 {
        let exactly = set_flags(mount, false, set, clear | clear_unlocked);
        match exactly {
            Err(Errno::PERM) if clear_unlocked != 0 => set_flags(mount, false, set, clear)?,
            exactly => exactly?,
        }
    }
    if recursive_set | recursive_clear != 0 {
        set_flags(mount, true, recursive_set, recursive_clear)?;
    }
    Ok(())
}

/// Sets and clears `MOUNT_ATTR_*`.
pub(super) fn set_flags(mount: BorrowedFd<'_>, recursive: bool, set: u64, clear: u64) -> Result<(), Errno> {
    set_attributes(mount, recursive, sys::mount::Attributes { set, clear, ..Default::default() })
}

/// Maps the ids of a detached tree as `user_namespace` does.
pub(super) fn map_ids(tree: BorrowedFd<'_>, user_namespace: BorrowedFd<'_>, recursive: bool) -> Result<(), Errno> {
    let set = u64::from(MOUNT_ATTR_IDMAP);
    let attributes = sys::mount::Attributes { set, user_namespace: Some(user_namespace), ..Default::default() };
    set_attributes(tree, recursive, attributes)
}
