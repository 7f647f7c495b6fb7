//! A terminal for a process in the foreground: what is typed at ours goes to it, what it prints comes to ours.

use crate::error::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec, read, write};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{OptionalActions, OutputModes, Termios};
use rustix::termios::{isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::time::Duration;

/// How much is carried at once. A pipe that poll(2) calls writable takes this much without blocking.
const BUFFER: usize = 4096;

/// How much of what a process has printed is still carried when it has ended: more than a pty holds. Others
/// may go on printing for ever.
const REST: usize = 256 << 10;

/// How long nobody looks whether a terminal that all have closed is opened again.
const HANG_UP: Duration = Duration::from_millis(50);

/// What the foreground waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the process.
    Process,
    /// Signals for the process.
    Signals,
    /// What is typed.
    Input,
    /// Room for what is printed.
    Output,
    /// The process's terminal.
    Master,
}

/// The master of a process's terminal, and our own terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    master: Option<OwnedFd>,
    hung_up: bool,
    ours: Option<OwnedFd>,
    /// Our terminal's settings, to be restored.
    settings: Option<Termios>,
    input: Flow,
    output: Flow,
}

/// Makes a process's terminal ready by its master, best before the program runs: it gets the size of ours, and
/// leaves it to ours to turn `\n` into `\r\n`.
///
/// # Errors
/// [`Error::Foreground`]
pub fn prepare(master: BorrowedFd<'_>) -> Result<()> {
    let failed = |error| Error::foreground("set up the terminal", error);
    let mut settings = tcgetattr(master).map_err(failed)?;
    settings.output_modes.remove(OutputModes::ONLCR);
    tcsetattr(master, OptionalActions::Now, &settings).map_err(failed)?;
    resize(master, ours().as_ref());
    Ok(())
}

impl Terminal {
    /// Takes over a master, made ready or not. All keys go to the process from now on, where they come from a
    /// terminal.
    ///
    /// # Errors
    /// [`Error::Foreground`]
    pub(super) fn new(master: OwnedFd) -> Result<Self> {
        prepare(master.as_fd())?;
        let failed = |error| Error::foreground("set up the terminal", error);
        let flags = fcntl_getfl(&master).map_err(failed)?;
        fcntl_setfl(&master, flags | OFlags::NONBLOCK).map_err(failed)?;
        let (input, output) = (Flow::new(), Flow::new());
        let mut terminal =
            Terminal { master: Some(master), hung_up: false, ours: ours(), settings: None, input, output };
        terminal.make_raw()?;
        Ok(terminal)
    }

    /// Only where keys come from our terminal: else its interrupt key would reach nobody.
    fn make_raw(&mut self) -> Result<()> {
        if !isatty(stdin()) {
            return Ok(());
        }
        let failed = |error| Error::foreground("set up our own terminal", error);
        let settings = tcgetattr(stdin()).map_err(failed)?;
        let mut raw = settings.clone();
        raw.make_raw();
        raw.output_modes = settings.output_modes;
        tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        self.settings = Some(settings);
        Ok(())
    }

    /// Gives the process's terminal the size of ours.
    pub(super) fn resize(&self) {
        if let Some(master) = &self.master {
            resize(master.as_fd(), self.ours.as_ref());
        }
    }

