//! Memory for a program that has no allocator: mapped, and never given back.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};
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

/// Room that needs no call, for small arrays.
struct Arena(UnsafeCell<[MaybeUninit<u8>; ARENA]>);

// SAFETY: each part of it is given out once: see `small`.
unsafe impl Sync for Arena {}

const ARENA: usize = 8192;

/// A part of the arena that nobody else has, or `None` where too little is left.
fn small(length: usize, align: usize) -> Option<*mut u8> {
    static SPACE: Arena = Arena(UnsafeCell::new([MaybeUninit::uninit(); ARENA]));
    static USED: AtomicUsize = AtomicUsize::new(0);
    let start = SPACE.0.get().cast::<u8>();
    let take = |used: usize| {
        let from = used + start.wrapping_add(used).align_offset(align);
        Some(from.checked_add(length)?).filter(|end| *end <= ARENA)
    };
    let used = USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
    let free = start.wrapping_add(used);
    Some(free.wrapping_add(free.align_offset(align)))
}

/// Memory of its own for `count` values, each `fill` at first, and never given back.
///
/// # Errors
/// `ENOMEM`.
pub fn array<'a, T: Copy + 'a>(count: usize, fill: T) -> Result<&'a mut [T], Errno> {
    const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
    let length = count.checked_mul(size_of::<T>()).ok_or(Errno::NOMEM)?;
    let start = match small(length, align_of::<T>()) {
        Some(start) => start.cast::<T>(),
        // SAFETY: a new mapping at an address that the kernel chooses.
        None => unsafe {
            mmap_anonymous(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)?.cast()
        },
    };
    for at in 0..count {
        // SAFETY: inside the arena's part or the mapping, which are as long as that and aligned.
        unsafe { start.add(at).write(fill) };
    }
    // SAFETY: `count` values just written, there for good, and known to nobody else.
    Ok(unsafe { slice::from_raw_parts_mut(start, count) })
}
