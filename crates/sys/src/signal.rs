//! Signals.

#[cfg(feature = "std")]
extern crate std;

use crate::call::{Sysno, call};
use linux_raw_sys::general::{
    SA_RESTORER, SIG_SETMASK, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, kernel_sigaction,
};
use rustix::io::Errno;

/// Gives the signals of `ignored` (bit 0 is signal 1) their default action and blocks none: what the caller's caller
/// ignored or blocked would otherwise be inherited across exec. See sigaction(2), sigprocmask(2).
///
/// # Errors
/// None that a running kernel gives.
pub fn reset(ignored: u64) -> Result<(), Errno> {
    // SAFETY: an action of zeros is SIG_DFL with no flags and no mask.
    let default: kernel_sigaction = unsafe { core::mem::zeroed() };
    let signals = (1..=u64::BITS).filter(|signal| ignored >> (signal - 1) & 1 == 1);
    for signal in signals.filter(|signal| ![SIGKILL, SIGSTOP].contains(signal)) {
        // SAFETY: a whole action, alive across the call; no old one is asked for.
        unsafe { call(Sysno::rt_sigaction, [signal as usize, (&raw const default) as usize, 0, 8, 0, 0])? };
    }
    unblock()
}

/// Lets the signals that ask a program to end (SIGHUP, SIGINT, SIGQUIT, SIGTERM) end this one, with 128 and the
/// signal's number: as process 1 of a PID namespace it would not hear them. An exec undoes this. See sigaction(2).
///
/// # Errors
/// None that a running kernel gives.
pub fn heed() -> Result<(), Errno> {
    unsafe extern "C" fn end(signal: core::ffi::c_int) {
        crate::clone::exit(128 + signal);
    }
    // SAFETY: an action of zeros is valid.
    let mut action: kernel_sigaction = unsafe { core::mem::zeroed() };
    action.sa_handler_kernel = Some(end);
    // x86 makes no frame without a way back; `end` takes none.
    action.sa_flags = SA_RESTORER.into();
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        // SAFETY: a whole action, alive across the call, whose handler only makes a system call and never returns.
        unsafe { call(Sysno::rt_sigaction, [signal as usize, (&raw const action) as usize, 0, 8, 0, 0])? };
    }
    Ok(())
}

/// Blocks no signal. See sigprocmask(2).
fn unblock() -> Result<(), Errno> {
    let none: u64 = 0;
    // SAFETY: a mask of the kernel's size, alive across the call.
    unsafe { call(Sysno::rt_sigprocmask, [SIG_SETMASK as usize, (&raw const none) as usize, 0, 8, 0, 0]) }.map(drop)
}

/// Lets a program begin with no signal blocked, whatever this process blocks.
#[cfg(feature = "std")]
pub fn unblock_in(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: all that is done between fork and exec is a system call on a local variable.
    unsafe { command.pre_exec(|| unblock().map_err(|errno| std::io::Error::from_raw_os_error(errno.raw_os_error()))) };
}

/// Kills every process that this one may signal, but itself. As process 1 of a PID namespace that is all
/// others in the namespace. See kill(2).
///
/// # Errors
/// `ESRCH` where there is none.
pub fn kill_all_others() -> Result<(), Errno> {
    // SAFETY: takes two integers.
    unsafe { call(Sysno::kill, [usize::MAX, SIGKILL as usize, 0, 0, 0, 0]) }.map(drop)
}
