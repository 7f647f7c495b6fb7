//! A process on the host that is surely the one that is meant.

use crate::error::{Error, Result};
use launch::Born;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::sync::Arc;
use std::time::{Duration, Instant};
use sys::descriptor::Descriptor;

/// The file system of pidfds since Linux 6.9, where their inode numbers are unique.
const PIDFS: u32 = 0x5049_4446;

/// A living process, held by its pidfd.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    pidfd: Arc<OwnedFd>,
}

impl Process {
    /// Takes a process that was just made, by its pidfd: the caller's child, so its number is not free yet.
    pub fn of_child(pid: i32, pidfd: impl Into<Arc<OwnedFd>>) -> Self {
        Process { pid, pidfd: pidfd.into() }
    }

    /// Takes the process that a launch has made.
    pub(crate) fn of_born(born: &Born) -> Self {
        let pid = born.pid.as_raw_nonzero().get();
        tracing::debug!("init is born: process {pid}");
        Self::of_child(pid, Arc::clone(&born.pidfd))
    }

    /// Finds the process `pid` that started at `start` (clock ticks since boot) and whose pidfd has that
    /// inode number (0: not known). None where it has ended, be it a zombie still, or the number is another
    /// process's by now.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn find(pid: i32, start: u64, known: u64) -> Result<Option<Self>> {
        // The pidfd is taken first: where what /proc shows thereafter is the right process, so is the pidfd's.
        let Some(pidfd) = open(pid)? else { return Ok(None) };
        let inode = inode(&pidfd);
        if known != 0 && inode != 0 && known != inode {
            return Ok(None);
        }
        let alive = stat(pid)?.is_some_and(|(state, begun)| begun == start && !matches!(state, b'Z' | b'X' | b'x'));
        Ok(alive.then(|| Self::of_child(pid, pidfd)))
    }

    /// The same where the inode number is known to be of this boot: it is no other process's, then, and nothing more
    /// need be asked but whether the process has ended.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(crate) fn recognize(pid: i32, inode: u64) -> Result<Option<Self>> {
        let Some(pidfd) = open(pid)? else { return Ok(None) };
        let failed = |errno| Error::io("stat a pidfd of", format!("process {pid}"), errno);
        if fs::fstat(&pidfd).map_err(failed)?.st_ino != inode {
            return Ok(None);
        }
        let process = Self::of_child(pid, pidfd);
        let failed = |errno| Error::io("poll a pidfd of", format!("process {pid}"), errno);
        let ended = process.wait(Duration::ZERO).map_err(failed)?;
        Ok((!ended).then_some(process))
    }

    /// Its number on the host.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// What tells it from others that had or will have its number: when it started, in clock ticks since boot, and the
    /// inode number of its pidfd, 0 where the kernel has no unique ones. Of a process that was not waited for yet.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn identity(&self) -> Result<(u64, u64)> {
        let (_, start) = stat(self.pid)?.ok_or_else(|| Error::io("read", stat_path(self.pid), Errno::SRCH))?;
        Ok((start, inode(&self.pidfd)))
    }

    /// Closes its pidfd, together with other descriptors that are not used any more.
    pub(crate) fn leave(self) {
        drop(Arc::into_inner(self.pidfd).map(Descriptor::from));
    }

    /// Its pidfd.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Sends a signal by number; 0 only checks. See `pidfd_send_signal(2)`.
    ///
    /// # Errors
    /// `ESRCH` where it has ended; `EPERM`; `EINVAL`.
    pub fn signal(&self, signal: i32) -> Result<(), Errno> {
        sys::pidfd::send_signal(self.pidfd(), signal)
    }

    /// Waits until it has ended, at most so long. Whether it has.
    ///
    /// # Errors
    /// As poll(2).
    pub fn wait(&self, longest: Duration) -> Result<bool, Errno> {
        // Who does not wait needs no clock.
        let since = (!longest.is_zero()).then(Instant::now);
        loop {
            let left = longest.saturating_sub(since.map_or(Duration::ZERO, |since| since.elapsed()));
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&left)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A pidfd of the process that has that number now.
fn open(pid: i32) -> Result<Option<OwnedFd>> {
    let Some(number) = Pid::from_raw(pid.max(0)) else { return Ok(None) };
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(pidfd)),
        // EINVAL and ENOENT: the number is a mere thread's now.
        Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Ok(None),
        Err(error) => Err(Error::io("open a pidfd of", format!("process {pid}"), error)),
    }
}

/// The inode number of a pidfd, where it is unique.
fn inode(pidfd: &OwnedFd) -> u64 {
    let unique = fs::fstatfs(pidfd).is_ok_and(|stat| u32::try_from(stat.f_type) == Ok(PIDFS));
    if unique { fs::fstat(pidfd).map_or(0, |stat| stat.st_ino) } else { 0 }
}

fn stat_path(pid: i32) -> String {
    format!("/proc/{pid}/stat")
}

/// State and start time of a process; None where there is none.
fn stat(pid: i32) -> Result<Option<(u8, u64)>> {
    let path = stat_path(pid);
    let failed = |errno| match errno {
        Errno::NOENT | Errno::SRCH => Ok(None),
        errno => Err(Error::io("read", path.clone(), errno)),
    };
    let file = match fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => file,
        Err(errno) => return failed(errno),
    };
    // The whole of it: the kernel gives it at once.
    let mut text = [0; 1024];
    match rustix::io::read(&file, &mut text) {
        Ok(count) => match parse_stat(text.get(..count).unwrap_or_default()) {
            Some(stat) => Ok(Some(stat)),
            None => failed(Errno::BADMSG),
        },
        Err(errno) => failed(errno),
    }
}

/// Fields 3 and 22 of `proc_pid_stat(5)`. Field 2, the name in brackets, may hold anything, brackets too.
pub(crate) fn parse_stat(text: &[u8]) -> Option<(u8, u64)> {
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let rest = str::from_utf8(text.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some((state, start))
}
