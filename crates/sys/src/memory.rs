//! Memory for a program that has no allocator: mapped, and never given back.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// What the kernel has mapped at an address for this program, which was started to be told so: its plan.
pub fn mapped(address: usize, length: usize) -> &'static [u8] {
    // SAFETY: a segment of the file that this program was executed from, of that length, which nobody can unmap or
    // change: the file is sealed. Whoever starts the program with other numbers starts no program.
    unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), length) }
}

/// Gives the kernel back what the stack has had below the caller's frame: a process that waits needs it no more. See
/// madvise(2), `MADV_DONTNEED`.
#[inline(never)]
pub fn give_back_stack() {
    const PAGE: usize = 4096;
    /// More than anything here can have used. What of it was never mapped is no matter.
    const MOST: usize = 1 << 20;
    let here = 0_u8;
    let end = (ptr::from_ref(&here).addr() & !(PAGE - 1)).saturating_sub(PAGE);
    let start = end.saturating_sub(MOST);
    // SAFETY: the stack grows down, and all that is in use is above `here`, but for a few words in the page between.
    let _kept = unsafe { madvise(ptr::without_provenance_mut(start), end - start, Advice::LinuxDontNeed) };
}

/// Room that needs no call, for small arrays.
struct Arena(UnsafeCell<[MaybeUninit<u8>; ARENA]>);

// SAFETY: each part of it is given out once: see `small`.
unsafe impl Sync for Arena {}

const ARENA: usize = 16 << 10;

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
