//! What can go wrong with cgroups.

use std::path::PathBuf;
use sys::Errno;

/// The pids that an error names at most.
const SHOWN: usize = 10;

/// A cgroup that can't be found, made, limited, entered, frozen or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host's cgroups can't be found.
    #[error("find the host's cgroups: {0}")]
    Layout(String),
    /// A value of the config can't be right, on any host.
    #[error("{place}: {reason}")]
    Invalid {
        /// JSON pointer.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `unified` holds names of v2 files.
    #[error("{place}: invalid configuration: cannot use unified on cgroup v1")]
    UnifiedOnV1 {
        /// JSON pointer.
        place: String,
    },
    /// A limit is asked that needs a controller which this host does not have.
    #[error("{place}: this host has no cgroup controller {controller}")]
    NoController {
        /// JSON pointer.
        place: String,
        /// The controller, as v1 names it.
        controller: String,
    },
    /// A limit that the kernel does not take.
    #[error("{place}: write {value:?} to {path:?}: {}{remark}", text(*.errno))]
    Limit {
        /// JSON pointer.
        place: String,
        /// What was written.
        value: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        errno: Errno,
        /// What more is known, after the errno's words: empty or with its own separator.
        remark: String,
    },
    /// A limit below what is used already, where the config asks to look (`checkBeforeUpdate`).
    #[error("{place}: rejecting {what} limit {limit} <= usage {usage}")]
    BelowUsage {
        /// JSON pointer.
        place: String,
        /// `memory` or `memory+swap`.
        what: &'static str,
        /// Bytes.
        limit: u64,
        /// Bytes.
        usage: u64,
    },
    /// A file or directory of a cgroup refuses an act.
    #[error("{act} {path:?}: {}", text(*.errno))]
    File {
        /// `mkdir`, `open`, `read`, `write`, `rmdir`, …
        act: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
    /// Limits are asked by a user who may not make cgroups.
    #[error("rootless needs no limits + no cgrouppath when no permission is granted for cgroups: mkdir {path:?}: {}", text(*.errno))]
    Denied {
        /// The cgroup.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
    /// The device filter can't be loaded or attached.
    #[error("/linux/resources/devices: {act} the device filter of {path:?}: {}", text(*.errno))]
    Filter {
        /// `load`, `attach`, …
        act: &'static str,
        /// The cgroup.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
    /// Somebody else's processes are in the cgroup.
    #[error("container's cgroup is not empty: {count} process(es) found{}", named(.pids, .path))]
    NotEmpty {
        /// How many.
        count: usize,
        /// Those that this PID namespace sees.
        pids: Vec<i32>,
        /// The cgroup.
        path: PathBuf,
    },
    /// The cgroup, or one above it, is frozen: no process could come to life in it.
    #[error("container's cgroup unexpectedly frozen: {path:?}")]
    Frozen {
        /// The cgroup.
        path: PathBuf,
    },
    /// The cgroup can't be used since processes or threads sit above it.
    #[error("cannot enter cgroupv2 {path:?} with domain controllers -- it is in {state} mode")]
    Threaded {
        /// The cgroup.
        path: PathBuf,
        /// What `cgroup.type` says.
        state: String,
    },
    /// Freezing did not come to an end.
    #[error("unable to freeze {path:?} within {seconds} s")]
    Freeze {
        /// The cgroup.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The container has no cgroup that can do this.
    #[error("{act}: the container has no cgroup for it")]
    NoCgroup {
        /// What was being done.
        act: &'static str,
    },
    /// `exec --cgroup` names a place that is not beneath the container's cgroup.
    #[error("bad sub cgroup path: {0}")]
    SubCgroup(String),
    /// `exec --cgroup` names a controller that the container has no cgroup of.
    #[error("unknown controller {0} in --cgroup")]
    UnknownController(String),
    /// `exec --cgroup` is not `[controller[,controller]:]path`.
    #[error("invalid --cgroup argument: {0}")]
    Argument(String),
    /// A cgroup that is to be entered can't be opened.
    #[error("error adding pid to cgroup {path:?}: {}", text(*.errno))]
    Enter {
        /// The cgroup.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
    /// Processes can't be signalled.
    #[error("send signal {signal} to process {pid}: {}", text(*.errno))]
    Signal {
        /// The signal's number.
        signal: i32,
        /// The process.
        pid: i32,
        /// Why not.
        errno: Errno,
    },
    /// The systemd driver is asked for where it can't work.
    #[error("{0}, cannot use systemd cgroups manager: leave --systemd-cgroup away")]
    NoSystemd(&'static str),
    /// systemd did not do what it was asked.
    #[error("let systemd {act} {unit}: {reason}")]
    Systemd {
        /// `start`, `stop`, `set properties of`.
        act: &'static str,
        /// The unit.
        unit: String,
        /// What systemd says, or why it can't be asked.
        reason: String,
    },
    /// A cgroup can't be removed since processes do not leave it.
    #[error("remove {path:?}: {}{}", text(*.errno), named(.pids, .path))]
    Busy {
        /// The cgroup.
        path: PathBuf,
        /// Why not.
        errno: Errno,
        /// Who is in it.
        pids: Vec<i32>,
    },
}

impl Error {
    /// Where in the config the cause stands, as a JSON pointer.
    pub fn place(&self) -> Option<&str> {
        match self {
            Error::Invalid { place, .. }
            | Error::UnifiedOnV1 { place }
            | Error::NoController { place, .. }
            | Error::Limit { place, .. }
            | Error::BelowUsage { place, .. } => Some(place),
            Error::Filter { .. } => Some("/linux/resources/devices"),
            Error::NotEmpty { .. } | Error::Frozen { .. } | Error::Threaded { .. } => Some("/linux/cgroupsPath"),
            _ => None,
        }
    }

    pub(crate) fn invalid(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Invalid { place: place.into(), reason: reason.into() }
    }

    pub(crate) fn file(act: &'static str, path: impl Into<PathBuf>, errno: Errno) -> Self {
        Error::File { act, path: path.into(), errno }
    }
}

/// This crate's results.
pub type Result<T> = std::result::Result<T, Error>;

fn text(errno: Errno) -> String {
    sys::text::errno(errno)
}

fn named(pids: &[i32], path: &std::path::Path) -> String {
    let shown: Vec<_> = pids.iter().take(SHOWN).map(ToString::to_string).collect();
    match shown.len() {
        0 => String::new(),
        _ => format!(" ({}{} in {})", shown.join(", "), if pids.len() > SHOWN { ", …" } else { "" }, path.display()),
    }
}
