//! Who is in a cgroup.

use crate::error::{Error, Result};
use crate::paths::Paths;
use crate::{file, walk};
use rustix::fd::OwnedFd;
use std::path::Path;
use sys::Errno;

impl Paths {
    /// The processes of the container's cgroup and all below it, as this PID namespace numbers them (those that
    /// it does not see are left out), without order. None where the cgroup is gone.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn pids(&self) -> Result<Vec<i32>> {
        let Some(path) = self.processes() else { return Ok(Vec::new()) };
        let found = all(path)?;
        Ok(found.into_iter().filter(|pid| *pid > 0).collect())
    }
}

/// All processes at and below a cgroup; 0 stands for one that this PID namespace does not see.
pub(crate) fn all(path: &Path) -> Result<Vec<i32>> {
    Ok(all_of(path)?.unwrap_or_default())
}

/// The same; None where there is no such cgroup.
pub(crate) fn all_of(path: &Path) -> Result<Option<Vec<i32>>> {
    let mut pids = Vec::new();
    let mut threads_only = false;
    let result = walk::each(path, |directory, depth| match list(directory, "cgroup.procs") {
        Ok(found) => {
            pids.extend(found);
            Ok(())
        }
        // A cgroup of threads. Its processes stand in the list of the cgroup where the threaded part begins, so
        // they are lost only where that is above us: then count each thread.
        Err(Errno::OPNOTSUPP) if depth == 0 || threads_only => {
            threads_only = true;
            list(directory, "cgroup.threads").map(|found| pids.extend(found))
        }
        Err(Errno::OPNOTSUPP | Errno::NOENT | Errno::NODEV) => Ok(()),
        Err(errno) => Err(errno),
    });
    match result {
        Ok(()) => Ok(Some(pids)),
        Err(Errno::NOENT | Errno::NODEV) => Ok(None),
        Err(errno) => Err(Error::file("read the processes of", path, errno)),
    }
}

/// The numbers in `cgroup.procs` or its kin of a cgroup alone.
pub(crate) fn list(directory: &OwnedFd, name: &str) -> std::result::Result<Vec<i32>, Errno> {
    let text = file::read_at(directory, Path::new(name))?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}
