//! Properties of this process.

use crate::call::{Sysno, call};
use rustix::io::Errno;

/// Sets a resource limit of this process: `resource` is `RLIMIT_*`, `u64::MAX` no limit. See prlimit(2).
///
/// # Errors
/// `EPERM` where the hard limit would rise, `EINVAL` for an unknown resource or a soft limit above the hard.
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let limit = [soft, hard];
    // SAFETY: the kernel reads a struct rlimit64, two 64-bit numbers, alive across the call.
    unsafe { call(Sysno::prlimit64, [0, resource as usize, limit.as_ptr() as usize, 0, 0, 0]) }.map(drop)
}

/// Sets the execution domain. See personality(2).
///
/// # Errors
/// `EINVAL`.
pub fn set_personality(domain: u32) -> Result<(), Errno> {
    // SAFETY: takes an integer.
    unsafe { call(Sysno::personality, [domain as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

/// Sets the supplementary groups: 32-bit little endian numbers. See setgroups(2).
///
/// # Errors
/// `EPERM` without the capability or where the user namespace denies it, `EINVAL` where one is not mapped
/// or there are too many.
pub fn set_groups(ids: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads `len / 4` numbers of four bytes, aligned or not.
    unsafe { call(Sysno::setgroups, [ids.len() / 4, ids.as_ptr() as usize, 0, 0, 0, 0]) }.map(drop)
}

/// The working directory as the kernel sees it, without looking it up: it begins with `(unreachable)` where
/// it is outside the root. See getcwd(2).
///
/// # Errors
/// `ENOENT` where it has been removed, `ERANGE` where `buffer` is too small.
pub fn working_directory(buffer: &mut [u8]) -> Result<&[u8], Errno> {
    // SAFETY: the kernel writes at most as many bytes as the buffer has.
    let length = unsafe { call(Sysno::getcwd, [buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0, 0])? };
    buffer.get(..length.saturating_sub(1)).ok_or(Errno::RANGE)
}

/// Nanoseconds of CLOCK_MONOTONIC. See clock_gettime(2). It asks the kernel and not the vDSO, which would
/// have to be found and parsed first.
pub fn monotonic() -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: the kernel writes a struct timespec, two 64-bit numbers.
    match unsafe { call(Sysno::clock_gettime, [1, time.as_mut_ptr() as usize, 0, 0, 0, 0]) } {
        Ok(_) => time[0] * 1_000_000_000 + time[1],
        Err(_) => 0,
    }
}
