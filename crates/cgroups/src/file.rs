//! Files of a cgroup: small, read whole, written in one call.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, open, openat};
use rustix::io::{Errno, read as read_some, retry_on_intr};
use std::path::Path;
use sys::descriptor::Descriptor;
pub(crate) use sys::file::put;

/// No file of a cgroup that is read here is longer.
const LONGEST: usize = 16 << 20;

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<String, Errno> {
    read_at(CWD, path)
}

/// Reads a file beneath a directory.
pub(crate) fn read_at(directory: impl AsFd, path: &Path) -> Result<String, Errno> {
    let file = retry_on_intr(|| openat(directory.as_fd(), path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()))?;
    let mut bytes = vec![0; 4096];
    let mut used = 0;
    while let Some(free) = bytes.get_mut(used..).filter(|free| !free.is_empty()) {
        let room = free.len();
        let count = retry_on_intr(|| read_some(&file, &mut *free))?;
        used += count;
        // The kernel gives as many whole lines as there is room for, and no line is this long.
        if count < room / 2 {
            break;
        }
        if used == bytes.len() && used < LONGEST {
            bytes.resize(used * 2, 0);
        }
    }
    bytes.truncate(used);
    String::from_utf8(bytes).map_err(|_| Errno::ILSEQ)
}

/// The value of a file that holds 0 or 1, beneath a directory.
pub(crate) fn flag(directory: BorrowedFd<'_>, path: &Path) -> Result<bool, Errno> {
    let open = || openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let file = Descriptor::from(retry_on_intr(open)?);
    let mut digit = [0];
    retry_on_intr(|| read_some(&file, &mut digit))?;
    Ok(digit == *b"1")
}

/// Opens a file for writing; it must be there.
pub(crate) fn writable(path: &Path) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| open(path, OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()))
}

/// Writes `value` to a file in one call: the kernel takes each write as a whole.
pub(crate) fn write(path: &Path, value: &str) -> Result<(), Errno> {
    put(&writable(path)?, value)
}

/// The number in a file that holds one; `max` is the largest.
pub(crate) fn number(path: &Path) -> Result<u64, Errno> {
    let text = read(path)?;
    match text.trim() {
        "max" => Ok(u64::MAX),
        // Before 4.x kernels -1 stood for no limit in some v1 files.
        text if text.starts_with('-') => Ok(0),
        text => text.parse().map_err(|_| Errno::INVAL),
    }
}

/// The number after `key` in a file of lines `key number`.
pub(crate) fn value(text: &str, key: &str) -> Option<u64> {
    pairs(text).find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// All lines `key number` of a text.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let (key, value) = line.split_once(' ')?;
        Some((key, value.trim().parse().ok()?))
    })
}
