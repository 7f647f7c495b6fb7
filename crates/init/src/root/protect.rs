//! What the container may not see or change of its own tree, after the pivot.

use super::{beneath, tree};
use crate::context::Context;
use crate::fault::Fault;
use core::ffi::CStr;
use plan::Text;
use rustix::fd::AsFd;
use sys::descriptor::Descriptor;
use sys::mount::MOUNT_ATTR_RDONLY;

/// Makes what is at a path read-only, with all below it: a mount of its own over itself.
pub(crate) fn readonly_path(context: &mut Context<'_>, path: Text<'_>) -> Result<(), Fault> {
    let Some(target) = look(context, path.0)? else { return Ok(()) };
    let failed = |(act, errno)| Fault::call(act, path.bytes(), errno);
    let tree = tree::read_only(target.as_fd()).map_err(failed)?;
    tree::attach(tree.as_fd(), target.as_fd()).map_err(|errno| failed(("move_mount", errno)))
}

/// Hides what is at a path.
pub(crate) fn mask_path(context: &mut Context<'_>, path: Text<'_>, label: Text<'_>) -> Result<(), Fault> {
    match look(context, path.0)? {
        Some(target) => context.covers.cover(&target, path.0, label.0),
        None => Ok(()),
    }
}

/// Opens what is at a path, or `None` where nothing is there. What lies in a mount of the config is looked for in that
/// mount: whoever moves it away meanwhile does not keep it open. What we make in a mount is made by its path, so that is
/// looked up, too, where the mount does not have it. Links lead from the container's root, which is `/` by now.
fn look(context: &Context<'_>, path: &CStr) -> Result<Option<Descriptor>, Fault> {
    let mut held = context.held.iter().rev();
    if let Some((held, rest)) = held.find_map(|held| Some((held, within(path, held.target)?))) {
        let found = beneath::look_in(&held.mount, rest, path)?;
        if found.is_some() || held.finished {
            return Ok(found);
        }
    }
    beneath::look(context.root()?, path)
}

/// What is left of a path that lies in `target`, which is not `/`; empty for `target` itself.
fn within<'p>(path: &'p CStr, target: &CStr) -> Option<&'p CStr> {
    let rest = path.to_bytes_with_nul().strip_prefix(target.to_bytes())?;
    let rest = match rest {
        [b'/', rest @ ..] => rest,
        [0] => rest,
        _ => return None,
    };
    CStr::from_bytes_with_nul(rest).ok()
}

/// Makes `/` read-only. Its other flags, which may be locked, stay.
pub(crate) fn readonly_root(context: &mut Context<'_>) -> Result<(), Fault> {
    tree::set_flags(context.root()?, false, u64::from(MOUNT_ATTR_RDONLY), 0)
        .map_err(|errno| Fault::call("mount_setattr", b"/", errno))
}
