//! The part of the mount API that rustix lacks.

use crate::call::{Sysno, call};
use core::ffi::CStr;
use linux_raw_sys::general::{AT_EMPTY_PATH, AT_RECURSIVE, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, mount_attr};
pub use linux_raw_sys::general::{
    MOUNT_ATTR__ATIME, MOUNT_ATTR_IDMAP, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_RELATIME,
    MOUNT_ATTR_STRICTATIME,
};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;

/// What [`set_attributes`] changes of a mount.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes<'a> {
    /// `MOUNT_ATTR_*` to set.
    pub set: u64,
    /// `MOUNT_ATTR_*` to clear; where `set` names an atime mode, `MOUNT_ATTR__ATIME` must be here.
    pub clear: u64,
    /// `MS_PRIVATE`, `MS_SHARED`, `MS_SLAVE` or `MS_UNBINDABLE`; 0 leaves it.
    pub propagation: u64,
    /// With `MOUNT_ATTR_IDMAP` in `set`: the user namespace whose id maps apply.
    pub user_namespace: Option<BorrowedFd<'a>>,
}

impl Attributes<'_> {
    fn raw(self) -> mount_attr {
        mount_attr {
            attr_set: self.set,
            attr_clr: self.clear,
            propagation: self.propagation,
            userns_fd: self.user_namespace.map_or(0, |fd| u64::from(fd.as_raw_fd().unsigned_abs())),
        }
    }
}

/// A detached copy of the mount at `path`, or of the one that `at` is open on where that is empty, and with `recursive` of
/// all below it, changed before anybody can see it. See open_tree_attr(2); Linux 6.15.
///
/// # Errors
/// Those of open_tree(2) and of [`set_attributes`], `ENOSYS` before 6.15.
pub fn open_tree(
    at: BorrowedFd<'_>,
    path: &CStr,
    recursive: bool,
    attributes: Attributes<'_>,
) -> Result<OwnedFd, Errno> {
    let of_at = if path.is_empty() { AT_EMPTY_PATH } else { 0 };
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | of_at | if recursive { AT_RECURSIVE } else { 0 };
    let attributes = attributes.raw();
    // SAFETY: a string and a whole mount_attr, both alive across the call.
    let number = unsafe {
        call(
            Sysno::open_tree_attr,
            [
                at.as_raw_fd() as usize,
                path.as_ptr() as usize,
                flags as usize,
                (&raw const attributes) as usize,
                size_of::<mount_attr>(),
                0,
            ],
        )
    }?;
    let number = i32::try_from(number).map_err(|_| Errno::BADF)?;
    // SAFETY: a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Changes the mount that `at` is open on, and with `recursive` all below it too. See mount_setattr(2);
/// Linux 5.12.
///
/// # Errors
/// `EINVAL` where `at` is not the root of a mount or a flag is unknown, `EPERM` where a flag is locked by a
/// more privileged user namespace, `ENOSYS` before 5.12.
pub fn set_attributes(at: BorrowedFd<'_>, recursive: bool, attributes: Attributes<'_>) -> Result<(), Errno> {
    let attributes = attributes.raw();
    let flags = AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    let empty: &CStr = c"";
    // SAFETY: an empty string and a whole mount_attr, both alive across the call.
    unsafe {
        call(
            Sysno::mount_setattr,
            [
                at.as_raw_fd() as usize,
                empty.as_ptr() as usize,
                flags as usize,
                (&raw const attributes) as usize,
                size_of::<mount_attr>(),
                0,
            ],
        )
    }
    .map(drop)
}
