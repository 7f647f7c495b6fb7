//! `/etc/passwd` of an image, which may hold anything: passwd(5).

use super::number;

/// A line as long as this, or longer, is skipped.
pub(crate) const LINE: usize = 1024;

/// No more is read: an image may bring a file of any size.
const MOST: usize = 64 << 20;

/// Reads line by line until one is the user's, and whether there was one. `more` fills the room that it is given, and
/// says with how many bytes: 0 at the end.
#[inline(never)]
pub(crate) fn search(mut more: impl FnMut(&mut [u8]) -> usize, uid: u32, mut found: impl FnMut(&[u8])) -> bool {
    let mut buffer = [0; LINE];
    let (mut used, mut skip, mut total) = (0, false, 0);
    loop {
        let Some(room) = buffer.get_mut(used..).filter(|room| !room.is_empty()) else {
            (used, skip) = (0, true);
            continue;
        };
        let length = more(room);
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