    /// What must be ready for anything to be carried.
    pub(super) fn wanted(&self) -> Vec<(End, BorrowedFd<'_>, PollFlags)> {
        let mut wanted = Vec::new();
        let Some(master) = &self.master else { return wanted };
        if self.input.is_empty() && self.input.open {
            wanted.push((End::Input, stdin(), PollFlags::IN));
        }
        if !self.output.is_empty() {
            wanted.push((End::Output, stdout(), PollFlags::OUT));
        }
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.output.is_empty());
        flags.set(PollFlags::OUT, !self.input.is_empty());
        if !self.hung_up && !flags.is_empty() {
            wanted.push((End::Master, master.as_fd(), flags));
        }
        wanted
    }

    /// How long to wait at most, before [`End::Master`] is tried anyway.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.hung_up.then_some(HANG_UP)
    }

    /// Carries what can be carried from or to an end that is ready.
    pub(super) fn carry(&mut self, end: End) {
        let Some(master) = &self.master else { return };
        match end {
            End::Input => self.input.open = self.input.fill(stdin()) != Filled::Ended,
            // Whoever read our output is gone, and so the terminal goes: the process gets SIGHUP.
            End::Output if !self.output.drain(stdout()) => self.master = None,
            End::Master => {
                if !self.input.is_empty() && !self.input.drain(master.as_fd()) {
                    self.input.clear();
                }
                if self.output.is_empty() {
                    self.hung_up = self.output.fill(master.as_fd()) == Filled::Ended;
                }
            }
            End::Output | End::Process | End::Signals => {}
        }
    }

    /// Carries what the process has printed before it ended.
    pub(super) fn finish(&mut self) {
        let Some(master) = self.master.take() else { return };
        let mut carried = 0;
        loop {
            while !self.output.is_empty() {
                // Whoever shares our output may have made it non-blocking.
                let ready = poll(&mut [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)], None);
                if ready.is_err_and(|error| error != Errno::INTR) || !self.output.drain(stdout()) {
                    return;
                }
            }
            if carried > REST || self.output.fill(master.as_fd()) != Filled::Some {
                return;
            }
            carried += self.output.end;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(settings) = &self.settings {
            // A terminal that is gone needs no settings.
            let _gone = tcsetattr(stdin(), OptionalActions::Now, settings);
        }
    }
}

/// Where our terminal has no size, the other keeps its own.
fn resize(master: BorrowedFd<'_>, ours: Option<&OwnedFd>) {
    let Some(size) = ours.and_then(|ours| tcgetwinsize(ours).ok()) else { return };
    if (size.ws_row, size.ws_col) != (0, 0) {
        // Only a terminal that is gone refuses.
        let _gone = tcsetwinsize(master, size);
    }
}

/// Our terminal: one of the standard streams, or else the controlling one; none where we have none.
fn ours() -> Option<OwnedFd> {
    let ours = [stderr(), stdout(), stdin()].into_iter().find(|stream| isatty(stream));
    let opened = match ours {
        Some(stream) => fcntl_dupfd_cloexec(stream, 3),
        None => open(c"/dev/tty", OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()),
    };
    opened.ok()
}

/// Bytes on their way.
#[derive(Debug)]
struct Flow {
    bytes: Box<[u8; BUFFER]>,
    start: usize,
    end: usize,
    open: bool,
}

/// What came of filling a [`Flow`].
#[derive(Debug, PartialEq, Eq)]
enum Filled {
    /// There are bytes.
    Some,
    /// There are none now.
    None,
    /// There will be none.
    Ended,
}

impl Flow {
    fn new() -> Self {
        Flow { bytes: Box::new([0; BUFFER]), start: 0, end: 0, open: true }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    fn fill(&mut self, from: BorrowedFd<'_>) -> Filled {
        self.clear();
        match read(from, &mut self.bytes[..]) {
            Ok(0) => Filled::Ended,
            Ok(count) => {
                self.end = count;
                Filled::Some
            }
            Err(Errno::AGAIN | Errno::INTR) => Filled::None,
            // A terminal that all have closed: EIO.
            Err(_) => Filled::Ended,
        }
    }

    /// Whether it can go on: writes some of the bytes.
    fn drain(&mut self, to: BorrowedFd<'_>) -> bool {
        match write(to, self.bytes.get(self.start..self.end).unwrap_or_default()) {
            Ok(count) => {
                self.start += count;
                true
            }
            Err(Errno::AGAIN | Errno::INTR) => true,
            Err(_) => false,
        }
    }
}
