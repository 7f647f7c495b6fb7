//! What can go wrong with resctrl.

use std::path::{Path, PathBuf};
use sys::Errno;

/// Where the config asks for it.
pub(crate) const PLACE: &str = "/linux/intelRdt";

/// A group that can't be found, made, filled, entered or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no resctrl file system to do it with.
    #[error(
        "{PLACE}: intelRdt is specified in config, but Intel RDT is not enabled: no resctrl file system is mounted \
         (mount -t resctrl resctrl /sys/fs/resctrl, where the processor and the kernel have it)"
    )]
    NotMounted,
    /// The container's id can't be the name of its group.
    #[error(
        "{PLACE}/closID: the container's id {0:?} can't be the name of a group, which is resctrl's own: name another"
    )]
    Name(String),
    /// The config names a group and no schema for it, and there is none.
    #[error(
        "{PLACE}/closID: clos dir not accessible (must be pre-created when schemata, l3CacheSchema and memBwSchema are \
         empty): {path:?}: {}", text(*.errno)
    )]
    Missing {
        /// The group.
        path: PathBuf,
        /// Why it can't be seen.
        errno: Errno,
    },
    /// The group that the config names has another schema.
    #[error("{place}: {wanted:?} is not what {path:?} has ({found}): a group that is there already is not changed")]
    Differs {
        /// JSON pointer.
        place: String,
        /// The schema of the config.
        wanted: String,
        /// The group's schemata.
        path: PathBuf,
        /// What they are.
        found: String,
    },
    /// A group could not be made.
    #[error("{place}: mkdir {path:?}: {}{status}", text(*.errno))]
    Make {
        /// JSON pointer.
        place: &'static str,
        /// The group.
        path: PathBuf,
        /// Why not.
        errno: Errno,
        /// What more the kernel says of it.
        status: String,
    },
    /// A value was refused.
    #[error("{place}: write {value:?} to {path:?}: {}{status}", text(*.errno))]
    Write {
        /// JSON pointer.
        place: String,
        /// The value.
        value: String,
        /// The file.
        path: PathBuf,
        /// Why.
        errno: Errno,
        /// What more the kernel says of it.
        status: String,
    },
    /// A file or directory can't be used.
    #[error("{PLACE}: {act} {path:?}: {}", text(*.errno))]
    File {
        /// What was being done: `read`, `rmdir`.
        act: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
}

impl Error {
    /// Where in the config the cause stands, as a JSON pointer.
    pub fn place(&self) -> &str {
        match self {
            Error::Differs { place, .. } | Error::Write { place, .. } => place,
            Error::Make { place, .. } => place,
            Error::Name(_) | Error::Missing { .. } => "/linux/intelRdt/closID",
            Error::NotMounted | Error::File { .. } => PLACE,
        }
    }

    pub(crate) fn file(act: &'static str, path: &Path, errno: Errno) -> Self {
        Error::File { act, path: path.to_owned(), errno }
    }
}

/// This crate's results.
pub type Result<T> = std::result::Result<T, Error>;

fn text(errno: Errno) -> String {
    sys::text::errno(errno)
}
