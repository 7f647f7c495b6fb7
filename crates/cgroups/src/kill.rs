//! A signal to all processes of a container.

use crate::error::{Error, Result};
use crate::paths::Paths;
use crate::{file, pids, walk};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, openat};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::path::Path;
use sys::Errno;

/// SIGKILL's number.
const KILL: i32 = 9;
/// How often processes that are not frozen are looked for again: while they fork faster than they are found.
const ROUNDS: usize = 100;

impl Paths {
    /// Sends a signal (by its number) to every process of the container, here and in all cgroups below. None that
    /// is born meanwhile is missed where the kernel can kill a cgroup or freeze it. After SIGKILL nothing stays
    /// frozen, so that all can die; they may not be dead yet on return ([`Paths::remove`] waits).
    ///
    /// # Errors
    /// [`Error::Signal`], [`Error::File`].
    pub fn kill_all(&self, signal: i32) -> Result<()> {
        if signal == KILL && self.is_unified() && self.kill_at_once()? {
            return Ok(());
        }
        let was_frozen = self.is_frozen().unwrap_or(false);
        let frozen = was_frozen || self.freeze().is_ok();
        let result = self.signal_each(signal, if frozen { 1 } else { ROUNDS });
        if signal == KILL {
            self.thaw_all();
        } else if frozen && !was_frozen {
            result.and(self.thaw())?;
            return Ok(());
        }
        result
    }

    /// `cgroup.kill`, Linux 5.14: whether there is one. It kills frozen ones and those below too.
    fn kill_at_once(&self) -> Result<bool> {
        let Some(path) = self.unified().map(|path| path.join("cgroup.kill")) else { return Ok(false) };
        match file::write(&path, "1") {
            Ok(()) => Ok(true),
            // Gone, or an old kernel; a cgroup of threads can't be killed by parts.
            Err(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => Ok(false),
            Err(errno) => Err(Error::file("write", path, errno)),
        }
    }

    fn signal_each(&self, signal: i32, rounds: usize) -> Result<()> {
        let Some(path) = self.processes() else { return Ok(()) };
        let mut sent: Vec<i32> = Vec::new();
        for _ in 0..rounds {
            let mut found = pids::all(path)?;
            // 0 is a process that this PID namespace does not see; and to kill(2) it would be our own group.
            found.retain(|pid| *pid > 0 && !sent.contains(pid));
            if found.is_empty() {
                break;
            }
            for pid in &found {
                send(*pid, signal)?;
            }
            sent.extend(found);
        }
        Ok(())
    }

    /// A process that is frozen does not die of SIGKILL on v1, and what is below may have been frozen by itself.
    fn thaw_all(&self) {
        // Without a freezer nothing is frozen; a cgroup that is gone needs no thawing.
        self.thaw().ok();
        let below = self.get("freezer").map(|path| (path, "freezer.state", "THAWED"));
        let below = below.or_else(|| self.unified().map(|path| (path, "cgroup.freeze", "0")));
        if let Some((path, name, value)) = below {
            let thaw = |directory: &OwnedFd, _| {
                let file = openat(directory, Path::new(name), OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
                // One that can't be thawed must not keep the others from it.
                file.and_then(|file| file::put(file, value)).ok();
                Ok::<(), Errno>(())
            };
            walk::each(path, thaw).ok();
        }
    }
}

/// Signals through a pidfd: it takes any number, and can't hit another process once it is open.
fn send(pid: i32, signal: i32) -> Result<()> {
    let Some(process) = Pid::from_raw(pid) else { return Ok(()) };
    let sent = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(pidfd) => sys::pidfd::send_signal(pidfd.as_fd(), signal),
        // A thread (of a cgroup of threads) has none; a signal to it is one to its process.
        Err(Errno::INVAL | Errno::NOENT) => {
            Signal::from_named_raw(signal).map_or(Err(Errno::INVAL), |signal| kill_process(process, signal))
        }
        Err(errno) => Err(errno),
    };
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(errno) => Err(Error::Signal { signal, pid, errno }),
    }
}
