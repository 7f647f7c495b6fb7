//! Where resctrl is mounted.

use crate::error::{Error, Result};
use crate::file;
use rustix::fs::statfs;
use std::path::{Path, PathBuf};

/// Where the kernel has a directory to mount it at, and where everybody does.
const CUSTOMARY: &str = "/sys/fs/resctrl";
/// linux/magic.h
const RDTGROUP_SUPER_MAGIC: i64 = 0x0765_5821;
const MOUNTS: &str = "/proc/self/mountinfo";

/// Whether a path is in a resctrl file system.
pub fn is_resctrl(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.f_type == RDTGROUP_SUPER_MAGIC)
}

/// The root of the resctrl file system. Where it is mounted as everywhere, the cost does not depend on how many mounts
/// there are.
///
/// # Errors
/// [`Error::NotMounted`]; [`Error::File`] where `/proc` is not there.
pub fn find() -> Result<PathBuf> {
    if is_resctrl(Path::new(CUSTOMARY)) {
        return Ok(CUSTOMARY.into());
    }
    let mounts = file::read(Path::new(MOUNTS)).map_err(|errno| Error::file("read", Path::new(MOUNTS), errno))?;
    mounts.lines().find_map(mounted_at).ok_or(Error::NotMounted)
}

/// The mount point in a line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)), if it is that of a whole resctrl.
fn mounted_at(line: &str) -> Option<PathBuf> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    (after.split(' ').next()? == "resctrl" && root == "/").then(|| sys::mountinfo::path(point))
}

#[cfg(test)]
mod tests {
    use super::mounted_at;
    use std::path::PathBuf;

    #[test]
    fn only_a_whole_resctrl_counts() {
        for (line, point) in [
            ("40 30 0:38 / /sys/fs/resctrl rw,relatime shared:9 - resctrl resctrl rw", Some("/sys/fs/resctrl")),
            ("40 30 0:38 / /else\\040where rw - resctrl none rw", Some("/else where")),
            ("40 30 0:38 /a /sys/fs/resctrl rw - resctrl resctrl rw", None),
            ("40 30 0:38 / /sys/fs/resctrl rw - tmpfs resctrl rw", None),
            ("40 30 0:38 /", None),
        ] {
            assert_eq!(mounted_at(line), point.map(PathBuf::from), "{line}");
        }
    }
}
