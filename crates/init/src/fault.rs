//! Why a step failed.

use plan::DETAIL;
use sys::Errno;

/// A failure: what was being done, to what, and the kernel's answer. The step's number, and so its place in
/// the config, is added where it is reported.
///
/// Two words, so that a result that may be one comes back in registers: what there is to say stands in memory that is taken
/// when there is something. What is too long for a message is cut; without memory nothing is said.
pub(crate) struct Fault {
    /// `None` where it is not the kernel that refused.
    pub errno: Option<Errno>,
    /// How much of the text is the act, and how much of it there is.
    act: u16,
    used: u16,
    text: Option<&'static mut [u8; DETAIL]>,
}

impl Fault {
    /// The kernel's answer to `act` on `object`.
    #[cold]
    #[inline(never)]
    pub(crate) fn call(act: &'static str, object: &[u8], errno: Errno) -> Self {
        Fault { errno: Some(errno), ..Fault::refusal(act, object) }
    }

    /// Something that is wrong without a call that says so: `act` is the whole sentence up to the object.
    #[cold]
    #[inline(never)]
    pub(crate) fn refusal(act: &'static str, object: &[u8]) -> Self {
        let mut fault = Fault { errno: None, act: 0, used: 0, text: None };
        fault.push(act.as_bytes());
        fault.act = fault.used;
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
        if text.is_empty() {
            return;
        }
        if self.text.is_none() {
            self.text = sys::memory::array(DETAIL, 0).ok().and_then(|text| text.try_into().ok());
        }
        let used = usize::from(self.used);
        let room = self.text.as_mut().and_then(|space| space.get_mut(used..)).unwrap_or_default();
        room.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        self.used = u16::try_from((used + text.len()).min(DETAIL)).unwrap_or(0);
    }

    /// The call or act: `open_tree`, `mkdirat`; empty where the detail is a whole sentence.
    pub(crate) fn act(&self) -> &str {
        str::from_utf8(self.part(0, self.act)).unwrap_or_default()
    }

    /// What it was done to.
    pub(crate) fn detail(&self) -> &[u8] {
        self.part(self.act, self.used)
    }

    fn part(&self, from: u16, to: u16) -> &[u8] {
        self.text.as_ref().and_then(|text| text.get(from.into()..to.into())).unwrap_or_default()
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}
