//! Which flags of a mount the kernel does not let a user namespace clear, to name them.

use crate::fault::Fault;
use core::ffi::CStr;
use plan::Attributes;
use rustix::fd::AsFd;
use rustix::fs::{StatVfsMountFlags, fstatvfs};
use sys::Errno;
use sys::mount::{
    MOUNT_ATTR__ATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY,
};

/// What is asked to be cleared, what of a mount that is, and its name. mount_namespaces(7), "locked".
const LOCKABLE: [(u32, StatVfsMountFlags, &[u8]); 7] = [
    (MOUNT_ATTR_RDONLY, StatVfsMountFlags::RDONLY, b"ro"),
    (MOUNT_ATTR_NOSUID, StatVfsMountFlags::NOSUID, b"nosuid"),
    (MOUNT_ATTR_NODEV, StatVfsMountFlags::NODEV, b"nodev"),
    (MOUNT_ATTR_NOEXEC, StatVfsMountFlags::NOEXEC, b"noexec"),
    (MOUNT_ATTR__ATIME, StatVfsMountFlags::NOATIME, b"noatime"),
    (MOUNT_ATTR__ATIME, StatVfsMountFlags::RELATIME, b"relatime"),
    (MOUNT_ATTR_NODIRATIME, StatVfsMountFlags::NODIRATIME, b"nodiratime"),
];

/// The kernel's answer to changing the flags of the mount at `path`.
pub(super) fn fault(mount: impl AsFd, path: &CStr, attributes: &Attributes, errno: Errno) -> Fault {
    let mut fault = Fault::call("mount_setattr", path.to_bytes(), errno);
    let (Errno::PERM, Ok(found)) = (errno, fstatvfs(mount)) else { return fault };
    let asked = attributes.clear | attributes.recursive_clear;
    let mut before: &[u8] = b": a user namespace can't clear ";
    for (attribute, flag, name) in LOCKABLE {
        if asked & u64::from(attribute) != 0 && found.f_flag.contains(flag) {
            fault.push(before);
            fault.push(name);
            before = b", ";
        }
    }
    fault
}
