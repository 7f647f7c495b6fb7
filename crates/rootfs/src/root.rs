//! Around the mounts: into the root before them, the pivot and what is protected after them.

use crate::error::Error;
use crate::facts::Facts;
use crate::mounts::{label, read_only_later};
use crate::options::{PRIVATE, REC, SHARED, SLAVE, UNBINDABLE, propagation};
use crate::path::{path_text, text};
use crate::protected;
use plan::{Attributes, Step, Text, Writer};
use spec::oci::{LinuxNamespaceType, Root, Spec};
use spec::{Namespace, namespace};
use std::path::Path;
use sys::mount::MOUNT_ATTR_RDONLY;

/// Cuts the mount namespace off the host's and opens the root file system.
///
/// # Errors
/// Where the root's path can't be passed to the kernel.
pub fn prepare(spec: &Spec, facts: &Facts, plan: &mut Writer) -> Result<(), Error> {
    let path = path_text("/root/path", &facts.rootfs)?;
    let mut private = false;
    if own_mounts(spec) {
        let asked = root_propagation(spec);
        let flags = match asked & !REC {
            // Mounts go to and fro between the host and the container's binds: as `rshared` volumes need.
            SHARED => asked,
            PRIVATE => PRIVATE | REC,
            // The host's mounts come in; nothing goes out.
            _ => SLAVE | REC,
        };
        plan.push("/linux/rootfsPropagation", Step::Propagation { flags });
        // What is mounted on a shared mount is seen on the host, too.
        if flags & SHARED != 0 {
            plan.push("/root/path", Step::ParentPrivate { path: Text(&path) });
        }
        private = asked & SLAVE == 0 && flags & SLAVE != 0;
    }
    plan.push("/root/path", Step::OpenRoot { path: Text(&path), bind: own_mounts(spec), private });
    Ok(())
}

/// Makes the root file system `/`.
pub fn pivot(spec: &Spec, facts: &Facts, plan: &mut Writer) {
    if !own_mounts(spec) {
        plan.push("/root/path", Step::Chroot);
        return;
    }
    plan.push("/root/path", if facts.no_pivot { Step::MoveRoot } else { Step::PivotRoot });
}

/// Makes read-only what is to be so, and hides the masked paths. Without a mount namespace it would be the host's
/// mounts that change, so nothing is done.
///
/// # Errors
/// Where a path can't be passed to the kernel.
pub fn protect(spec: &Spec, facts: &Facts, plan: &mut Writer) -> Result<(), Error> {
    if !own_mounts(spec) {
        return Ok(());
    }
    let read_only_root = spec.root().as_ref().and_then(Root::readonly).unwrap_or(false);
    let later: Vec<_> = read_only_later(spec, facts).collect();
    if read_only_root || !later.is_empty() {
        working_directory(spec, plan)?;
    }
    for (index, target) in later {
        let place = format!("/mounts/{index}");
        let target = path_text(&place, &target)?;
        let attributes = Attributes { set: u64::from(MOUNT_ATTR_RDONLY), ..Attributes::default() };
        plan.push(&place, Step::SetAttributes { target: Text(&target), attributes });
    }
    if read_only_root {
        plan.push("/root/readonly", Step::ReadonlyRoot);
    }
    let context = text("/linux/mountLabel", label(spec, facts).unwrap_or_default())?;
    for (place, path) in protected::masked(spec) {
        let path = path_text(&place, &path)?;
        plan.push(&place, Step::MaskPath { path: Text(&path), context: Text(&context) });
    }
    // What is read-only is a copy over what was there, with the masks in it.
    for (place, path) in protected::readonly(spec) {
        let path = path_text(&place, &path)?;
        plan.push(&place, Step::ReadonlyPath { path: Text(&path) });
    }
    // Last: what is unbindable can't be mounted over itself. Private and slave it is already.
    let asked = root_propagation(spec);
    if asked & (SHARED | UNBINDABLE) != 0 {
        plan.push("/linux/rootfsPropagation", Step::RootPropagation { flags: asked });
    }
    Ok(())
}

/// Makes the working directory while it can still be made.
fn working_directory(spec: &Spec, plan: &mut Writer) -> Result<(), Error> {
    if let Some(process) = spec.process().as_ref().filter(|process| process.cwd() != Path::new("/")) {
        let path = path_text("/process/cwd", process.cwd())?;
        plan.push("/process/cwd", Step::Directory { path: Text(&path) });
    }
    Ok(())
}

/// The propagation that the config asks for; 0 where it asks for none.
fn root_propagation(spec: &Spec) -> u32 {
    let name = spec.linux().as_ref().and_then(|linux| linux.rootfs_propagation().as_deref());
    name.and_then(propagation).unwrap_or(0)
}

/// Whether the container has a mount namespace of its own.
fn own_mounts(spec: &Spec) -> bool {
    namespace(spec, LinuxNamespaceType::Mount) != Namespace::Inherited
}
