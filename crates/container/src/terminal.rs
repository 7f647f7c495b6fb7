//! The foreground: `run` and `exec` that stay until their process ends. They pass signals on to it, carry its
//! terminal where it has one, and end with its exit status.
//!
//! A process without a terminal has our standard streams themselves: nothing is copied, and none of its output
//! is ever lost or late.

mod pty;

use crate::error::{Error, Result};
use crate::process::Process;
use crate::signals::{self, Held};
use nix::sys::signal::Signal;
use pty::{End, Terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};
use rustix::process::{set_child_subreaper, wait, waitpid};

use std::cell::Cell;
use std::time::Duration;

/// A process that lives longer is likely to live long.
const SOON: Duration = Duration::from_millis(25);

pub use pty::prepare;

/// Lets orphans of the process come to us, as they would come to init.
///
/// # Errors
/// [`Error::Foreground`]
pub fn become_subreaper() -> Result<()> {
    // Any number but 0 stands for yes.
    set_child_subreaper(Some(Pid::INIT)).map_err(|error| Error::foreground("become a subreaper", error))
}

/// Holds signals back for [`forward`] to pass on, before the process is made. See [`signals::hold`].
///
/// # Errors
/// [`Error::Foreground`]
pub fn hold_signals() -> Result<()> {
    signals::hold().map_err(|error| Error::foreground("hold signals back", error))
}

/// Waits until a process, our child, has ended; meanwhile passes signals on to it, and what goes over its
/// terminal, whose master is `terminal`. Other children that end (orphans come to a subreaper) are waited for
/// too.
///
/// Returns its exit status, 128 and more for a signal.
///
/// # Errors
/// [`Error::Foreground`]. The process may live on then.
pub fn forward(process: &Process, terminal: Option<OwnedFd>) -> Result<i32> {
    let signals = Held::new().map_err(|error| Error::foreground("hold signals back", error))?;
    let mut terminal = terminal.map(Terminal::new).transpose()?;
    let taken = Cell::new(None);
    let mut rest = Some(SOON);
    loop {
        for end in wait_for_one(process, terminal.as_ref(), &signals, &mut rest)? {
            match (end, &mut terminal) {
                (End::Signals, terminal) => pass_all_on(&signals, process, terminal.as_ref(), &taken)?,
                (End::Process, terminal) => {
                    let status = exit_status(process, &taken)?;
                    if let Some(terminal) = terminal {
                        terminal.finish();
                    }
                    // Our own end follows, and closes it.
                    std::mem::forget(signals);
                    return Ok(status);
                }
                (end, Some(terminal)) => terminal.carry(end),
                (_, None) => {}
            }
        }
    }
}

/// Blocks until something can be done. The process comes last where it has a terminal, so that its output is not cut
/// off, else first: signals mean nothing to it any more. Where nothing can be done for as long as `rest`, memory is given
/// back, once.
fn wait_for_one(
    process: &Process,
    terminal: Option<&Terminal>,
    signals: &Held,
    rest: &mut Option<Duration>,
) -> Result<Vec<End>> {
    let mut ends = vec![(End::Signals, signals.as_fd(), PollFlags::IN)];
    ends.extend(terminal.into_iter().flat_map(Terminal::wanted));
    let place = if terminal.is_some() { ends.len() } else { 0 };
    ends.insert(place, (End::Process, process.pidfd(), PollFlags::IN));
    let mut polled: Vec<_> = ends.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
    let patience = terminal.and_then(Terminal::patience);
    let longest = patience.or(*rest).and_then(|time| Timespec::try_from(time).ok());
    match poll(&mut polled, longest.as_ref()) {
        Ok(0) if patience.is_none() => {
            *rest = None;
            sys::start::give_back();
            Ok(Vec::new())
        }
        Ok(0) => Ok(vec![End::Master]),
        Ok(_) => {
            let ready = ends.iter().zip(&polled).filter(|(_, polled)| !polled.revents().is_empty());
            Ok(ready.map(|((end, ..), _)| *end).collect())
        }
        Err(Errno::INTR) => Ok(Vec::new()),
        Err(error) => Err(Error::foreground("wait for the process", error)),
    }
}

fn pass_all_on(
    signals: &Held,
    process: &Process,
    terminal: Option<&Terminal>,
    taken: &Cell<Option<WaitStatus>>,
) -> Result<()> {
    while let Some(signal) = signals.next().map_err(|error| Error::foreground("read a signal", error))? {
        pass_on(signal, process, terminal, taken)?;
    }
    Ok(())
}

fn pass_on(
    signal: i32,
    process: &Process,
    terminal: Option<&Terminal>,
    taken: &Cell<Option<WaitStatus>>,
) -> Result<()> {
    match Signal::try_from(signal) {
        Ok(Signal::SIGCHLD) => {
            reap(process, taken);
            Ok(())
        }
        Ok(Signal::SIGWINCH) => {
            if let Some(terminal) = terminal {
                terminal.resize();
            }
            Ok(())
        }
        _ => match process.signal(signal) {
            // It is about to be waited for.
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(Error::foreground("pass a signal on", error)),
        },
    }
}

/// Waits for children that have ended. Where the process itself is among them, its status is kept: the pidfd goes on
/// telling of its end.
fn reap(process: &Process, taken: &Cell<Option<WaitStatus>>) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid.as_raw_nonzero().get() == process.pid() {
            taken.set(Some(status));
        }
    }
}

fn exit_status(process: &Process, taken: &Cell<Option<WaitStatus>>) -> Result<i32> {
    if let Some(status) = taken.get() {
        return Ok(code(status));
    }
    loop {
        match waitpid(Pid::from_raw(process.pid()), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(code(status)),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(Error::foreground("wait for the process", error)),
        }
    }
}

/// The shell's way to put both in a number.
fn code(status: WaitStatus) -> i32 {
    status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(255)
}
