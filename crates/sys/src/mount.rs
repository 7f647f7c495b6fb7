//! The part of the mount API that rustix lacks.

use crate::call::{Sysno, call};
use core::ffi::CStr;
use linux_raw_sys::general::{AT_EMPTY_PATH, AT_RECURSIVE, mount_attr};
pub use linux_raw_sys::general::{
    MOUNT_ATTR__ATIME, MOUNT_ATTR_IDMAP, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_RELATIME,
    MOUNT_ATTR_STRICTATIME,
};
use rustix::fd::{AsRawFd, BorrowedFd};
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

/// Changes the mount that `at` is open on, and with `recursive` all below it too. See mount_setattr(2);
/// Linux 5.12.
///
/// # Errors
/// `EINVAL` where `at` is not the root of a mount or a flag is unknown, `EPERM` where a flag is locked by a
/// more privileged user namespace, `ENOSYS` before 5.12.
pub fn set_attributes(at: BorrowedFd<'_>, recursive: bool, attributes: Attributes<'_>) -> Result<(), Errno> {
    let attributes = mount_attr {
        attr_set: attributes.set,
        attr_clr: attributes.clear,
        propagation: attributes.propagation,
        userns_fd: attributes.user_namespace.map_or(0, |fd| u64::from(fd.as_raw_fd().unsigned_abs())),
    };
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
