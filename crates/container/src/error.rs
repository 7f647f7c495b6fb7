//! What can go wrong between two calls, each a sentence. Engines match parts of these texts, so those keep
//! runc's words.

use crate::status::Status;
use rustix::io::Errno;
use std::path::PathBuf;
use sys::text::errno as words;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command on a container failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An id that could not be one.
    #[error(
        "invalid container ID format: {0}: an id has 1 to 1024 of the characters A-Z a-z 0-9 _ + . - and no dot first"
    )]
    InvalidId(String),
    /// `--root` names the root directory of the host.
    #[error("option --root must not be set to /")]
    RootIsSlash,
    /// The directory of all containers is not there.
    #[error("open the state directory {0}: no such file or directory")]
    NoRoot(PathBuf),
    /// There is no container with that id.
    #[error("container does not exist: {0}")]
    NotExist(String),
    /// There is one already.
    #[error("container with given ID already exists: {0}")]
    Exists(String),
    /// Another command works on the container.
    #[error("container {id} is in use: another command has been working on it for {seconds} seconds")]
    Busy {
        /// The container.
        id: String,
        /// How long this one waited.
        seconds: u64,
    },
    /// A file or directory of the state could not be used.
    #[error("{act} {path}: {}", words(*.errno))]
    Io {
        /// What was being done: `open`, `create`, `rename`.
        act: &'static str,
        /// To what.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A state file that is not JSON, or has a value of a wrong kind.
    #[error("read the state in {path}: {source}")]
    Torn {
        /// The file.
        path: PathBuf,
        /// Where in it.
        #[source]
        source: serde_json::Error,
    },
    /// A state that can't be written as JSON.
    #[error("write the state in {path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What stands in the way, such as a path that is not UTF-8.
        #[source]
        source: serde_json::Error,
    },
    /// A state file of another runtime.
    #[error("read the state in {0}: it was written by another runtime (it has no \"version\")")]
    Foreign(PathBuf),
    /// A state file of a Cofferdam to come.
    #[error(
        "read the state in {path}: it has format {found}, and this cofferdam knows formats up to {known}: use a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that this program reads.
        known: u32,
    },
    /// What a container may use, as stored or as asked for, can't be read or written.
    #[error("read the container's resource limits: {0}")]
    Resources(#[source] serde_json::Error),
    /// The copy of config.json can't be understood.
    #[error(transparent)]
    Config(#[from] spec::Error),
    /// A signal that the kernel does not have.
    #[error("unknown signal {0:?}")]
    UnknownSignal(String),
    /// The container has ended.
    #[error("container not running")]
    NotRunning,
    /// As [`Error::NotRunning`], in the words of `events`.
    #[error("container with id {0} is not running")]
    NoEvents(String),
    /// Only a paused container can be resumed.
    #[error("container not paused")]
    NotPaused,
    /// A container that has not ended can be deleted by force only.
    #[error("cannot delete container {id} that is not stopped: {status}")]
    NotStopped {
        /// The container.
        id: String,
        /// What it is.
        status: Status,
    },
    /// SIGKILL did not end it in time.
    #[error(
        "container init still running: process {pid} of container {id} has not ended {seconds} seconds after SIGKILL"
    )]
    StillRunning {
        /// The container.
        id: String,
        /// Its init.
        pid: i32,
        /// How long it was waited for.
        seconds: u64,
    },
    /// `start` on a container that has ended.
    #[error("cannot start a container that has stopped")]
    StartStopped,
    /// `start` on a container that runs.
    #[error("cannot start an already running container")]
    StartRunning,
    /// `start` on a paused or half-made container.
    #[error("cannot start a container in the {0} state")]
    StartIn(Status),
    /// `exec` in a container that has ended.
    #[error("cannot exec in a stopped container")]
    ExecStopped,
    /// `exec` in a paused container.
    #[error("cannot exec in a paused container (use --ignore-paused to override)")]
    ExecPaused,
    /// A signal could not be sent.
    #[error("send signal {signal} to process {pid} of container {id}: {}", words(*.errno))]
    Signal {
        /// The signal's number.
        signal: i32,
        /// To which process.
        pid: i32,
        /// Of which container.
        id: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The root file system is not there.
    #[error("/root/path: root file system {path:?}: {}", sys::text::errno(*.errno))]
    Rootfs {
        /// Where it should be.
        path: PathBuf,
        /// Why it is not.
        errno: Errno,
    },
    /// Nothing can be run in a container without a process.
    #[error("/process: process property must not be empty")]
    NoProcess,
    /// A capability that `--cap` names.
    #[error("unknown capability {0:?}")]
    UnknownCapability(String),
    /// A user that `--user` names.
    #[error("--user {0:?}: must be UID or UID:GID, each a number from 0 to 4294967294")]
    User(String),
    /// A trace that can't be written.
    #[error("--trace {path:?}: {}", sys::text::errno(*.errno))]
    Trace {
        /// The file.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
    /// A terminal without somebody who takes its other end.
    #[error("cannot allocate tty if runc will detach without setting console socket")]
    NoConsoleSocket,
    /// A console socket that nothing will come over.
    #[error("cannot use console socket if runc will not detach or allocate tty")]
    ConsoleSocketUnused,
    /// A descriptor that should be preserved is not open.
    #[error("unable to stat preserved-fd {number} (of {count})")]
    NotPreserved {
        /// Its place from 0 on.
        number: u32,
        /// How many should be preserved.
        count: u32,
    },
    /// The agent that the config puts seccomp notifications to can't be told.
    #[error("/linux/seccomp/listenerPath: failed to connect with seccomp agent: {}", sys::text::errno(*.errno))]
    SeccompAgent {
        /// Why not.
        errno: Errno,
    },
    /// The memory limit ended init.
    #[error("unable to start container process: container init was OOM-killed (memory limit too low?)")]
    OomKilled,
    /// The cgroup.
    #[error(transparent)]
    Cgroup(#[from] cgroups::Error),
    /// The resctrl groups.
    #[error("unable to apply Intel RDT configuration: {0}")]
    Resctrl(#[from] resctrl::Error),
    /// The launch.
    #[error(transparent)]
    Launch(launch::Error),
    /// A hook.
    #[error(transparent)]
    Hook(#[from] crate::hooks::Failed),
    /// The foreground's own business failed: its terminal, its signals, its waiting.
    #[error("{act}: {}", words(*.errno))]
    Foreground {
        /// What was being done.
        act: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The host's ps(1) failed, or wrote what can't be read.
    #[error("ps: {0}")]
    Ps(String),
}

impl Error {
    /// The place in the config that it is about, as a JSON pointer; empty where it is about none.
    pub fn pointer(&self) -> &str {
        match self {
            Error::Config(error) => error.pointer(),
            Error::Launch(error) => error.pointer().unwrap_or_default(),
            Error::Cgroup(error) => error.place().unwrap_or_default(),
            Error::Resctrl(error) => error.place(),
            _ => "",
        }
    }

    /// Whether it is something in the config that was found late: see [`launch::Error::is_late_refusal`].
    pub(crate) fn is_late_refusal(&self) -> bool {
        matches!(self, Error::Config(_)) || matches!(self, Error::Launch(error) if error.is_late_refusal())
    }

    /// What the kernel had against the program, `exec PATH: WHY`, where all else went well.
    pub fn refused_program(&self) -> Option<&str> {
        match self {
            Error::Launch(launch::Error::Exec { sentence }) => Some(sentence),
            _ => None,
        }
    }

    /// Wraps the kernel's answer to `act` on `path`.
    pub(crate) fn io(act: &'static str, path: impl Into<PathBuf>, errno: Errno) -> Self {
        Error::Io { act, path: path.into(), errno }
    }

    pub(crate) fn foreground(act: &'static str, errno: Errno) -> Self {
        Error::Foreground { act, errno }
    }

    /// As [`Error::io`], for an answer that the standard library has wrapped.
    pub(crate) fn std(act: &'static str, path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Error::io(act, path, crate::errno::code(error))
    }
}

/// What our own part of a plan failed with comes back as it was.
impl From<launch::Error> for Error {
    fn from(error: launch::Error) -> Self {
        match error {
            launch::Error::Kept(kept) => match kept.downcast() {
                Ok(own) => *own,
                Err(other) => Error::Launch(launch::Error::Kept(other)),
            },
            error => Error::Launch(error),
        }
    }
}

/// What our own part of a plan failed with, to come back as it was.
pub(crate) fn keeping(error: Error) -> launch::Error {
    launch::Error::Kept(Box::new(error))
}

/// What answering init failed with, for init's launch to fail with.
pub(crate) fn attending(error: Error) -> launch::Error {
    launch::Error::Attendant(Box::new(error))
}
