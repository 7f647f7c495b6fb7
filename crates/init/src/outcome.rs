//! How a hook ended, and what it printed.

use crate::fault::Fault;
use crate::number::decimal;
use arrayvec::ArrayVec;
use plan::Hook;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::read;
use rustix::process::WaitStatus;
use sys::Errno;

/// As many of the last bytes of what a hook prints to its standard output and error are kept.
const OUTPUT: usize = 512;
const ERRORS: usize = 2048;

/// What a hook printed.
pub(crate) struct Captured {
    output: Tail<OUTPUT>,
    errors: Tail<ERRORS>,
}

impl Captured {
    pub(crate) fn new(output: OwnedFd, errors: OwnedFd) -> Self {
        Captured { output: Tail::of(output), errors: Tail::of(errors) }
    }

    /// The pipes that somebody may still write to.
    pub(crate) fn open(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.output.file, &self.errors.file].into_iter().flatten().map(AsFd::as_fd)
    }

    /// Takes what there is, without waiting.
    pub(crate) fn take(&mut self) {
        self.output.take();
        self.errors.take();
    }
}

/// The last bytes that come out of a pipe.
struct Tail<const SIZE: usize> {
    /// Absent once nobody can write to it any more.
    file: Option<OwnedFd>,
    bytes: ArrayVec<u8, SIZE>,
}

impl<const SIZE: usize> Tail<SIZE> {
    fn of(file: OwnedFd) -> Self {
        // A pipe that can't be read without waiting is not read at all.
        let file = fcntl_setfl(&file, OFlags::NONBLOCK).is_ok().then_some(file);
        Tail { file, bytes: ArrayVec::new() }
    }

    fn take(&mut self) {
        let mut buffer = [0; 1024];
        // Not without end: somebody may write faster than this reads.
        for _ in 0..64 {
            let Some(file) = &self.file else { return };
            match read(file, &mut buffer) {
                Ok(0) => self.file = None,
                Ok(length) => buffer.get(..length).unwrap_or_default().iter().for_each(|byte| self.push(*byte)),
                Err(_) => return,
            }
        }
    }

    fn push(&mut self, byte: u8) {
        if self.bytes.is_full() {
            // Makes room for many, so that not every byte moves all others.
            self.bytes.drain(..SIZE / 4);
        }
        self.bytes.push(byte);
    }
}

/// The beginning of a fault in the words of runc: `error running createContainer hook #0: `, and the hook's path.
fn about(hook: &Hook<'_>) -> Fault {
    let mut fault = Fault::refusal("", b"error running ");
    fault.push(hook.kind.bytes());
    fault.push(b" hook #");
    fault.push(&decimal(u64::from(hook.index)));
    fault.push(b": ");
    fault.push(hook.path.bytes());
    fault.push(b": ");
    fault
}

/// Success, or a fault that goes on `exit status 3, stdout: , stderr: …`.
pub(crate) fn of(hook: &Hook<'_>, status: WaitStatus, captured: &mut Captured) -> Result<(), Fault> {
    let mut fault = about(hook);
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => return Ok(()),
        (Some(code), _) => {
            fault.push(b"exit status ");
            fault.push(&decimal(u64::from(code.unsigned_abs())));
        }
        (_, signal) => {
            fault.push(b"signal: ");
            fault.push(words(signal.unwrap_or(0)).unwrap_or(b"unknown"));
        }
    }
    captured.take();
    for text in [b", stdout: ", captured.output.bytes.as_slice(), b", stderr: ", captured.errors.bytes.as_slice()] {
        fault.push(text);
    }
    Err(fault)
}

/// The fault of a hook that could not be executed.
pub(crate) fn never(hook: &Hook<'_>, errno: Errno) -> Fault {
    let mut fault = about(hook);
    fault.push(b"fork/exec ");
    fault.push(hook.path.bytes());
    fault.errno = Some(errno);
    fault
}

/// The fault of a hook that took longer than it may.
pub(crate) fn timeout(hook: &Hook<'_>) -> Fault {
    let mut fault = about(hook);
    fault.push(b"hook ran past specified timeout of ");
    fault.push(&decimal(u64::from(hook.timeout)));
    fault.push(b".0s");
    fault
}

/// A signal in Go's words.
fn words(signal: i32) -> Option<&'static [u8]> {
    let words = "hangup|interrupt|quit|illegal instruction|trace/breakpoint trap|aborted|bus error|\
                 floating point exception|killed|user defined signal 1|segmentation fault|user defined signal 2|\
                 broken pipe|alarm clock|terminated|stack fault|child exited|continued|stopped (signal)|stopped|\
                 stopped (tty input)|stopped (tty output)|urgent I/O condition|CPU time limit exceeded|\
                 file size limit exceeded|virtual timer expired|profiling timer expired|window changed|\
                 I/O possible|power failure|bad system call";
    words.split('|').nth(usize::try_from(signal).ok()?.checked_sub(1)?).map(str::as_bytes)
}
