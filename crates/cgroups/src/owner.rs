//! A v2 cgroup handed to the container's root, so that it can make cgroups below.

use crate::act::Act;
use crate::error::{Error, Result};
use crate::file;
use crate::plan::Plan;
use crate::userns;
use rustix::fs::{AtFlags, CWD, Uid, chownat};
use std::path::Path;
use sys::Errno;

/// What is handed over where the kernel has no list of its own (before 4.15).
const DELEGATED: [&str; 3] = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

impl Plan {
    /// Has a user of the host own the cgroup on v2. v1 is never given away: its limits could be lifted.
    pub fn give_to(&mut self, uid: u32) {
        let unified = self.paths.unified().filter(|_| self.paths.is_unified());
        self.limit.extend(unified.map(|path| Act::SetOwner { path: path.to_owned(), uid }));
    }
}

/// Gives a cgroup, and just those of its files that the kernel lists as safe to give away, to a user of the host.
/// Files that are missing are passed over.
pub(crate) fn give(path: &Path, uid: u32) -> Result<()> {
    let owner = Some(Uid::from_raw(uid));
    let chown = |path: &Path| chownat(CWD, path, owner, None, AtFlags::SYMLINK_NOFOLLOW);
    match chown(path) {
        Ok(()) => {}
        // Who may not give away does without: it is nothing that the config asks for.
        Err(Errno::PERM) if userns::is_rootless() => return Ok(()),
        Err(errno) => return Err(Error::file("chown", path, errno)),
    }
    let list = file::read(Path::new("/sys/kernel/cgroup/delegate")).unwrap_or(DELEGATED.join("\n"));
    for name in list.lines().filter(|name| !name.is_empty() && !name.contains('/')) {
        match chown(&path.join(name)) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(Error::file("chown", path.join(name), errno)),
        }
    }
    Ok(())
}
