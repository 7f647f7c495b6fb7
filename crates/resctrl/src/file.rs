//! Files of a group: small, read whole, written in one call.

use crate::error::Error;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr};
use std::path::Path;
pub(crate) use sys::file::put;

/// What the kernel says of the last thing that it refused.
const STATUS: &str = "info/last_cmd_status";

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<String, Errno> {
    let bytes = std::fs::read(path).map_err(|error| {
        let code = error.raw_os_error().unwrap_or_default();
        if code == 0 { Errno::IO } else { Errno::from_raw_os_error(code) }
    })?;
    String::from_utf8(bytes).map_err(|_| Errno::ILSEQ)
}

/// A text file's content without blanks around it, where it can be read.
pub(crate) fn word(path: &Path) -> Option<String> {
    Some(read(path).ok()?.trim().to_owned())
}

/// Opens a file for writing. The kernel makes a group's files, and lets nobody else make any: a file that is missing
/// is refused.
pub(crate) fn writable(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    retry_on_intr(|| open(path, flags, Mode::from_raw_mode(0o600)))
}

/// An error of writing `value` to a group's file.
pub(crate) fn refused(place: &str, value: &str, path: &Path, errno: Errno) -> Error {
    let value = value.trim_end().to_owned();
    Error::Write { place: place.to_owned(), value, path: path.to_owned(), errno, status: status(path) }
}

/// What the kernel has to say of a refusal at a path of resctrl; for the end of a sentence.
pub(crate) fn status(path: &Path) -> String {
    let told = path.ancestors().find_map(|directory| word(&directory.join(STATUS)));
    told.filter(|told| !told.is_empty() && told != "ok").map(|told| format!(" ({told})")).unwrap_or_default()
}
