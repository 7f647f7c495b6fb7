//! What can be wrong with the config's root file system.

/// A wrong value, which checking the config alone does not find.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A string holds a NUL, which no system call can take.
    #[error("{place}: {text:?} holds a NUL byte")]
    Nul {
        /// JSON pointer.
        place: String,
        /// The string.
        text: String,
    },
    /// A mount over the container's root.
    #[error("{place}/destination: {destination:?} is the root of the container: nothing can be mounted there")]
    OverRoot {
        /// JSON pointer of the mount.
        place: String,
        /// As the config has it.
        destination: String,
    },
    /// A mount inside `/proc`.
    #[error("{place}/destination: {destination:?} cannot be mounted because it is inside /proc")]
    InsideProc {
        /// JSON pointer of the mount.
        place: String,
        /// Where, cleaned.
        destination: String,
    },
    /// Something other than procfs over `/proc`.
    #[error("{place}: {destination:?} cannot be mounted because it is not of type proc")]
    NotProc {
        /// JSON pointer of the mount.
        place: String,
        /// Where, cleaned.
        destination: String,
    },
    /// Options of a file system on a bind.
    #[error(
        "{place}/options: bind mounts cannot have any filesystem-specific options applied: {option:?} is neither a \
         mount flag nor a known option"
    )]
    BindOption {
        /// JSON pointer of the mount.
        place: String,
        /// The option.
        option: String,
    },
    /// An option of a kind of mount that this is not.
    #[error("{place}/options: {option:?} works only on {on}")]
    Misplaced {
        /// JSON pointer of the mount.
        place: String,
        /// The option.
        option: &'static str,
        /// What it is for.
        on: &'static str,
    },
    /// A device of no type that has a node, or with a number out of range.
    #[error("{place}: no device node can be of that type and number")]
    NoDevice {
        /// JSON pointer of the device.
        place: String,
    },
    /// A device or path at `/` or without a name.
    #[error("{place}: {path:?} is the root of the container")]
    NoName {
        /// JSON pointer.
        place: String,
        /// As the config has it.
        path: String,
    },
    /// A cgroup v2 mount where there is nothing of the container's own to show.
    #[error("{place}/type: this host has no cgroup v2 hierarchy with a cgroup of the container's own")]
    NoUnified {
        /// JSON pointer of the mount.
        place: String,
    },
}

impl Error {
    /// Where in the config it stands, as a JSON pointer.
    pub fn place(&self) -> &str {
        match self {
            Error::Nul { place, .. }
            | Error::OverRoot { place, .. }
            | Error::InsideProc { place, .. }
            | Error::NotProc { place, .. }
            | Error::BindOption { place, .. }
            | Error::Misplaced { place, .. }
            | Error::NoDevice { place, .. }
            | Error::NoName { place, .. }
            | Error::NoUnified { place, .. } => place,
        }
    }
}
