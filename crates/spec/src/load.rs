//! Reading a bundle's config.json.

use crate::document::SIZE;
use crate::error::{Clean, Error};
use crate::parse::{Loaded, parse_most};
use rustix::buffer::spare_capacity;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::path::Path;

/// Reads `<bundle>/config.json` and checks it, but for the section that [`Loaded::seccomp`] has still to look at. Never
/// waits: what is not a regular file is refused unread.
///
/// # Errors
/// [`Error::NotFound`], [`Error::NotRegular`], [`Error::TooLarge`], [`Error::Read`], and those of [`crate::parse`].
pub fn load(bundle: &Path) -> Result<Loaded, Error> {
    let path = bundle.join("config.json");
    let name = || Clean::new(path.display());
    let failed = |error: Errno| match error {
        Errno::NOENT => Error::NotFound(Clean::new(bundle.display())),
        _ => Error::Read { path: name(), reason: Clean::new(sys::text::errno(error)) },
    };
    let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = retry_on_intr(|| rustix::fs::open(&path, how, Mode::empty())).map_err(failed)?;
    let facts = rustix::fs::fstat(&file).map_err(failed)?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(Error::NotRegular(name()));
    }
    let size = usize::try_from(facts.st_size).unwrap_or(usize::MAX);
    let bytes = read(&file, size).map_err(failed)?.ok_or_else(|| Error::TooLarge(name()))?;
    parse_most(bytes)
}

/// The whole file, or nothing where it is (or has grown) larger than [`SIZE`].
fn read(file: &OwnedFd, size: usize) -> Result<Option<Vec<u8>>, Errno> {
    let mut bytes = Vec::new();
    while size <= SIZE && bytes.len() <= SIZE {
        // One byte more than there should be: less than there is room for is the end of a regular file.
        bytes.reserve(size.saturating_sub(bytes.len()) + 1);
        let room = bytes.capacity() - bytes.len();
        if retry_on_intr(|| rustix::io::read(file, spare_capacity(&mut bytes)))? < room {
            return Ok(Some(bytes).filter(|bytes| bytes.len() <= SIZE));
        }
    }
    Ok(None)
}
