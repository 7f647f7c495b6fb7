//! The hooks that run in the runtime's namespaces: prestart, createRuntime, poststart, poststop.

use crate::signals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use spec::oci::Hook;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How much of what a failing hook wrote is kept: the end of it.
const KEPT: usize = 2048;

/// A hook that failed.
#[derive(Debug, thiserror::Error)]
#[error("error running {kind} hook #{index}: {path:?}: {why}, stdout: {stdout}, stderr: {stderr}")]
pub struct Failed {
    /// `createRuntime` and its kin.
    pub kind: &'static str,
    /// Its place in that list.
    pub index: usize,
    /// Its program.
    pub path: String,
    /// How it ended.
    pub why: String,
    /// The end of its output.
    pub stdout: String,
    /// The end of its errors.
    pub stderr: String,
}

/// Runs the hooks of one kind, one after the other, each with `state` on stdin and in the directory `bundle`.
///
/// # Errors
/// The first that fails; the ones after it don't run.
pub(crate) fn run(kind: &'static str, hooks: Option<&Vec<Hook>>, state: &str, bundle: &Path) -> Result<(), Failed> {
    hooks.into_iter().flatten().enumerate().try_for_each(|(index, hook)| run_at(kind, index, hook, state, bundle))
}

/// Runs hook number `index` of its kind.
///
/// # Errors
/// Where it fails.
pub(crate) fn run_at(kind: &'static str, index: usize, hook: &Hook, state: &str, bundle: &Path) -> Result<(), Failed> {
    run_one(hook, state, bundle).map_err(|(why, output)| Failed {
        kind,
        index,
        path: hook.path().to_string_lossy().into_owned(),
        why,
        stdout: output.first.end(),
        stderr: output.second.end(),
    })
}

type Why = (String, Output);

fn run_one(hook: &Hook, state: &str, bundle: &Path) -> Result<(), Why> {
    // What our caller left open is not for them, whatever the command: the program has what is preserved from init.
    if let Err(errno) = sys::descriptor::close_on_exec_from(3) {
        return Err((reason(&errno.into()), Output::default()));
    }
    let mut child = command(hook, bundle).spawn().map_err(|error| (reason(&error), Output::default()))?;
    let limit = hook.timeout().and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let deadline = limit.map(|limit| Instant::now() + limit);
    if let Some(mut stdin) = child.stdin.take() {
        // A hook need not read its state: EPIPE is no failure.
        drop(stdin.write_all(state.as_bytes()));
    }
    let mut output = Output::new(&mut child);
    match wait(&mut child, &mut output, deadline) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err((ended(status), output)),
        Err(why) => {
            // All that the hook started is in its process group.
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _sent = kill_process_group(group, Signal::KILL);
            }
            drop(child.kill());
            drop(child.wait());
            Err((why, output))
        }
    }
}

fn command(hook: &Hook, bundle: &Path) -> Command {
    let mut command = Command::new(hook.path());
    if let Some((name, arguments)) = hook.args().as_ref().and_then(|args| args.split_first()) {
        command.arg0(name).args(arguments);
    }
    if let Some(environment) = hook.env() {
        command.env_clear();
        command.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
    }
    command.current_dir(bundle).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    signals::release_in(&mut command);
    command
}

/// Waits for the hook itself, not for whoever else holds its output open.
fn wait(child: &mut Child, output: &mut Output, deadline: Option<Instant>) -> Result<ExitStatus, String> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("no process id")?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| reason(&errno.into()))?;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        let mut events = vec![PollFd::new(&pidfd, PollFlags::IN)];
        events.extend(output.open().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        match rustix::io::retry_on_intr(|| poll(&mut events, timeout.as_ref())) {
            Ok(0) => return Err(format!("timed out after {:?}", deadline.map(|_| "its timeout").unwrap_or_default())),
            Ok(_) => {}
            Err(errno) => return Err(reason(&errno.into())),
        }
        let over = events.first().is_some_and(|event| !event.revents().is_empty());
        output.read();
        if over {
            return child.wait().map_err(|error| reason(&error));
        }
    }
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        _ => status.to_string(),
    }
}

fn reason(error: &std::io::Error) -> String {
    sys::text::errno(crate::errno::code(error))
}

/// Both output pipes of a hook.
#[derive(Default)]
struct Output {
    first: Pipe,
    second: Pipe,
}

impl Output {
    fn new(child: &mut Child) -> Self {
        Output {
            first: Pipe::new(child.stdout.take().map(OwnedFd::from)),
            second: Pipe::new(child.stderr.take().map(OwnedFd::from)),
        }
    }

    fn open(&self) -> impl Iterator<Item = &OwnedFd> {
        self.first.open.iter().chain(&self.second.open)
    }

    fn read(&mut self) {
        self.first.read();
        self.second.read();
    }
}

/// One pipe and the end of what came through it.
#[derive(Default)]
struct Pipe {
    open: Option<OwnedFd>,
    kept: Vec<u8>,
}

impl Pipe {
    fn new(open: Option<OwnedFd>) -> Self {
        if let Some(pipe) = &open {
            // Reading must never wait: see `wait`.
            let _set = fcntl_getfl(pipe).and_then(|flags| fcntl_setfl(pipe, flags | OFlags::NONBLOCK));
        }
        Pipe { open, kept: Vec::new() }
    }

    fn read(&mut self) {
        let Some(pipe) = self.open.take() else { return };
        let mut file = std::fs::File::from(pipe);
        let mut buffer = [0; 4096];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    self.kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    let extra = self.kept.len().saturating_sub(KEPT);
                    self.kept.drain(..extra);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
        self.open = Some(file.into());
    }

    /// What was kept, on one line.
    fn end(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}
