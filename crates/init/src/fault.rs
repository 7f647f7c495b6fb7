//! Why a step failed.

use plan::DETAIL;
use sys::Errno;

/// A failure: what was being done, to what, and the kernel's answer. The step's number, and so its place in
/// the config, is added where it is reported.
pub(crate) struct Fault {
    /// `None` where it is not the kernel that refused.
    pub errno: Option<Errno>,
    /// The call or act: `open_tree`, `mkdirat`; empty where the detail is a whole sentence.
    pub act: &'static str,
    /// What it was done to.
    detail: Detail,
}

impl Fault {
    /// The kernel's answer to `act` on `object`.
    pub(crate) fn call(act: &'static str, object: &[u8], errno: Errno) -> Self {
        Fault { errno: Some(errno), ..Fault::refusal(act, object) }
    }

    /// Something that is wrong without a call that says so: `act` is the whole sentence up to the object.
    pub(crate) fn refusal(act: &'static str, object: &[u8]) -> Self {
        let mut fault = Fault { errno: None, act, detail: Detail::default() };
        fault.push(object);
        fault
    }

    /// A sentence as another program would have said it: `before`, `name` in quotes, `after`, and the kernel's
    /// answer where there is one.
    pub(crate) fn quoted(before: &[u8], name: &[u8], after: &[u8], errno: Option<Errno>) -> Self {
        let mut fault = Fault { errno, ..Fault::refusal("", before) };
        fault.push(b"\"");
        for byte in name {
            match byte {
                b'"' | b'\\' => fault.push(&[b'\\', *byte]),
                0..0x20 | 0x7f => fault.push(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]),
                _ => fault.push(&[*byte]),
            }
        }
        fault.push(b"\"");
        fault.push(after);
        fault
    }

    /// Adds to the detail.
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.detail.push(text);
    }

    /// What it was done to.
    pub(crate) fn detail(&self) -> &[u8] {
        self.detail.space.get(..self.detail.used).unwrap_or_default()
    }
}

/// Text in a page that is mapped when there is something to say, so that a result that may be a fault stays
/// small. What is too long for a message is cut; without memory nothing is said.
#[derive(Default)]
struct Detail {
    space: &'static mut [u8],
    used: usize,
}

impl Detail {
    fn push(&mut self, text: &[u8]) {
        if self.space.is_empty() && !text.is_empty() {
            self.space = sys::memory::array(DETAIL, 0).unwrap_or_default();
        }
        let room = self.space.get_mut(self.used..).unwrap_or_default();
        self.used += text.len().min(room.len());
        room.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}
