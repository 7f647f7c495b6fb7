//! Planned groups, looked for and made.

use crate::error::{Error, PLACE, Result};
use crate::file;
use crate::groups::Groups;
use crate::plan::Plan;
use rustix::fs::{Mode, mkdir, rmdir, stat};
use std::path::Path;
use sys::Errno;

impl Plan {
    /// Looks at what is there, and tells what the container will have, for the state to hold before anything is made.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Differs`]; [`Error::Make`] where its monitoring group is there already, which is
    /// then somebody else's; [`Error::File`].
    pub fn look(&self) -> Result<Groups> {
        let found = stat(&self.group).map(drop);
        match found {
            Ok(()) if self.named => self.schemata.compare(&self.root, &self.group)?,
            Err(errno) if self.named && self.schemata.is_empty() => {
                return Err(Error::Missing { path: self.group.clone(), errno });
            }
            _ => {}
        }
        if let Some(path) = self.monitoring.as_deref().filter(|path| stat(*path).is_ok()) {
            return Err(refused("/linux/intelRdt/enableMonitoring", path, Errno::EXIST));
        }
        let own = !self.named && found.is_err();
        Ok(Groups { path: self.group.clone(), own, monitoring: self.monitoring.clone(), made: false })
    }

    /// Makes what is missing, and writes the schemata. `groups` are those that [`Plan::look`] told of; what turns out
    /// to be another's is taken out. Where it fails, what was made is removed.
    ///
    /// # Errors
    /// [`Error::Make`], [`Error::Write`].
    pub fn make(&self, groups: &mut Groups) -> Result<()> {
        match mkdir(&self.group, Mode::from_raw_mode(0o755)) {
            Ok(()) => groups.made = true,
            Err(Errno::EXIST) => groups.own = false,
            Err(errno) => return Err(refused(PLACE, &self.group, errno)),
        }
        self.fill(groups).inspect_err(|_| groups.abandon())
    }

    fn fill(&self, groups: &mut Groups) -> Result<()> {
        self.schemata.write(&self.group)?;
        let Some(path) = &self.monitoring else { return Ok(()) };
        mkdir(path, Mode::from_raw_mode(0o755)).map_err(|errno| {
            groups.monitoring = None;
            refused("/linux/intelRdt/enableMonitoring", path, errno)
        })
    }
}

impl Groups {
    /// Takes back what [`Plan::make`] has made, as far as nobody uses it: a group that the config names may have been
    /// joined by another container meanwhile.
    pub fn abandon(&self) {
        if let Some(path) = &self.monitoring {
            take_back(path);
        }
        let used = || file::word(&self.path.join("tasks")).is_some_and(|tasks| !tasks.is_empty());
        if self.made && !used() {
            take_back(&self.path);
        }
    }
}

/// Nothing better can be done with an error on the way back from one.
fn take_back(path: &Path) {
    rmdir(path).ok();
}

fn refused(place: &'static str, path: &Path, errno: Errno) -> Error {
    // What the kernel said last is about this only where it has refused it.
    let status = if errno == Errno::EXIST { String::new() } else { file::status(path) };
    Error::Make { place, path: path.to_owned(), errno, status }
}
