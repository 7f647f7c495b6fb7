//! What the container may not see or change of its own tree, after the pivot.

use super::{beneath, tree};
use crate::context::Context;
use crate::fault::Fault;
use plan::Text;
use rustix::fd::AsFd;
use sys::mount::MOUNT_ATTR_RDONLY;

/// Makes what is at a path read-only, with all below it: a mount of its own over itself.
pub(crate) fn readonly_path(context: &mut Context<'_>, path: Text<'_>) -> Result<(), Fault> {
    let Some(target) = beneath::look(context.root()?, path.0)? else { return Ok(()) };
    let call = |act| move |errno| Fault::call(act, path.bytes(), errno);
    let tree = tree::copy(target.as_fd(), true).map_err(call("open_tree"))?;
    tree::set_flags(tree.as_fd(), true, u64::from(MOUNT_ATTR_RDONLY), 0).map_err(call("mount_setattr"))?;
    tree::attach(tree.as_fd(), target.as_fd()).map_err(call("move_mount"))
}

/// Hides what is at a path.
pub(crate) fn mask_path(context: &mut Context<'_>, path: Text<'_>, label: Text<'_>) -> Result<(), Fault> {
    match beneath::look(context.root()?, path.0)? {
        Some(target) => context.covers.cover(&target, path.0, label.0),
        None => Ok(()),
    }
}

/// Makes `/` read-only. Its other flags, which may be locked, stay.
pub(crate) fn readonly_root(context: &mut Context<'_>) -> Result<(), Fault> {
    tree::set_flags(context.root()?, false, u64::from(MOUNT_ATTR_RDONLY), 0)
        .map_err(|errno| Fault::call("mount_setattr", b"/", errno))
}
