//! Files of the kernel's.

use rustix::fd::AsFd;
use rustix::io::{Errno, retry_on_intr, write};

/// Writes `value` to an open file in one call: the kernel takes each write as a whole.
///
/// # Errors
/// As write(2); `EIO` where only a part was taken.
pub fn put(file: impl AsFd, value: &str) -> Result<(), Errno> {
    match retry_on_intr(|| write(file.as_fd(), value.as_bytes()))? {
        count if count == value.len() => Ok(()),
        _ => Err(Errno::IO),
    }
}
