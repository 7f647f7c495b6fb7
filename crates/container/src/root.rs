//! The directory of all containers, open.

use crate::record::Record;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::fstatfs;
use std::sync::OnceLock;

/// `linux/magic.h`
const TMPFS_MAGIC: u32 = 0x0102_1994;

/// The directory of all containers.
#[derive(Debug)]
pub(crate) struct Root {
    dir: OwnedFd,
    in_memory: OnceLock<bool>,
}

impl Root {
    pub(crate) fn new(dir: OwnedFd) -> Self {
        Root { dir, in_memory: OnceLock::new() }
    }

    /// A record that was read here, with what is known of its age: what a tmpfs holds is of this boot.
    pub(crate) fn date(&self, record: Record) -> Record {
        let ask = || fstatfs(&self.dir).is_ok_and(|stat| u32::try_from(stat.f_type) == Ok(TMPFS_MAGIC));
        let of_this_boot = record.init_process_inode != 0 && *self.in_memory.get_or_init(ask);
        Record { of_this_boot, ..record }
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}
