//! Where the runtime process goes for a moment so that its next child is born in the right place.

use crate::error::Error;
use namespaces::{Join, Offsets};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use sys::namespace::CLONE_NEWTIME;

/// The namespaces that were left, in the order of leaving.
#[derive(Debug, Default)]
pub(crate) struct Detour(Vec<(u32, OwnedFd)>);

impl Detour {
    /// Enters a namespace.
    pub(crate) fn visit(&mut self, join: &Join) -> Result<(), Error> {
        let namespace = namespaces::open(join)?;
        self.leave(join.kind)?;
        enter(namespace.as_fd(), join.kind)
    }

    /// Makes a time namespace, which takes in only children.
    pub(crate) fn make_time(&mut self, offsets: &Offsets) -> Result<(), Error> {
        self.leave(CLONE_NEWTIME)?;
        Ok(offsets.make()?)
    }

    /// Keeps our own namespace of a kind, to come back to.
    fn leave(&mut self, kind: u32) -> Result<(), Error> {
        let path = format!("/proc/self/ns/{}", namespaces::file(kind)).into();
        self.0.push((kind, namespaces::open(&Join { kind, path, place: String::new() })?));
        Ok(())
    }

    /// Comes back.
    pub(crate) fn back(&mut self) -> Result<(), Error> {
        std::mem::take(&mut self.0).into_iter().rev().try_for_each(|(kind, own)| enter(own.as_fd(), kind))
    }
}

fn enter(namespace: BorrowedFd<'_>, kind: u32) -> Result<(), Error> {
    sys::namespace::enter(namespace, kind).map_err(|errno| Error::Call {
        act: "enter a namespace",
        object: format!("{kind:#x}"),
        errno,
    })
}
