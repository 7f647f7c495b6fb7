//! What is handed to others: descriptors over sockets, process ids in files, descriptors of our caller to the program.

use crate::errno::code;
use crate::error::{Error, Result};
use crate::process::Process;
use crate::state::HookState;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use rustix::process::{PidfdGetfdFlags, pidfd_getfd};
use spec::oci::LinuxSeccomp;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Writes a process id: digits without a newline, since engines parse the file as it is, and by rename, since they
/// look for it while we write.
///
/// # Errors
/// Where the file can't be written; nothing is left then.
fn write_pid_file(file: &Path, pid: i32) -> Result<()> {
    let name = file.file_name().ok_or_else(|| Error::io("write the pid file", file, rustix::io::Errno::ISDIR))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    let hidden = file.with_file_name(hidden);
    let write = || {
        // One that a killed create left must not stand in the way; nor may a link of that name lead us elsewhere.
        drop(std::fs::remove_file(&hidden));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let made = rustix::fs::open(&hidden, flags, Mode::from_raw_mode(0o666))?;
        std::fs::File::from(made).write_all(pid.to_string().as_bytes())?;
        std::fs::rename(&hidden, file)
    };
    write().map_err(|error| {
        // It may not have been made at all.
        drop(std::fs::remove_file(&hidden));
        Error::std("write the pid file", file, &error)
    })
}

/// Sends one descriptor with its name over the stream socket at `socket`, as engines expect consoles and pidfds.
///
/// # Errors
/// Where nobody listens there.
pub(crate) fn send(socket: &Path, descriptor: BorrowedFd<'_>, name: &str) -> Result<()> {
    let failed = |errno| Error::io("send a descriptor to", socket, errno);
    let stream = UnixStream::connect(socket).map_err(|error| failed(code(&error)))?;
    launch::send_descriptors(stream.as_fd(), name.as_bytes(), &[descriptor]).map_err(failed)
}

/// Tells those who asked for it which process it is: `--pidfd-socket` first, since the pid file is what engines wait for.
///
/// # Errors
/// As [`send`] and [`write_pid_file`].
pub(crate) fn announce(pidfd_socket: Option<&Path>, pid_file: Option<&Path>, process: &Process) -> Result<()> {
    if let Some(socket) = pidfd_socket {
        send(socket, process.pidfd(), "pidfd")?;
    }
    pid_file.map_or(Ok(()), |file| write_pid_file(file, process.pid()))
}

/// A terminal needs somebody who takes its other end, and only a terminal does.
///
/// # Errors
/// In runc's words.
pub(crate) fn check_console(terminal: bool, socket: bool, detached: bool) -> Result<()> {
    match (terminal, socket, detached) {
        (true, false, true) => Err(Error::NoConsoleSocket),
        (false, true, _) | (true, true, false) => Err(Error::ConsoleSocketUnused),
        _ => Ok(()),
    }
}

/// Hands the terminal's master to the console socket, or keeps it for ourselves.
pub(crate) fn terminal(socket: Option<&Path>, master: OwnedFd, kept: &mut Option<OwnedFd>) -> Result<()> {
    if let Some(socket) = socket {
        return send(socket, master.as_fd(), "/dev/ptmx");
    }
    // The program may ask for its size as soon as it runs.
    crate::terminal::prepare(master.as_fd())?;
    *kept = Some(master);
    Ok(())
}

/// The descriptors that `--preserve-fds` names must be there; no others are passed on to anybody.
///
/// # Errors
/// Naming the first that is not.
pub(crate) fn check_descriptors(preserved: u32) -> Result<()> {
    // What our caller left open is not for hooks or whatever else we run.
    sys::descriptor::close_on_exec_from(3).map_err(|errno| Error::io("shut", "inherited descriptors", errno))?;
    for number in 3..preserved.saturating_add(3) {
        let descriptor = sys::descriptor::borrow(i32::try_from(number).unwrap_or(i32::MAX));
        if rustix::io::fcntl_getfd(descriptor).is_err() {
            return Err(Error::NotPreserved { number: number - 3, count: preserved });
        }
    }
    Ok(())
}

/// What systemd's socket activation passes on: sd_listen_fds(3).
#[derive(Debug)]
pub(crate) struct Listening {
    /// How many descriptors, from 3 on.
    pub(crate) count: u32,
}

impl Listening {
    /// Only what is meant for this very process counts.
    pub(crate) fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u32>().ok());
        let ours = |_: &u32| number("LISTEN_PID") == Some(std::process::id());
        Listening { count: number("LISTEN_FDS").filter(ours).unwrap_or(0) }
    }

    /// What tells the program of them: it is process 1 of its namespace.
    pub(crate) fn environment(&self) -> Vec<String> {
        if self.count == 0 {
            return Vec::new();
        }
        vec![format!("LISTEN_FDS={}", self.count), "LISTEN_PID=1".into()]
    }
}

/// Fetches the seccomp notify descriptor of a process and sends it to the listener that the config names, with the
/// container's `state`: runtime-spec, config-linux.md, seccomp.
///
/// # Errors
/// Where nobody listens there.
pub(crate) fn seccomp_listener(
    process: &Process,
    number: i32,
    seccomp: Option<&LinuxSeccomp>,
    state: &HookState<'_>,
) -> Result<()> {
    let failed = |errno| Error::SeccompAgent { errno };
    let path = seccomp.and_then(|seccomp| seccomp.listener_path().as_ref());
    let path = path.ok_or_else(|| failed(rustix::io::Errno::DESTADDRREQ))?;
    let metadata = seccomp.and_then(|seccomp| seccomp.listener_metadata().as_deref());
    let listener = pidfd_getfd(process.pidfd(), number, PidfdGetfdFlags::empty()).map_err(failed)?;
    let message = security::seccomp::message(state.oci_version, process.pid(), metadata, state)
        .map_err(|_| failed(rustix::io::Errno::INVAL))?;
    let agent = connect(path).map_err(failed)?;
    launch::send_descriptors(agent.as_fd(), &message, &[listener.as_fd()]).map_err(failed)
}

/// A stream to the socket at `path`; one that begins with `@` is the name of an abstract socket, as Go and so runc
/// have it: unix(7).
fn connect(path: &Path) -> Result<OwnedFd, rustix::io::Errno> {
    let address = match path.as_os_str().as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddrUnix::new_abstract_name(name)?,
        None => SocketAddrUnix::new(path)?,
    };
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::connect(&stream, &address)?;
    Ok(stream)
}
