//! Signals that are for a process in the foreground: held back until they can be passed on.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use std::process::Command;

/// Holds back all signals that can be caught until this program ends, so that none is lost and none ends us before
/// we have cleaned up. Init begins with no signal blocked; other programs must be told to by [`release_in`].
///
/// # Errors
/// None that a running kernel gives.
pub fn hold() -> Result<(), Errno> {
    caught().thread_block().map_err(words)
}

/// Lets a program that is about to be run have its signals, where we hold them back: it would inherit that.
pub fn release_in(command: &mut Command) {
    if SigSet::thread_get_mask().is_ok_and(|held| held != SigSet::empty()) {
        sys::signal::unblock_in(command);
    }
}

fn caught() -> SigSet {
    let mut signals = SigSet::all();
    // Our own writes to a closed pipe raise it; it is ignored.
    signals.remove(Signal::SIGPIPE);
    signals.remove(Signal::SIGURG);
    signals
}

fn words(error: nix::Error) -> Errno {
    Errno::from_raw_os_error(error as i32)
}

/// The signals that are held back, one after the other.
#[derive(Debug)]
pub(crate) struct Held(SignalFd);

impl Held {
    /// Those that [`hold`] holds.
    pub(crate) fn new() -> Result<Self, Errno> {
        SignalFd::with_flags(&caught(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map(Held).map_err(words)
    }

    /// The next one that has come.
    pub(crate) fn next(&self) -> Result<Option<i32>, Errno> {
        Ok(self.0.read_signal().map_err(words)?.map(|signal| signal.ssi_signo.cast_signed()))
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
