//! One process: how long it took, and what came of it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take. A runtime that takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What came of a process.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ended well, so long after just before its spawn.
    Ended(Duration),
    /// It ended with an error: its last words.
    Failed(String),
    /// It had not ended when patience did, and was killed.
    Hung,
}

impl Outcome {
    /// What to say of one that did not end well.
    pub(crate) fn trouble(self) -> String {
        match self {
            Outcome::Ended(_) => "ended well".to_owned(),
            Outcome::Failed(said) => said,
            Outcome::Hung => format!("hung for {} s", PATIENCE.as_secs()),
        }
    }
}

/// Begins a command, in a process group of its own: what hangs is killed with its children. What it says on standard
/// error goes to the file `errors`.
pub(crate) fn begin(line: &[OsString], errors: &Path) -> io::Result<Child> {
    let [program, arguments @ ..] = line else { return Err(io::Error::other("an empty command")) };
    let mut command = Command::new(program);
    command.process_group(0);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(errors)?);
    command.spawn()
}

/// Runs a command.
pub(crate) fn measure(line: &[OsString], errors: &Path) -> io::Result<Outcome> {
    let begin_time = Instant::now();
    let mut child = begin(line, errors)?;
    if !ends(&child, PATIENCE)? {
        end(&mut child)?;
        return Ok(Outcome::Hung);
    }
    let wall = begin_time.elapsed();
    let status = child.wait()?;
    if !status.success() {
        let said = fs::read_to_string(errors)?;
        let last = said.lines().last().unwrap_or("nothing on standard error");
        return Ok(Outcome::Failed(format!("{status}: {last}")));
    }
    Ok(Outcome::Ended(wall))
}

/// Whether a child ends in time.
pub(crate) fn ends(child: &Child, patience: Duration) -> io::Result<bool> {
    let handle = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    Ok(poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience))? > 0)
}

/// Kills a child and its group.
pub(crate) fn end(child: &mut Child) -> io::Result<()> {
    kill_process_group(Pid::from_child(child), Signal::KILL)?;
    child.wait().map(drop)
}

/// Waits until a process that is no child of ours is dead.
pub(crate) fn await_death(pid: i32) -> io::Result<bool> {
    let Some(pid) = Pid::from_raw(pid) else { return Ok(true) };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(true) };
    let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
    Ok(poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience))? > 0)
}
