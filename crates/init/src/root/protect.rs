//! What the container may not see or change of its own tree, after the pivot.

use super::{beneath, guard, tree};
use crate::context::Context;
use crate::fault::Fault;
use core::ffi::CStr;
use plan::Text;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{OFlags, ResolveFlags};
use sys::Errno;
use sys::descriptor::Descriptor;
use sys::mount::MOUNT_ATTR_RDONLY;

/// Makes what is at a path read-only, with all below it: a mount of its own over itself.
pub(crate) fn readonly_path(context: &mut Context<'_>, path: Text<'_>) -> Result<(), Fault> {
    let Some(target) = look(context, path.0)? else { return Ok(()) };
    let call = |act| move |errno| Fault::call(act, path.bytes(), errno);
    let tree = tree::copy(target.as_fd(), true).map_err(call("open_tree"))?;
    tree::set_flags(tree.as_fd(), true, u64::from(MOUNT_ATTR_RDONLY), 0).map_err(call("mount_setattr"))?;
    tree::attach(tree.as_fd(), target.as_fd()).map_err(call("move_mount"))
}

/// Hides what is at a path.
pub(crate) fn mask_path(context: &mut Context<'_>, path: Text<'_>, label: Text<'_>) -> Result<(), Fault> {
    match look(context, path.0)? {
        Some(target) => context.covers.cover(&target, path.0, label.0),
        None => Ok(()),
    }
}

/// Opens what is at a path, or `None` where nothing is there. What is in `/proc` is looked for in the procfs that was
/// mounted there, which is held from the first such path on: whoever moves it away meanwhile does not keep it open.
fn look(context: &mut Context<'_>, path: &CStr) -> Result<Option<Descriptor>, Fault> {
    let rest = path.to_bytes_with_nul().strip_prefix(b"/proc/").filter(|_| context.has_proc);
    let Some(rest) = rest.and_then(|rest| CStr::from_bytes_with_nul(rest).ok()) else {
        return beneath::look(context.root()?, path);
    };
    if context.proc.is_none() {
        let call = |errno| Fault::call("open", b"/proc", errno);
        context.proc = Some(whole_proc(context.root()?).map_err(call)?);
    }
    let proc = context.proc.as_ref().map_or_else(|| context.root(), |proc| Ok(proc.as_fd()))?;
    beneath::look(proc, rest)
}

fn whole_proc(root: BorrowedFd<'_>) -> Result<Descriptor, Errno> {
    let proc = beneath::resolve(root, c"/proc", OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)?;
    if guard::is_proc(&proc)? && guard::is_root(&proc)? { Ok(proc) } else { Err(Errno::NODEV) }
}

/// Makes `/` read-only. Its other flags, which may be locked, stay.
pub(crate) fn readonly_root(context: &mut Context<'_>) -> Result<(), Fault> {
    tree::set_flags(context.root()?, false, u64::from(MOUNT_ATTR_RDONLY), 0)
        .map_err(|errno| Fault::call("mount_setattr", b"/", errno))
}
