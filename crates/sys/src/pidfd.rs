//! Processes by pidfd.

use crate::call::{Sysno, call};
use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::io::Errno;

/// Sends a signal by its number to the process behind a pidfd; 0 only checks that it could be sent. Any
/// number: real-time signals too. See pidfd_send_signal(2), Linux 5.1.
///
/// # Errors
/// `ESRCH` where the process has ended and was waited for; `EPERM`; `EINVAL` where there is no such signal.
pub fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let signal = usize::try_from(signal).map_err(|_| Errno::INVAL)?;
    // SAFETY: two integers, a null siginfo (the kernel fills in the sender's) and no flags.
    unsafe { call(Sysno::pidfd_send_signal, [pidfd.as_raw_fd().unsigned_abs() as usize, signal, 0, 0, 0, 0]) }.map(drop)
}
