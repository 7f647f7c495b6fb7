//! Seccomp filters.

use crate::call::{Sysno, call};
use rustix::fd::{FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;

const SECCOMP_SET_MODE_FILTER: usize = 1;
/// Of linux/seccomp.h: the call answers with a notify descriptor.
pub const SECCOMP_FILTER_FLAG_NEW_LISTENER: u32 = 1 << 3;

/// `struct sock_fprog` of linux/filter.h.
#[repr(C)]
struct Program {
    length: u16,
    instructions: *const u8,
}

/// Installs a filter of `struct sock_filter`s (8 bytes each) on this process, with `SECCOMP_FILTER_FLAG_*`; with
/// `..._NEW_LISTENER` its notify descriptor comes back, close-on-exec. See seccomp(2).
///
/// # Errors
/// `EACCES` without CAP_SYS_ADMIN or no_new_privs, `EINVAL` for a program or flag that the kernel does not
/// take, `EBUSY` where there is a listener already.
pub fn install(instructions: &[u8], flags: u32) -> Result<Option<OwnedFd>, Errno> {
    let length = u16::try_from(instructions.len() / 8).map_err(|_| Errno::INVAL)?;
    let program = Program { length, instructions: instructions.as_ptr() };
    // SAFETY: the kernel reads the program and its `length` instructions, aligned or not; both outlive the call.
    let answer = unsafe {
        call(Sysno::seccomp, [SECCOMP_SET_MODE_FILTER, flags as usize, (&raw const program) as usize, 0, 0, 0])?
    };
    if flags & SECCOMP_FILTER_FLAG_NEW_LISTENER == 0 {
        return Ok(None);
    }
    let listener = RawFd::try_from(answer).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(listener) }))
}
