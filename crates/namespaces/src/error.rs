//! What can go wrong with namespaces.

use std::path::PathBuf;
use sys::Errno;

/// A namespace or id map that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path of a namespace to join can't be opened.
    #[error("{place}: open namespace {path:?}: {}", text(*.errno))]
    Open {
        /// JSON pointer.
        place: String,
        /// The namespace's path.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The path is not a namespace of the kind that the config says.
    #[error("{place}: {path:?} is not a {wanted} namespace{}", found.map(|kind| format!(" but a {kind} namespace")).unwrap_or_default())]
    Kind {
        /// JSON pointer.
        place: String,
        /// The namespace's path.
        path: PathBuf,
        /// The kind that the config names.
        wanted: &'static str,
        /// What it is instead, where it is a namespace at all.
        found: Option<&'static str>,
    },
    /// An id map can't be written.
    #[error("{place}: write {file} of process {pid}: {}", text(*.errno))]
    Map {
        /// JSON pointer.
        place: &'static str,
        /// `uid_map`, `gid_map` or `setgroups`.
        file: &'static str,
        /// The process.
        pid: i32,
        /// Why.
        errno: Errno,
    },
    /// newuidmap or newgidmap failed.
    #[error("{place}: {program}: {output}")]
    Program {
        /// JSON pointer.
        place: &'static str,
        /// `newuidmap` or `newgidmap`.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// A user namespace that only holds id maps can't be made.
    #[error("{place}: make a user namespace for an id-mapped mount: {}", text(*.errno))]
    Holder {
        /// JSON pointer.
        place: String,
        /// Why.
        errno: Errno,
    },
    /// Time offsets can't be set.
    #[error("/linux/timeOffsets: {act}: {}", text(*.errno))]
    Time {
        /// What was being done.
        act: &'static str,
        /// Why.
        errno: Errno,
    },
    /// The container's network is the host's.
    #[error("/linux/netDevices: unable to move network devices without a NET namespace: {path:?} is the host's own")]
    HostNetwork {
        /// The namespace that is joined.
        path: PathBuf,
    },
    /// The devices of a network namespace can't be spoken about.
    #[error("/linux/netDevices: {act}: {}", text(*.errno))]
    Network {
        /// What was being done.
        act: &'static str,
        /// Why not.
        errno: Errno,
    },
    /// A network device can't be moved.
    #[error("{place}: {act} network device {name:?}: {}{}", text(*.errno), in_words(.words))]
    NetworkDevice {
        /// JSON pointer.
        place: String,
        /// What was being done.
        act: &'static str,
        /// Its name on the host.
        name: String,
        /// Why not.
        errno: Errno,
        /// The same in the kernel's words, where it has some.
        words: String,
    },
    /// A network device can't have its name in the container.
    #[error("{place}: name network device {name:?} {target:?} in the container: {}{}", text(*.errno), in_words(.words))]
    NetworkDeviceName {
        /// JSON pointer.
        place: String,
        /// Its name on the host.
        name: String,
        /// Its name in the container.
        target: String,
        /// Why not.
        errno: Errno,
        /// The same in the kernel's words, where it has some.
        words: String,
    },
}

impl Error {
    /// Where in the config it stands, as a JSON pointer.
    pub fn place(&self) -> &str {
        match self {
            Error::Open { place, .. }
            | Error::Kind { place, .. }
            | Error::Holder { place, .. }
            | Error::NetworkDevice { place, .. }
            | Error::NetworkDeviceName { place, .. } => place,
            Error::Map { place, .. } | Error::Program { place, .. } => place,
            Error::Time { .. } => "/linux/timeOffsets",
            Error::HostNetwork { .. } | Error::Network { .. } => "/linux/netDevices",
        }
    }
}

fn in_words(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// The kernel's word for an errno, lower case as engines look for it.
fn text(errno: Errno) -> String {
    sys::text::errno(errno)
}
