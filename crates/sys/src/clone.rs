//! Making processes.

use crate::call::{Sysno, call};
use linux_raw_sys::general::{CLONE_INTO_CGROUP, CLONE_PIDFD, clone_args};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::process::Pid;

/// Which side of a clone this is.
#[derive(Debug)]
pub enum Side {
    /// The new process.
    Child,
    /// The process that called, with the new one's id (in the caller's PID namespace) and pidfd.
    Parent(Pid, OwnedFd),
}

/// Makes a process in the new namespaces that `flags` (`CLONE_NEW*`, `CLONE_PARENT`) name, in the v2 cgroup
/// `cgroup` where one is given, with a pidfd, ending with SIGCHLD. The new process has a copy of the caller's
/// memory and descriptors, as after fork(2). See clone3(2); `CLONE_INTO_CGROUP` needs Linux 5.7.
///
/// The caller must have one thread: the child of a threaded process may not even allocate.
///
/// # Errors
/// `EBUSY`, `EOPNOTSUPP` or `EACCES` where the cgroup can't take processes; `ENOSPC` or `EUSERS` where there
/// are too many namespaces; `EPERM`; `EAGAIN` where a process limit is reached; `ENOSYS` before 5.3 or under
/// a filter.
pub fn clone(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    let mut pidfd: RawFd = -1;
    let mut arguments = clone_args {
        flags: flags | u64::from(CLONE_PIDFD),
        pidfd: (&raw mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        // SIGCHLD; with CLONE_PARENT the signal is the parent's own and must be 0 here.
        exit_signal: if flags & u64::from(linux_raw_sys::general::CLONE_PARENT) == 0 { 17 } else { 0 },
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::from(cgroup.as_raw_fd().unsigned_abs());
    }
    // SAFETY: `arguments` is a whole clone_args and `pidfd` an int, both alive across the call; without
    // CLONE_VM the child goes on with a copy of this stack.
    let child = unsafe { call(Sysno::clone3, [(&raw mut arguments) as usize, size_of::<clone_args>(), 0, 0, 0, 0])? };
    match Pid::from_raw(i32::try_from(child).unwrap_or(0)) {
        None => Ok(Side::Child),
        // SAFETY: the kernel has just made this descriptor for us: CLONE_PIDFD.
        Some(pid) => Ok(Side::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) })),
    }
}

/// Ends this process at once, running nothing more of it. See exit_group(2).
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: takes an integer; it does not return.
        let _never = unsafe { call(Sysno::exit_group, [status.unsigned_abs() as usize, 0, 0, 0, 0, 0]) };
    }
}
