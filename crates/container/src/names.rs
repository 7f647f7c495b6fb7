//! The names in the directory of all containers.

use crate::error::{Error, Result};
use crate::tree::is_directory;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{RawDir, fstat};
use std::mem::MaybeUninit;
use std::path::PathBuf;

/// What a thread takes at once, bytes: who begins late, or is slower, takes fewer in the end. Some 15 short names, or the longest
/// one that there may be.
const SHARE: usize = 384;

/// The names of all directories there, for several threads at once: each gets other ones, in no order.
pub(crate) struct Names {
    /// Opened for this alone, as it holds how far they have come.
    dir: OwnedFd,
    path: PathBuf,
}

impl Names {
    pub(crate) fn new(dir: OwnedFd, path: PathBuf) -> Self {
        Names { dir, path }
    }

    /// How many there are, where the file system tells: as many as the directory has links, but for its own two.
    pub(crate) fn count(&self) -> usize {
        let links = fstat(&self.dir).map_or(0, |stat| stat.st_nlink);
        usize::try_from(links).unwrap_or(usize::MAX).saturating_sub(2)
    }

    /// Hands over each one that no other thread has got, until there are none. Links and files are not containers, nor
    /// is what begins with a dot.
    pub(crate) fn take(&self, mut each: impl FnMut(&str)) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); SHARE];
        let mut entries = RawDir::new(&self.dir, &mut space);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| Error::io("read", &self.path, errno))?;
            let name = entry.file_name();
            if !name.to_bytes().starts_with(b".") && is_directory(self.dir.as_fd(), name, entry.file_type()) {
                each(&name.to_string_lossy());
            }
        }
        Ok(())
    }
}
