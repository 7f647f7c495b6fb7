//! Memory for a program that has no allocator: mapped, and never given back.

use core::ptr;
use core::slice;
use rustix::fd::BorrowedFd;
use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous};

/// Maps a whole memfd that is sealed against writing and shrinking. See mmap(2), memfd_create(2).
///
/// # Errors
/// `EPERM` where it is not sealed so; `EINVAL` where it is empty or not a memfd; `ENOMEM`.
pub fn map_sealed(file: BorrowedFd<'_>) -> Result<&'static [u8], Errno> {
    if !fcntl_get_seals(file)?.contains(SealFlags::WRITE | SealFlags::SHRINK) {
        return Err(Errno::PERM);
    }
    let length = usize::try_from(fstat(file)?.st_size).map_err(|_| Errno::OVERFLOW)?;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let start = unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, file, 0)? };
    // SAFETY: `length` bytes that are mapped for good; the seals, which can't be taken off, keep everyone
    // from changing or cutting them.
    Ok(unsafe { slice::from_raw_parts(start.cast::<u8>(), length) })
}

/// Memory of its own for `count` values, each `fill` at first.
///
/// # Errors
/// `ENOMEM`.
pub fn array<'a, T: Copy + 'a>(count: usize, fill: T) -> Result<&'a mut [T], Errno> {
    const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
    let length = count.checked_mul(size_of::<T>()).ok_or(Errno::NOMEM)?;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let start = unsafe {
        mmap_anonymous(ptr::null_mut(), length.max(1), ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)?
    }
    .cast::<T>();
    for at in 0..count {
        // SAFETY: inside the mapping, which starts at a page and so is aligned.
        unsafe { start.add(at).write(fill) };
    }
    // SAFETY: `count` values just written, mapped for good, and known to nobody else.
    Ok(unsafe { slice::from_raw_parts_mut(start, count) })
}
