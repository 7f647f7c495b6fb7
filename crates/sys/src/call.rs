//! The one way to a raw system call.

use rustix::io::Errno;
pub(crate) use syscalls::Sysno;

/// Calls the kernel.
///
/// # Safety
/// As unsafe as the call that is made: each pointer among `arguments` must be valid for what that call does
/// with it.
pub(crate) unsafe fn call(number: Sysno, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller's promise.
    unsafe { syscalls::syscall6(number, a, b, c, d, e, f) }.map_err(errno)
}

/// What a system call has left in the register of its result.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) fn answer(result: usize) -> Result<usize, Errno> {
    syscalls::Errno::from_ret(result).map_err(errno)
}

fn errno(error: syscalls::Errno) -> Errno {
    Errno::from_raw_os_error(error.into_raw())
}
