//! A container's groups, from their making to their end.

use crate::error::{Error, PLACE, Result};
use crate::file;
use crate::schemata::Schemata;
use rustix::fs::rmdir;
use std::path::{Path, PathBuf};
use sys::Errno;

/// The groups of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// The group that init is in.
    pub path: PathBuf,
    /// Whether it is the container's own, and goes with it.
    pub own: bool,
    /// The group beneath it that watches the container alone, and goes with it.
    pub monitoring: Option<PathBuf>,
    /// Whether this call has made the group.
    pub(crate) made: bool,
}

impl Groups {
    /// Those that a state tells of.
    pub fn new(path: PathBuf, own: bool, monitoring: Option<PathBuf>) -> Self {
        Groups { path, own, monitoring, made: false }
    }

    /// Puts a process in. What it will start is born there.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub fn enter(&self, pid: i32) -> Result<()> {
        // In this order: a group that watches takes only what is in the one above.
        for group in std::iter::once(&self.path).chain(&self.monitoring) {
            let (path, value) = (group.join("tasks"), pid.to_string());
            let refused = |errno| file::refused(PLACE, &value, &path, errno);
            file::put(&file::writable(&path).map_err(refused)?, &value).map_err(refused)?;
        }
        Ok(())
    }

    /// Writes other schemata.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub fn change(&self, schemata: &Schemata) -> Result<()> {
        schemata.write(&self.path)
    }

    /// Removes what is the container's own. What is gone already is no error.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn remove(&self) -> Result<()> {
        let own = Some(&self.path).filter(|_| self.own);
        self.monitoring.iter().chain(own).try_for_each(|path| remove(path))
    }
}

/// The kernel removes a group with all that is in it.
fn remove(path: &Path) -> Result<()> {
    match rmdir(path) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::file("rmdir", path, errno)),
    }
}
