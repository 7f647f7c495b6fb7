//! Without pivot_root(2) the host's mounts stay in the container's mount namespace, beneath its root. While a
//! whole procfs or sysfs of the host is among them, the kernel lets the container mount a new one that shows
//! what its own has masked. So these are taken away first.

use super::beneath;
use super::mountinfo::bare;
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{OFlags, readlinkat_raw};
use rustix::io::{read, retry_on_intr};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use sys::Errno;
use sys::descriptor::Descriptor;

/// The longest line of mountinfo that matters: a path of a procfs or sysfs, and what is around it.
const LINE: usize = 6000;

/// Takes every whole procfs and sysfs out of the way that is not beneath the container's root. `procfs` is the host's.
#[inline(never)]
pub(super) fn hide(root: BorrowedFd<'_>, procfs: &Descriptor) -> Result<(), Fault> {
    let mut space = [MaybeUninit::uninit(); 4096];
    let root =
        path_of(procfs, root.as_raw_fd(), &mut space).map_err(|errno| Fault::call("readlinkat", b"the root", errno))?;
    let list = beneath::open(procfs.as_fd(), c"self/mountinfo", OFlags::RDONLY)
        .map_err(|errno| Fault::call("openat", b"mountinfo", errno))?;
    let mut line: ArrayVec<u8, LINE> = ArrayVec::new();
    let mut chunk = [0; 2048];
    loop {
        let length =
            retry_on_intr(|| read(&list, &mut chunk)).map_err(|errno| Fault::call("read", b"mountinfo", errno))?;
        if length == 0 {
            return Ok(());
        }
        for byte in chunk.iter().take(length).copied() {
            if byte != b'\n' {
                // What is cut off here is too long to be a mount that matters.
                line.extend(core::iter::once(byte).take(line.remaining_capacity()));
                continue;
            }
            if let Some(path) = bare(&line, root) {
                take_away(&path)?;
            }
            line.clear();
        }
    }
}

/// The path of an open directory.
fn path_of<'s>(procfs: &Descriptor, number: i32, space: &'s mut [MaybeUninit<u8>; 4096]) -> Result<&'s [u8], Errno> {
    let mut name: ArrayVec<u8, 32> = b"self/fd/".iter().copied().collect();
    let digits = number.unsigned_abs();
    for place in (0..10).rev().map(|place| 10_u32.pow(place)).filter(|place| digits >= *place || *place == 1) {
        name.push(b'0' + (digits / place % 10) as u8);
    }
    name.push(0);
    let name = CStr::from_bytes_with_nul(&name).map_err(|_| Errno::INVAL)?;
    readlinkat_raw(procfs, name, space).map(|(text, _)| &*text)
}

fn take_away(path: &[u8]) -> Result<(), Fault> {
    let path = CStr::from_bytes_with_nul(path).unwrap_or_default();
    let call = |act| move |errno| Fault::call(act, path.to_bytes(), errno);
    match mount_change(path, MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC) {
        // Gone with a mount above it.
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(call("mount (slave)"))?,
    }
    match unmount(path, UnmountFlags::DETACH) {
        // Locked: it can only be covered.
        Err(Errno::INVAL | Errno::PERM) => {
            mount(c"tmpfs", path, c"tmpfs", MountFlags::empty(), None::<&CStr>).map_err(call("mount (tmpfs)"))
        }
        other => other.map_err(call("umount2")),
    }
}
