//! Descriptors by number.

use rustix::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
