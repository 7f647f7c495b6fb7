//! Why a step failed.

use arrayvec::ArrayVec;
use sys::Errno;

/// A failure: what was being done, to what, and the kernel's answer. The step's number, and so its place in
/// the config, is added where it is reported.
#[derive(Debug)]
pub(crate) struct Fault {
    /// `None` where it is not the kernel that refused.
    pub errno: Option<Errno>,
    /// The call or act: `open_tree`, `mkdirat`.
    pub act: &'static str,
    /// What it was done to; cut where it is too long.
    pub detail: ArrayVec<u8, 512>,
}

impl Fault {
    /// The kernel's answer to `act` on `object`.
    pub(crate) fn call(act: &'static str, object: &[u8], errno: Errno) -> Self {
        Fault { errno: Some(errno), act, detail: cut(object) }
    }

    /// Something that is wrong without a call that says so: `act` is the whole sentence up to the object.
    pub(crate) fn refusal(act: &'static str, object: &[u8]) -> Self {
        Fault { errno: None, act, detail: cut(object) }
    }
}

fn cut(object: &[u8]) -> ArrayVec<u8, 512> {
    object.iter().copied().take(512).collect()
}
