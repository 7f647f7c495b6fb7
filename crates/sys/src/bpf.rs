//! Device filters: programs of type `BPF_PROG_TYPE_CGROUP_DEVICE` on cgroups.
//!
//! Kernels 6.17 to 7.1 write the field `revision` of a query whatever size of `bpf_attr` they were told, so
//! each call here passes a whole `bpf_attr` and more, zeroed: what a kernel does not know must be zero anyway.

use crate::call::{Sysno, call};
use core::ffi::CStr;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;

/// One instruction in the kernel's encoding (`struct bpf_insn`): code, registers, offset, immediate.
pub type Instruction = u64;

// linux/bpf.h: enum bpf_cmd, bpf_prog_type, bpf_attach_type, attach flags.
const PROG_LOAD: usize = 5;
const PROG_ATTACH: usize = 8;
const PROG_DETACH: usize = 9;
const PROG_GET_FD_BY_ID: usize = 13;
const PROG_QUERY: usize = 16;
const TYPE_CGROUP_DEVICE: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
const REPLACE: u32 = 4;

/// How often a load is tried again that a signal has interrupted in the verifier (`EAGAIN`).
const LOADS: usize = 30;

/// The largest `bpf_attr` of a kernel that is known, in bytes: Linux 6.18.
const LARGEST: usize = 168;

/// The fields that a command uses, at the start of a zeroed buffer larger than any kernel's `bpf_attr`.
#[repr(C)]
struct Whole<T> {
    used: T,
    rest: [u64; 32],
}

#[repr(C)]
struct Load {
    program_type: u32,
    count: u32,
    instructions: u64,
    license: u64,
}

#[repr(C)]
struct Attach {
    cgroup: u32,
    program: u32,
    hook: u32,
    flags: u32,
    replaced: u32,
    padding: u32,
}

#[repr(C)]
struct Query {
    cgroup: u32,
    hook: u32,
    flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

#[repr(C)]
struct ById {
    id: u32,
    padding: u32,
}

/// Calls bpf(2).
///
/// # Safety
/// Each address in `used` must be valid for what `command` does with it.
unsafe fn bpf<T>(command: usize, used: T) -> Result<(usize, T), Errno> {
    const { assert!(size_of::<Whole<T>>() > LARGEST, "kernels write to all of the bpf_attr that they know") };
    let mut whole = Whole { used, rest: [0; 32] };
    let size = size_of::<Whole<T>>();
    // SAFETY: `whole` is `size` bytes, alive and exclusively ours; its addresses are the caller's promise.
    let result = unsafe { call(Sysno::bpf, [command, (&raw mut whole) as usize, size, 0, 0, 0]) }?;
    Ok((result, whole.used))
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().unsigned_abs()
}

/// Takes over the descriptor that a command has made. It is close-on-exec: bpf(2).
fn made(result: usize) -> Result<OwnedFd, Errno> {
    let fd = RawFd::try_from(result).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Loads a device filter. See bpf(2), `BPF_PROG_LOAD`; Linux 4.15.
///
/// # Errors
/// `EPERM` without `CAP_BPF` and `CAP_NET_ADMIN` (or `CAP_SYS_ADMIN`) in the first user namespace, and before
/// Linux 5.11 where `RLIMIT_MEMLOCK` is used up; `EINVAL` or `EACCES` where the verifier refuses the program;
/// `E2BIG` where it is too long.
pub fn load(program: &[Instruction]) -> Result<OwnedFd, Errno> {
    let license: &CStr = c"Apache-2.0";
    for _ in 0..LOADS {
        let load = Load {
            program_type: TYPE_CGROUP_DEVICE,
            count: u32::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
            instructions: program.as_ptr() as u64,
            license: license.as_ptr() as u64,
        };
        // SAFETY: `count` instructions of 8 bytes and a string that ends with NUL, both only read, both alive.
        match unsafe { bpf(PROG_LOAD, load) } {
            Err(Errno::AGAIN) => {}
            result => return result.and_then(|(fd, _)| made(fd)),
        }
    }
    Err(Errno::AGAIN)
}

/// Attaches a device filter to the v2 cgroup that `cgroup` is open on, beside those that are there, or with
/// `replaced` in the place of that one, in one act. See bpf(2), `BPF_PROG_ATTACH`; replacing: Linux 5.6.
///
/// # Errors
/// `ENOENT` where `replaced` is not attached (any more); `EINVAL` where the kernel can't replace; `E2BIG`
/// where 64 filters are attached; `EPERM` where an ancestor's filter or a missing capability forbids it.
pub fn attach(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>, replaced: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
    let attach = Attach {
        cgroup: number(cgroup),
        program: number(program),
        hook: CGROUP_DEVICE,
        flags: if replaced.is_some() { ALLOW_MULTI | REPLACE } else { ALLOW_MULTI },
        replaced: replaced.map_or(0, number),
        padding: 0,
    };
    // SAFETY: only numbers.
    unsafe { bpf(PROG_ATTACH, attach) }.map(drop)
}

/// Detaches a device filter. See bpf(2), `BPF_PROG_DETACH`.
///
/// # Errors
/// `ENOENT` where it is not attached.
pub fn detach(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    let attach = Attach {
        cgroup: number(cgroup),
        program: number(program),
        hook: CGROUP_DEVICE,
        flags: 0,
        replaced: 0,
        padding: 0,
    };
    // SAFETY: only numbers.
    unsafe { bpf(PROG_DETACH, attach) }.map(drop)
}

/// The ids of the device filters that are attached to a cgroup itself, into `ids`, and how many they are. See
/// bpf(2), `BPF_PROG_QUERY`; Linux 4.15. A cgroup has at most 64.
///
/// # Errors
/// `ENOSPC` where `ids` is too short; `EPERM` without `CAP_NET_ADMIN`.
pub fn attached(cgroup: BorrowedFd<'_>, ids: &mut [u32]) -> Result<usize, Errno> {
    let query = Query {
        cgroup: number(cgroup),
        hook: CGROUP_DEVICE,
        flags: 0,
        attach_flags: 0,
        ids: ids.as_mut_ptr() as u64,
        count: u32::try_from(ids.len()).unwrap_or(u32::MAX),
        padding: 0,
    };
    // SAFETY: the kernel writes at most `count` numbers of four bytes to `ids`, which is that long and ours.
    let (_, query) = unsafe { bpf(PROG_QUERY, query) }?;
    Ok(query.count as usize)
}

/// Opens the program with that id. See bpf(2), `BPF_PROG_GET_FD_BY_ID`; Linux 4.13.
///
/// # Errors
/// `ENOENT` where there is none (any more); `EPERM` without `CAP_SYS_ADMIN`.
pub fn program(id: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: only numbers.
    unsafe { bpf(PROG_GET_FD_BY_ID, ById { id, padding: 0 }) }.and_then(|(fd, _)| made(fd))
}
