//! What the walk over the steps carries from one to the next.

use crate::fault::Fault;
use plan::Handle;
use rustix::fd::{BorrowedFd, OwnedFd};

/// The state of the walk.
pub(crate) struct Context<'p> {
    /// The number of the step under way.
    pub step: u32,
    /// The sync pipe to the runtime process.
    pub sync: OwnedFd,
    /// The root file system, from `Step::OpenRoot` on; after the pivot it is `/`.
    pub root: Option<OwnedFd>,
    /// The procfs of our own, from `Step::Procfs` on.
    pub procfs: Option<OwnedFd>,
    /// The tmpfs that hides directories, made by the first `Step::MaskPath` that needs it.
    pub mask: Option<OwnedFd>,
    /// `plan::Header::descriptors`.
    pub descriptors: &'p [u8],
}

impl Context<'_> {
    /// The descriptor behind a handle.
    pub(crate) fn descriptor(&self, handle: Handle) -> Result<BorrowedFd<'_>, Fault> {
        let at = usize::from(handle.0) * 4;
        let bytes = self.descriptors.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        match bytes.map(i32::from_le_bytes) {
            Some(number) if number >= 0 => Ok(sys::descriptor::borrow(number)),
            _ => Err(Fault::refusal("the plan has no such descriptor", b"")),
        }
    }

    /// The root file system's descriptor.
    pub(crate) fn root(&self) -> Result<BorrowedFd<'_>, Fault> {
        use rustix::fd::AsFd;
        self.root.as_ref().map(AsFd::as_fd).ok_or(Fault::refusal("the root file system is not open", b""))
    }
}
