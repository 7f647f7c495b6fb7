//! What hides a masked path: the host's null device over a file, one empty read-only tmpfs over all directories.

use super::filesystem::Filesystem;
use super::tree;
use crate::fault::Fault;
use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{FileType, fstat, makedev};
use sys::descriptor::Descriptor;
use sys::mount::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY};

/// Trees that hide what they are attached to. The first use attaches the tree itself, the others copies of it:
/// only what is attached can be copied, before Linux 6.15.
#[derive(Debug, Default)]
pub(crate) struct Covers {
    null: Cover,
    tmpfs: Cover,
}

#[derive(Debug, Default)]
enum Cover {
    #[default]
    None,
    Detached(Descriptor),
    Attached(Descriptor),
}

impl Covers {
    /// Takes the host's null device, while it can be reached: the container's own is never trusted. Read-only, which a
    /// device does not notice: else chmod(2) of a masked path would be one of the host's `/dev/null`.
    pub(super) fn take_null(&mut self) -> Result<(), Fault> {
        let null = host_device(c"/dev/null", FileType::CharacterDevice, 1, 3)?;
        tree::set_flags(null.as_fd(), false, u64::from(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), 0)
            .map_err(|errno| Fault::call("mount_setattr", b"/dev/null", errno))?;
        self.null = Cover::Detached(null);
        Ok(())
    }

    /// Hides `target`.
    pub(super) fn cover(&mut self, target: &Descriptor, path: &CStr, context: &CStr) -> Result<(), Fault> {
        let status = fstat(target).map_err(|errno| Fault::call("fstat", path.to_bytes(), errno))?;
        let cover = if FileType::from_raw_mode(status.st_mode) == FileType::Directory {
            if matches!(self.tmpfs, Cover::None) {
                self.tmpfs = Cover::Detached(empty(context)?);
            }
            &mut self.tmpfs
        } else {
            &mut self.null
        };
        cover.over(target.as_fd(), path)
    }
}

impl Cover {
    fn over(&mut self, target: BorrowedFd<'_>, path: &CStr) -> Result<(), Fault> {
        let call = |act| move |errno| Fault::call(act, path.to_bytes(), errno);
        match core::mem::take(self) {
            Cover::None => Err(Fault::refusal("the host's null device is not open, to mask", path.to_bytes())),
            Cover::Detached(tree) => {
                tree::attach(tree.as_fd(), target).map_err(call("move_mount"))?;
                *self = Cover::Attached(tree);
                Ok(())
            }
            Cover::Attached(tree) => {
                let copy = tree::copy(tree.as_fd(), false).map_err(call("open_tree"))?;
                *self = Cover::Attached(tree);
                tree::attach(copy.as_fd(), target).map_err(call("move_mount"))
            }
        }
    }
}

/// A detached mount of the host's device node at `path`, if it is the device that is meant.
pub(super) fn host_device(path: &CStr, kind: FileType, major: u32, minor: u32) -> Result<Descriptor, Fault> {
    let tree = tree::of_path(path, false).map_err(|errno| Fault::call("open_tree", path.to_bytes(), errno))?;
    let status = fstat(&tree).map_err(|errno| Fault::call("fstat", path.to_bytes(), errno))?;
    if FileType::from_raw_mode(status.st_mode) != kind || status.st_rdev != makedev(major, minor) {
        return Err(Fault::refusal("the host has another file than that device at", path.to_bytes()));
    }
    Ok(tree)
}

/// An empty directory that stays empty, labelled `context` where that is not empty.
pub(super) fn empty(context: &CStr) -> Result<Descriptor, Fault> {
    let tmpfs = Filesystem::new(c"tmpfs")?;
    tmpfs.set(c"source", c"tmpfs")?;
    for option in [c"nr_blocks=1", c"nr_inodes=1", c"ro"] {
        tmpfs.option(option)?;
    }
    if !context.is_empty() {
        tmpfs.set(c"context", context)?;
    }
    let flags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    tmpfs.mount(c"tmpfs", u64::from(flags))
}
