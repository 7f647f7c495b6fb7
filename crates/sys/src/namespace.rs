//! Namespaces, by descriptor.

use crate::call::{Sysno, call};
use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::io::Errno;

pub use linux_raw_sys::general::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS,
    CLONE_PARENT,
};

/// `NS_GET_NSTYPE` of linux/nsfs.h: `_IO(0xb7, 3)`.
const GET_TYPE: usize = 0xb703;

/// Which kind of namespace (`CLONE_NEW*`) `namespace` is open on. See ioctl_nsfs(2); Linux 4.11.
///
/// # Errors
/// `ENOTTY` where it is not a namespace.
pub fn kind(namespace: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SAFETY: takes no argument; on anything but a namespace it is refused.
    let kind = unsafe { call(Sysno::ioctl, [namespace.as_raw_fd() as usize, GET_TYPE, 0, 0, 0, 0])? };
    u32::try_from(kind).map_err(|_| Errno::NOTTY)
}

/// Enters the namespaces of the kinds `CLONE_NEW*` that `of` (a namespace, or with several kinds the pidfd of a
/// process, Linux 5.8) stands for. A PID namespace takes in only processes made from now on. See setns(2).
///
/// # Errors
/// `EINVAL` where `of` is of another kind, `EPERM` where a capability is missing.
pub fn enter(of: BorrowedFd<'_>, kinds: u32) -> Result<(), Errno> {
    // SAFETY: takes two integers; a single-threaded caller's descriptors and memory stay its own.
    unsafe { call(Sysno::setns, [of.as_raw_fd() as usize, kinds as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Makes new namespaces of the kinds `CLONE_NEW*` for this process (PID and time: for its later children).
/// See unshare(2).
///
/// # Errors
/// `EPERM`, `ENOSPC` where there are too many, `EINVAL` where a kind is unknown to the kernel.
pub fn make(kinds: u32) -> Result<(), Errno> {
    // SAFETY: takes an integer; only namespace kinds are passed, not those that split memory or descriptors.
    unsafe { call(Sysno::unshare, [kinds as usize, 0, 0, 0, 0, 0]) }.map(drop)
}
