//! Why a step failed.

use arrayvec::ArrayVec;
use sys::Errno;

/// The most bytes of a fault's own text; what is longer is cut.
const DETAIL: usize = 512;

/// A failure: what was being done, to what, and the kernel's answer. The step's number, and so its place in
/// the config, is added where it is reported.
#[derive(Debug)]
pub(crate) struct Fault {
    /// `None` where it is not the kernel that refused.
    pub errno: Option<Errno>,
    /// The call or act: `open_tree`, `mkdirat`; empty where `detail` is a whole sentence.
    pub act: &'static str,
    /// What it was done to; cut where it is too long.
    pub detail: ArrayVec<u8, DETAIL>,
    /// More of the same, from outside: what a hook printed.
    pub more: &'static [u8],
}

impl Fault {
    /// The kernel's answer to `act` on `object`.
    pub(crate) fn call(act: &'static str, object: &[u8], errno: Errno) -> Self {
        Fault { errno: Some(errno), ..Fault::refusal(act, object) }
    }

    /// Something that is wrong without a call that says so: `act` is the whole sentence up to the object.
    pub(crate) fn refusal(act: &'static str, object: &[u8]) -> Self {
        Fault { errno: None, act, detail: object.iter().copied().take(DETAIL).collect(), more: b"" }
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
        let room = self.detail.remaining_capacity();
        self.detail.extend(text.iter().copied().take(room));
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}
