//! Descriptors by number.

use crate::call::{Sysno, call};
use core::mem::ManuallyDrop;
#[cfg(not(feature = "std"))]
use core::sync::atomic::{AtomicU64, Ordering};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Resource, getrlimit};
#[cfg(feature = "std")]
use std::cell::Cell;

/// `CLOSE_RANGE_CLOEXEC` of linux/close_range.h.
const CLOSE_RANGE_CLOEXEC: usize = 4;

/// Borrows the descriptor with that number, which this process was born with and never closes. A number that
/// is not open makes the calls on it fail with `EBADF`.
pub fn borrow(number: RawFd) -> BorrowedFd<'static> {
    let number = if number < 0 { RawFd::MAX } else { number };
    // SAFETY: not -1; whoever passes numbers (the plan's list of descriptors) keeps them open for good.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Takes over the descriptor with that number, which this process was born with.
pub fn own(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: not -1; taken once, by the program's start, from its arguments.
    (number >= 0).then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

/// Makes every open descriptor from number `first` on close-on-exec. See close_range(2); Linux 5.11, before
/// that each number is tried.
///
/// # Errors
/// None that a running kernel gives.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: takes three integers, and closes nothing.
    match unsafe { call(Sysno::close_range, [first as usize, u32::MAX as usize, CLOSE_RANGE_CLOEXEC, 0, 0, 0]) } {
        Ok(_) => return Ok(()),
        Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    for number in first..highest() {
        match fcntl_setfd(borrow(number.cast_signed()), FdFlags::CLOEXEC) {
            Ok(()) | Err(Errno::BADF) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A descriptor that is closed together with others, some time after it is dropped: a call for many instead of one for
/// each. For files of which nobody waits for the end, dropped by the thread that has used them.
#[derive(Debug)]
pub struct Descriptor(ManuallyDrop<OwnedFd>);

#[cfg(feature = "std")]
std::thread_local! {
    /// The numbers of dropped ones that are still open: those below 64. Of each thread, as each may have a table of
    /// descriptors of its own.
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// The same of a program of one thread.
#[cfg(not(feature = "std"))]
static DROPPED: OfOne = OfOne(AtomicU64::new(0));

#[cfg(not(feature = "std"))]
struct OfOne(AtomicU64);

#[cfg(not(feature = "std"))]
impl OfOne {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, numbers: u64) {
        self.0.store(numbers, Ordering::Relaxed);
    }
}

/// As many may be open at once: with what init holds, fewer than the 64 that the most modest limit allows.
const MOST_DROPPED: u32 = 44;

impl From<OwnedFd> for Descriptor {
    fn from(file: OwnedFd) -> Self {
        Descriptor(ManuallyDrop::new(file))
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let number = self.0.as_raw_fd().unsigned_abs();
        let Some(bit) = 1_u64.checked_shl(number) else { return close_range(number, number) };
        let dropped = DROPPED.get() | bit;
        DROPPED.set(dropped);
        if dropped.count_ones() >= MOST_DROPPED {
            // One between two that are in use waits for neighbours, as long as there are few like it.
            close_runs(2);
            if DROPPED.get().count_ones() > MOST_DROPPED / 3 {
                close_dropped();
            }
        }
    }
}

/// Closes each [`Descriptor`] that has been dropped.
pub fn close_dropped() {
    close_runs(1);
}

/// Closes those dropped ones of which so many stand side by side.
fn close_runs(shortest: u32) {
    let (mut rest, mut kept) = (DROPPED.get(), 0);
    while rest != 0 {
        let first = rest.trailing_zeros();
        let count = (rest >> first).trailing_ones();
        let run = u64::MAX >> (u64::BITS - count) << first;
        if count >= shortest {
            close_range(first, first + count - 1);
        } else {
            kept |= run;
        }
        rest &= !run;
    }
    DROPPED.set(kept);
}

/// Closes every descriptor from number `first` on but those in `keep`, which are in rising order. They must
/// not be used any more, by number or as an [`OwnedFd`].
pub fn close_all_but(first: u32, keep: &[RawFd]) {
    DROPPED.set(0);
    let mut from = first;
    for end in keep.iter().map(|number| number.unsigned_abs()).chain([u32::MAX]) {
        if from < end {
            close_range(from, end - 1);
        }
        from = from.max(end.saturating_add(1));
    }
}

fn close_range(first: u32, last: u32) {
    // SAFETY: takes three integers; what is closed is used by nobody any more: a Descriptor that was dropped, or what
    // the caller of close_all_but says.
    if unsafe { call(Sysno::close_range, [first as usize, last as usize, 0, 0, 0, 0]) }.is_err() {
        for number in first..=last.min(highest()) {
            // SAFETY: as above. Closing what is not open does nothing.
            let _closed = unsafe { call(Sysno::close, [number as usize, 0, 0, 0, 0, 0]) };
        }
    }
}

/// A number above that of every descriptor that this process can have been given.
fn highest() -> u32 {
    const DEFAULT_NR_OPEN: u64 = 1 << 20;
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(DEFAULT_NR_OPEN);
    u32::try_from(limit.clamp(1024, DEFAULT_NR_OPEN)).unwrap_or(1024)
}

/// Makes `number` (a standard stream) a copy of `file` that stays open across exec. See dup3(2).
///
/// # Errors
/// `EBADF`, `EINVAL` where both are the same.
pub fn replace(number: RawFd, file: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: takes three integers; nobody owns the standard streams of a program without a C library.
    unsafe { call(Sysno::dup3, [file.as_raw_fd() as usize, number as usize, 0, 0, 0, 0]) }.map(drop)
}
