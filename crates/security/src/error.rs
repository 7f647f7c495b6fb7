//! What can be wrong with a config's confinement.

use std::ffi::CString;

/// A part of the config that can't be carried out. Each begins with its place, a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A string that the kernel can't take.
    #[error("{place}: {what} holds a NUL byte")]
    Nul {
        /// JSON pointer.
        place: String,
        /// What it is: `sysctl value`.
        what: &'static str,
    },
    /// A value that is not allowed there.
    #[error("{place}: {why}")]
    Value {
        /// JSON pointer.
        place: String,
        /// What was found, and what is allowed.
        why: String,
    },
    /// A security module that the config needs and the host doesn't run.
    #[error("{place}: {why}")]
    Disabled {
        /// JSON pointer.
        place: &'static str,
        /// Which, and what to do.
        why: &'static str,
    },
}

impl Error {
    /// Where in the config it stands, as a JSON pointer.
    pub fn place(&self) -> &str {
        match self {
            Error::Nul { place, .. } | Error::Value { place, .. } => place,
            Error::Disabled { place, .. } => place,
        }
    }

    /// A value that is not allowed at `place`.
    pub(crate) fn value(place: impl Into<String>, why: impl Into<String>) -> Self {
        Error::Value { place: place.into(), why: why.into() }
    }
}

/// A string for a system call.
pub(crate) fn text(place: &str, what: &'static str, value: impl Into<Vec<u8>>) -> Result<CString, Error> {
    CString::new(value).map_err(|_| Error::Nul { place: place.into(), what })
}
