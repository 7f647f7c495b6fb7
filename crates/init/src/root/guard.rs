//! What may be mounted over a procfs. Whatever writes to `/proc` inside the container (a label, a setting) must
//! reach the kernel: CVE-2019-16884 and its kin.

use super::beneath;
use super::place::Place;
use crate::fault::Fault;
use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{OFlags, PROC_SUPER_MAGIC, fstat, fstatfs};
use sys::Errno;
use sys::descriptor::Descriptor;

/// The inode number of every procfs' root, and of nothing else in it.
const PROC_ROOT: u64 = 1;

/// What lxcfs and its like may stand in for.
const STAND_INS: [&CStr; 10] = [
    c"/proc/cpuinfo",
    c"/proc/diskstats",
    c"/proc/loadavg",
    c"/proc/meminfo",
    c"/proc/slabinfo",
    c"/proc/stat",
    c"/proc/swaps",
    c"/proc/uptime",
    c"/proc/sys/crypto/fips_enabled",
    c"/proc/sys/kernel/ns_last_pid",
];

/// Refuses a mount that would hide the root, a part of a procfs, or a whole one behind something else; `whole` says whether the
/// mount is itself a whole procfs. What is certain to be on no procfs need not be looked at.
pub(super) fn check(
    root: BorrowedFd<'_>,
    place: &Place,
    path: &CStr,
    whole: impl FnOnce() -> Result<bool, Errno>,
) -> Result<(), Fault> {
    let call = |errno| Fault::call("fstatfs", path.to_bytes(), errno);
    let target = &place.target;
    // Who joins the container would have another root than who is in it.
    if place.is_top(root).map_err(call)? {
        return Err(refusal(path, b" cannot be mounted because it is the root"));
    }
    let on_proc = !place.plain && is_proc(target).map_err(call)?;
    let over_root = path == c"/proc" || on_proc && is_root(target).map_err(call)?;
    if over_root {
        let whole = whole().map_err(call)?;
        return if whole { Ok(()) } else { Err(refusal(path, b" cannot be mounted because it is not of type proc")) };
    }
    if on_proc && !stands_in(root, target).map_err(call)? {
        return Err(refusal(path, b" cannot be mounted because it is inside /proc"));
    }
    Ok(())
}

fn refusal(path: &CStr, why: &[u8]) -> Fault {
    Fault::quoted(b"", path.to_bytes(), why, None)
}

/// Whether a file is on a procfs.
pub(super) fn is_proc(file: &Descriptor) -> Result<bool, Errno> {
    Ok(fstatfs(file)?.f_type == PROC_SUPER_MAGIC)
}

/// Whether a file that is on a procfs is its root.
pub(super) fn is_root(file: &Descriptor) -> Result<bool, Errno> {
    Ok(fstat(file)?.st_ino == PROC_ROOT)
}

fn stands_in(root: BorrowedFd<'_>, target: &Descriptor) -> Result<bool, Errno> {
    let target = fstat(target)?;
    for path in STAND_INS {
        let Ok(file) = beneath::open(root, path, OFlags::PATH) else { continue };
        let file = fstat(file.as_fd())?;
        if (file.st_dev, file.st_ino) == (target.st_dev, target.st_ino) {
            return Ok(true);
        }
    }
    Ok(false)
}
