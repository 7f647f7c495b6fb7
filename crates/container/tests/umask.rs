//! The caller's umask plays no part. Alone in its file: a umask is the whole process's.
#![allow(clippy::unwrap_used)]

mod scratch;

use rustix::fs::Mode;
use rustix::process::umask;
use scratch::{Scratch, container};
use std::os::unix::fs::PermissionsExt;

#[test]
fn modes_do_not_depend_on_the_umask() {
    for mask in [0o000, 0o022, 0o077, 0o777] {
        let scratch = Scratch::new();
        let store = scratch.store();
        let before = umask(Mode::from_raw_mode(mask));
        let (entry, _) = container(&store, "a");
        entry.write_config(b"{}").unwrap();
        umask(before);
        for (path, mode) in [("", 0o711), ("state.json", 0o600), ("config.json", 0o600)] {
            let found = std::fs::metadata(entry.path().join(path)).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, mode, "{path:?} under umask {mask:o}");
        }
    }
}
