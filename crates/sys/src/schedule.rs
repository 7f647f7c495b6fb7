//! Where and how urgently a process runs.

use crate::call::{Sysno, call};
use rustix::io::Errno;

/// `struct sched_attr` of Linux 5.3.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes {
    /// Its own size; [`set_attributes`] fills it in.
    pub size: u32,
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// For `SCHED_OTHER` and `SCHED_BATCH`.
    pub nice: i32,
    /// For `SCHED_FIFO` and `SCHED_RR`.
    pub priority: u32,
    /// For `SCHED_DEADLINE`, nanoseconds.
    pub runtime: u64,
    /// For `SCHED_DEADLINE`, nanoseconds.
    pub deadline: u64,
    /// For `SCHED_DEADLINE`, nanoseconds.
    pub period: u64,
    /// With `SCHED_FLAG_UTIL_CLAMP_MIN`: 0 to 1024.
    pub util_min: u32,
    /// With `SCHED_FLAG_UTIL_CLAMP_MAX`: 0 to 1024.
    pub util_max: u32,
}

/// Sets the scheduler of this process. See sched_setattr(2).
///
/// # Errors
/// `EINVAL`, `EPERM`; `EBUSY` where a deadline can't be met.
pub fn set_attributes(mut attributes: Attributes) -> Result<(), Errno> {
    attributes.size = u32::try_from(size_of::<Attributes>()).unwrap_or(0);
    // SAFETY: a whole sched_attr that tells its size, alive across the call.
    unsafe { call(Sysno::sched_setattr, [0, (&raw const attributes) as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Lets this process run on the CPUs in `mask` alone, lowest first, eight a byte. See sched_setaffinity(2).
///
/// # Errors
/// `EINVAL` where none of them may be used.
pub fn set_affinity(mask: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads `mask.len()` bytes.
    unsafe { call(Sysno::sched_setaffinity, [0, mask.len(), mask.as_ptr() as usize, 0, 0, 0]) }.map(drop)
}

/// Sets the I/O priority of this process: `class` is `IOPRIO_CLASS_*`, `priority` 0 (most urgent) to 7. See
/// ioprio_set(2).
///
/// # Errors
/// `EINVAL`, `EPERM`.
pub fn set_io_priority(class: u8, priority: u8) -> Result<(), Errno> {
    const WHO_PROCESS: usize = 1;
    let value = usize::from(class) << 13 | usize::from(priority);
    // SAFETY: takes three integers.
    unsafe { call(Sysno::ioprio_set, [WHO_PROCESS, 0, value, 0, 0, 0]) }.map(drop)
}

/// Sets the NUMA memory policy of this process: `mode` with its flags, `nodes` as a mask, lowest first. See
/// set_mempolicy(2).
///
/// # Errors
/// `EINVAL`, also where no node of the mask may be used; `E2BIG` for a mask of more than 1024 nodes.
pub fn set_memory_policy(mode: u32, nodes: &[u8]) -> Result<(), Errno> {
    // The kernel reads whole words.
    let mut mask = [0u8; 128];
    mask.get_mut(..nodes.len()).ok_or(Errno::TOOBIG)?.copy_from_slice(nodes);
    let (mask, bits) = if nodes.is_empty() { (0, 0) } else { (mask.as_ptr() as usize, mask.len() * 8) };
    // SAFETY: the kernel reads `bits - 1` bits at most from a mask that is alive across the call.
    unsafe { call(Sysno::set_mempolicy, [mode as usize, mask, bits, 0, 0, 0]) }.map(drop)
}
