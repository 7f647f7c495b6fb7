//! A v2 cgroup handed to the container's root, so that it can make cgroups below.

use crate::error::{Error, Result};
use crate::file;
use crate::paths::Paths;
use rustix::fs::{AtFlags, CWD, Uid, chownat};
use std::path::Path;
use sys::Errno;

/// What is handed over where the kernel has no list of its own (before 4.15).
const DELEGATED: [&str; 3] = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

impl Paths {
    /// Gives the v2 cgroup, and just those of its files that the kernel lists as safe to give away, to a user of
    /// the host. Files that are missing are passed over. v1 is never given away: its limits could be lifted.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn set_owner(&self, uid: u32) -> Result<()> {
        let Some(path) = self.unified().filter(|_| self.is_unified()) else { return Ok(()) };
        let owner = Some(Uid::from_raw(uid));
        let chown = |path: &Path| chownat(CWD, path, owner, None, AtFlags::SYMLINK_NOFOLLOW);
        chown(path).map_err(|errno| Error::file("chown", path, errno))?;
        let list = file::read(Path::new("/sys/kernel/cgroup/delegate")).unwrap_or(DELEGATED.join("\n"));
        for name in list.lines().filter(|name| !name.is_empty() && !name.contains('/')) {
            match chown(&path.join(name)) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(Error::file("chown", path.join(name), errno)),
            }
        }
        Ok(())
    }
}
