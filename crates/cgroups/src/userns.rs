//! Whether this process is in a user namespace of its own.

use crate::file;
use std::path::Path;

/// The first user namespace maps all ids, each to itself: user_namespaces(7).
pub(crate) fn is_inside() -> bool {
    let Ok(map) = file::read(Path::new("/proc/self/uid_map")) else { return false };
    let numbers: Vec<_> = map.split_whitespace().collect();
    numbers != ["0", "0", "4294967295"]
}

/// Whether we are not the host's root.
pub(crate) fn is_rootless() -> bool {
    !rustix::process::geteuid().is_root() || is_inside()
}
