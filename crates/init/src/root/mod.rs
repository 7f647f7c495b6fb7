//! The root file system: mounts, devices, links, the pivot, masked and read-only paths.
//!
//! One function a step of "the root file system" in `plan::Step`. Every mount is made detached, gets all its
//! flags there, and is attached to a descriptor that [`beneath`] resolved: no path is looked up twice, and
//! nothing is writable for a moment that is to be read-only.

mod bare;
pub(crate) mod beneath;
mod copy;
pub(crate) mod covers;
mod device;
mod direct;
mod enter;
mod filesystem;
mod guard;
mod identity;
mod locked;
mod mount;
mod mountinfo;
pub(crate) mod place;
mod protect;
pub(crate) mod tree;

pub(crate) use device::{device, directory, link};
pub(crate) use enter::{
    chroot, move_root, open_root, parent_private, pivot_root, procfs, propagation, root_propagation,
};
pub(crate) use identity::{domainname, hostname, sysctl};
pub(crate) use mount::{bind, mount, remount, set_attributes};
pub(crate) use protect::{mask_path, readonly_path, readonly_root};
