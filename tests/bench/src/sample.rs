//! One process: how long it took, and the most memory that it had.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

/// How long a process may take. A runtime that takes longer hangs.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// From before the spawn until the process was waited for.
    pub(crate) wall: Duration,
    /// Peak resident memory of it or a process that it waited for, KiB.
    pub(crate) peak: u64,
}

/// What came of a process.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ended well.
    Ended(Sample),
    /// It ended with an error: its last words.
    Failed(String),
    /// It had not ended when patience did, and was killed.
    Hung,
}

/// Runs a command. What it says on standard error goes through the file `errors`.
pub(crate) fn measure(line: &[OsString], errors: &Path) -> io::Result<Outcome> {
    let [program, arguments @ ..] = line else { return Err(io::Error::other("an empty command")) };
    let mut command = Command::new(program);
    // A group of its own: what hangs is killed with its children.
    command.process_group(0);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(errors)?);
    let begin = Instant::now();
    let mut child = command.spawn()?;
    if !ends(&child)? {
        kill_process_group(Pid::from_child(&child), Signal::KILL)?;
        child.wait()?;
        return Ok(Outcome::Hung);
    }
    let used = child.wait4()?;
    let wall = begin.elapsed();
    if !used.status.success() {
        let said = fs::read_to_string(errors)?;
        let last = said.lines().last().unwrap_or("nothing on standard error");
        return Ok(Outcome::Failed(format!("{}: {last}", used.status)));
    }
    Ok(Outcome::Ended(Sample { wall, peak: used.rusage.maxrss / 1024 }))
}

fn ends(child: &Child) -> io::Result<bool> {
    let pid = Pid::from_child(child);
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    Ok(poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&PATIENCE))? > 0)
}

/// Waits until a process that is no child of ours is dead.
pub(crate) fn await_death(pid: i32) -> io::Result<bool> {
    let Some(pid) = Pid::from_raw(pid) else { return Ok(true) };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(true) };
    Ok(poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&PATIENCE))? > 0)
}
