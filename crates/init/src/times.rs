//! When each step ended, for `--trace`.

use crate::fault::Fault;
use plan::{Bytes, FromInit};

/// As many as fit into one message.
const ROOM: usize = 384;

/// The ends that are not sent yet.
pub(crate) struct Times {
    first: u32,
    used: usize,
    /// 64-bit little endian numbers.
    ends: &'static mut [[u8; 8]],
}

impl Times {
    pub(crate) fn new() -> Result<Self, Fault> {
        let ends = sys::memory::array(ROOM, [0; 8]).map_err(|errno| Fault::call("mmap", b"the step times", errno))?;
        Ok(Times { first: 0, used: 0, ends })
    }

    /// Notes that a step ends now; false where there is no room for another.
    pub(crate) fn note(&mut self) -> bool {
        if let Some(end) = self.ends.get_mut(self.used) {
            *end = sys::process::monotonic().to_le_bytes();
            self.used += 1;
        }
        self.used < self.ends.len()
    }

    /// Takes what is not sent yet: the message that tells of it.
    pub(crate) fn take(&mut self) -> Option<FromInit<'_>> {
        let ends = self.ends.get(..self.used).filter(|ends| !ends.is_empty())?;
        let message = FromInit::Times { first: self.first, ends: Bytes(ends.as_flattened()) };
        self.first += u32::try_from(self.used).unwrap_or(0);
        self.used = 0;
        Some(message)
    }
}
