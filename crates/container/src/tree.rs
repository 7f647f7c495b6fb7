//! Directories by descriptor: what is in one, and removing one with all below.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};

/// How a directory is opened where a link must not lead elsewhere.
pub(crate) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The deepest directory that is removed. Ours have no more than two levels.
const DEEPEST: u32 = 64;

/// One name in a directory.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: CString,
    /// Whether it is a directory itself; a link to one is not.
    pub(crate) directory: bool,
}

/// All that is in a directory, but `.` and `..`.
pub(crate) fn read(dir: BorrowedFd<'_>) -> Result<Vec<File>, Errno> {
    let mut files = Vec::new();
    for file in Dir::read_from(dir)? {
        let file = file?;
        let name = file.file_name();
        if name != c"." && name != c".." {
            files.push(File { name: name.to_owned(), directory: is_directory(dir, name, file.file_type()) });
        }
    }
    Ok(files)
}

/// Whether a name is that of a directory, of which reading the one above has told this kind.
pub(crate) fn is_directory(dir: BorrowedFd<'_>, name: &CStr, kind: FileType) -> bool {
    match kind {
        FileType::Directory => true,
        FileType::Unknown => fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        _ => false,
    }
}

/// Removes all that is in a directory. What is gone already is fine.
pub(crate) fn empty(dir: BorrowedFd<'_>) -> Result<(), Errno> {
    empty_below(dir, DEEPEST)
}

fn empty_below(dir: BorrowedFd<'_>, levels: u32) -> Result<(), Errno> {
    let levels = levels.checked_sub(1).ok_or(Errno::LOOP)?;
    for file in read(dir)? {
        let removed = if file.directory {
            remove_directory(dir, &file.name, levels)
        } else {
            fs::unlinkat(dir, &file.name, AtFlags::empty())
        };
        if !matches!(removed, Ok(()) | Err(Errno::NOENT)) {
            return removed;
        }
    }
    Ok(())
}

fn remove_directory(parent: BorrowedFd<'_>, name: &CStr, levels: u32) -> Result<(), Errno> {
    let dir = fs::openat(parent, name, DIRECTORY, Mode::empty())?;
    empty_below(dir.as_fd(), levels)?;
    fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}
