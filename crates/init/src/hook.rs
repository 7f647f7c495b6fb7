//! Hooks that run in the container's namespaces.

use crate::context::Context;
use crate::environment::Environment;
use crate::fault::Fault;
use crate::number::decimal;
use crate::outcome::{self, Captured};
use crate::program;
use arrayvec::ArrayVec;
use plan::Hook;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, SeekFrom, memfd_create, seek};
use rustix::io::{read, retry_on_intr, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, fchdir, getpid, kill_process, kill_process_group,
    set_parent_process_death_signal, setpgid, umask, waitpid,
};
use sys::Errno;
use sys::clone::{Side, clone, exit};
use sys::descriptor::replace;

/// Runs a hook, with the state on its standard input, and waits until it has ended; what it printed is part of
/// the fault where it failed.
pub(crate) fn run(context: &Context<'_>, hook: &Hook<'_>) -> Result<(), Fault> {
    let state = state(hook).map_err(|errno| Fault::call("write the state for the hook", b"", errno))?;
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| Fault::call("pipe", b"", errno));
    let ((output, stdout), (errors, stderr), (trouble, exec)) = (pipe()?, pipe()?, pipe()?);
    let child = Streams { stdin: state, stdout, stderr };
    match clone(0, None).map_err(|errno| outcome::never(hook, errno))? {
        Side::Child => {
            let errno = become_hook(context, hook, &child);
            write(&exec, &errno.raw_os_error().to_le_bytes()).map_or_else(|_| exit(126), |_| exit(127))
        }
        Side::Parent(pid, ended) => {
            drop((child, exec));
            let mut errno = [0; 4];
            if retry_on_intr(|| read(&trouble, &mut errno)) == Ok(4) {
                status(pid)?;
                let errno = Errno::from_raw_os_error(i32::from_le_bytes(errno));
                return Err(outcome::never(hook, errno));
            }
            let mut captured = Captured::new(output, errors);
            if !watch(&ended, &mut captured, hook.timeout) {
                kill(pid);
                status(pid)?;
                return Err(outcome::timeout(hook));
            }
            outcome::of(hook, status(pid)?, &mut captured)
        }
    }
}

/// What the hook gets as its standard streams.
struct Streams {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// The state document, in a file, so that a hook that does not read it holds nobody up.
fn state(hook: &Hook<'_>) -> Result<OwnedFd, Errno> {
    let file = memfd_create(c"state", MemfdFlags::CLOEXEC)?;
    let pid = decimal(u64::from(getpid().as_raw_nonzero().get().unsigned_abs()));
    for mut part in [hook.state.0.0, &pid, hook.state.1.0] {
        while !part.is_empty() {
            let written = retry_on_intr(|| write(&file, part))?;
            part = part.get(written..).unwrap_or_default();
        }
    }
    seek(&file, SeekFrom::Start(0))?;
    Ok(file)
}

/// In the child: becomes the hook. Returns only where that fails.
fn become_hook(context: &Context<'_>, hook: &Hook<'_>, streams: &Streams) -> Errno {
    let prepare = || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        setpgid(None, None)?;
        // Before the pivot the working directory is one of the host's; its hooks get the root file system.
        if let (Some(root), b"createContainer") = (&context.root, hook.kind.bytes()) {
            fchdir(root)?;
            umask(Mode::WGRP | Mode::WOTH);
        }
        for (number, stream) in [&streams.stdin, &streams.stdout, &streams.stderr].into_iter().enumerate() {
            replace(i32::try_from(number).unwrap_or(0), stream.as_fd())?;
        }
        sys::descriptor::close_on_exec_from(3)
    };
    if let Err(errno) = prepare() {
        return errno;
    }
    // A hook without an environment of its own gets the payload's, and all of it.
    let payload = context.program.as_ref().is_some_and(|program| program.environment == hook.environment);
    let home = context.home.as_ref().filter(|_| payload).map(crate::home::Home::setting);
    let environment = Environment { settings: hook.environment, home };
    match (program::arguments(hook.arguments), environment.pointers()) {
        (Ok(arguments), Ok(environment)) => sys::exec::exec_path(hook.path.0, arguments, environment),
        _ => Errno::NOMEM,
    }
}

/// Takes what the hook prints until it has ended; false where its time is over before. Whoever else still holds
/// its standard streams then is not waited for.
fn watch(ended: &OwnedFd, captured: &mut Captured, timeout: u32) -> bool {
    let deadline = (timeout > 0).then(|| sys::process::monotonic() + u64::from(timeout) * 1_000_000_000);
    loop {
        let left = match deadline.map(|deadline| deadline.saturating_sub(sys::process::monotonic())) {
            Some(0) => return false,
            left => left.map(duration),
        };
        let over = {
            let files = captured.open().chain([ended.as_fd()]);
            let mut files: ArrayVec<_, 3> = files.map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN)).collect();
            let polled = poll(&mut files, left.as_ref());
            polled.is_ok() && files.last().is_none_or(|ended| !ended.revents().is_empty())
        };
        captured.take();
        if over {
            return true;
        }
    }
}

fn duration(nanoseconds: u64) -> Timespec {
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: i64::try_from(nanoseconds % 1_000_000_000).unwrap_or(0) }
}

/// Kills the hook and all that it has started: its process group, or, where init is the first process of a PID
/// namespace, everything else in there, which only hooks can have started so far.
fn kill(pid: Pid) {
    let killed =
        if getpid() == Pid::INIT { sys::signal::kill_all_others() } else { kill_process_group(pid, Signal::KILL) };
    // It may not have come so far as to have a group of its own.
    killed.or_else(|_| kill_process(pid, Signal::KILL)).unwrap_or(());
}

/// How the hook ended.
fn status(pid: Pid) -> Result<WaitStatus, Fault> {
    match retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty())) {
        Ok(Some((_, status))) => Ok(status),
        Ok(None) => Err(Fault::call("wait", b"", Errno::CHILD)),
        Err(errno) => Err(Fault::call("wait", b"", errno)),
    }
}
