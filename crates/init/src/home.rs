//! The home directory of the payload's user.

use crate::number;
use crate::root::beneath;
use core::ffi::CStr;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::{read, retry_on_intr};
use sys::Errno;

/// A line longer than this is skipped.
const LINE: usize = 1024;

/// No more of `/etc/passwd` is read: an image may bring a file of any size.
const MOST: usize = 64 << 20;

/// The setting of `HOME`, as it goes into the environment.
pub(crate) struct Home {
    setting: [u8; LINE + 8],
}

impl Home {
    /// `HOME=` and the directory that the container's `/etc/passwd` names for the user, `/` where it names none or is
    /// missing or broken: that is no error.
    pub(crate) fn of(root: BorrowedFd<'_>, uid: u32) -> Self {
        let mut home = Home { setting: [0; LINE + 8] };
        if !passwd(root).is_ok_and(|passwd| search(&passwd, uid, |directory| home.set(directory))) {
            home.set(b"/");
        }
        home
    }

    fn set(&mut self, directory: &[u8]) {
        let setting = b"HOME=".iter().chain(directory).chain(&[0]);
        self.setting.iter_mut().zip(setting).for_each(|(to, from)| *to = *from);
    }

    pub(crate) fn setting(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.setting).unwrap_or_default()
    }
}

fn passwd(root: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let file = beneath::open(root, c"etc/passwd", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
    if kind == FileType::RegularFile { Ok(file) } else { Err(Errno::INVAL) }
}

/// Reads line by line until one is the user's, and whether there was one.
fn search(passwd: &OwnedFd, uid: u32, mut found: impl FnMut(&[u8])) -> bool {
    let mut buffer = [0; LINE];
    let (mut used, mut skip, mut total) = (0, false, 0);
    loop {
        let Some(room) = buffer.get_mut(used..).filter(|room| !room.is_empty()) else {
            (used, skip) = (0, true);
            continue;
        };
        let length = retry_on_intr(|| read(passwd, &mut *room)).unwrap_or(0);
        total += length;
        let end = used + length;
        let mut start = 0;
        while let Some(line) = line(buffer.get(start..end).unwrap_or_default(), length == 0) {
            start = end.min(start + line.len() + 1);
            if let Some(directory) = (!skip).then(|| directory(line, uid)).flatten() {
                found(directory);
                return true;
            }
            skip = false;
        }
        if length == 0 || total > MOST {
            return false;
        }
        buffer.copy_within(start..end, 0);
        used = end - start;
    }
}

/// The first line of the text; the last one may end with the file.
fn line(text: &[u8], last: bool) -> Option<&[u8]> {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => text.get(..end),
        None => Some(text).filter(|text| last && !text.is_empty()),
    }
}

/// The home directory in a line of `/etc/passwd`, where it is that user's: passwd(5).
fn directory(line: &[u8], uid: u32) -> Option<&[u8]> {
    let mut fields = line.split(|byte| *byte == b':');
    let number = fields.nth(2)?;
    if number::parse(number) != Some(uid) {
        return None;
    }
    fields.nth(2).filter(|directory| !directory.is_empty())
}
