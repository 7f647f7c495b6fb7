//! What can go wrong between a Spec and a process that waits for start.

use std::error::Error as StdError;
use sys::Errno;

/// A launch that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A step of init failed.
    #[error("unable to start container process: {}{sentence}{}", during(*.setup), at(.place))]
    Init {
        /// Whether the container was still being set up (else the program itself could not be executed).
        setup: bool,
        /// What failed, on what, why.
        sentence: String,
        /// JSON pointer; empty where it is about no place in the config.
        place: String,
    },
    /// All was set up, and the kernel refused the program.
    #[error("unable to start container process: {sentence}")]
    Exec {
        /// `exec PATH: WHY`
        sentence: String,
    },
    /// Init ended without a word.
    #[error("unable to start container process: init died{}", step.as_ref().map(|step| format!(" after {step}")).unwrap_or_default())]
    Died {
        /// The last step that it is known to have done.
        step: Option<String>,
    },
    /// A packet that makes no sense.
    #[error("unable to start container process: init and the runtime do not understand each other")]
    Garbled,
    /// A call of the runtime process.
    #[error("unable to start container process: {act}{}{object}: {}", if object.is_empty() { "" } else { " " }, sys::text::errno(*.errno))]
    Call {
        /// What was being done.
        act: &'static str,
        /// To what.
        object: String,
        /// Why not.
        errno: Errno,
    },
    /// A namespace or id map.
    #[error("unable to start container process: {0}")]
    Namespace(#[from] namespaces::Error),
    /// A cgroup.
    #[error("unable to apply cgroup configuration: {0}")]
    Cgroup(#[from] cgroups::Error),
    /// Something in the config that the root file system can't be planned with.
    #[error(transparent)]
    Rootfs(#[from] rootfs::Error),
    /// Something in the config that the process can't be confined with.
    #[error(transparent)]
    Security(#[from] security::Error),
    /// Groups that the kernel gives to nobody in that user namespace.
    #[error(
        "{place}: cannot set any additional groups in a rootless container whose user namespace has one group: \
         /linux/gidMappings must have more (newgidmap(1))"
    )]
    Groups {
        /// JSON pointer.
        place: &'static str,
    },
    /// A step of the container's keeper failed.
    #[error("{0}")]
    Kept(Box<dyn StdError + Send + Sync>),
    /// What the caller's part of the conversation failed with.
    #[error("unable to start container process: error during container init: {0}")]
    Attendant(Box<dyn StdError + Send + Sync>),
}

fn during(setup: bool) -> &'static str {
    if setup { "error during container init: " } else { "" }
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(" ({place})") }
}

impl Error {
    /// Whether it is something in the config that was found when the process was there already and had nothing to do yet.
    pub fn is_late_refusal(&self) -> bool {
        matches!(self, Error::Rootfs(_) | Error::Security(_) | Error::Groups { .. })
    }

    /// The place in the config that it is about, as a JSON pointer.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Error::Init { place, .. } if !place.is_empty() => Some(place),
            Error::Namespace(error) => Some(error.place()),
            Error::Cgroup(error) => error.place(),
            Error::Rootfs(error) => Some(error.place()),
            Error::Security(error) => Some(error.place()),
            Error::Groups { place } => Some(place),
            _ => None,
        }
    }
}
