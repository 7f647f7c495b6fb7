//! A look at many containers in the fewest calls, where they are as most are.

use crate::entry::{START_SOCKET, STATE};
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::observe::observe_init;
use crate::record::Record;
use crate::root::Root;
use crate::state::State;
use cgroups::Freezers;
use rustix::buffer::spare_capacity;
use rustix::fs::{Access, AtFlags, Mode, OFlags, ResolveFlags, accessat, openat2, statat};
use rustix::io::{Errno, read, retry_on_intr};
use std::path::Path;

/// The longest state file that is read here, in bytes.
const LONGEST: usize = 16 << 10;

/// What looks at containers and does not open their directories.
pub(crate) struct Glances<'a> {
    root: &'a Root,
    freezers: &'a Freezers,
    path: String,
    bytes: Vec<u8>,
}

impl<'a> Glances<'a> {
    pub(crate) fn new(root: &'a Root, freezers: &'a Freezers) -> Self {
        Glances { root, freezers, path: String::new(), bytes: Vec::with_capacity(LONGEST) }
    }

    /// The state of a container that has had an init, and its owner. None where anything is in the way of that: what
    /// it is, [`crate::Entry`] tells.
    pub(crate) fn at(&mut self, id: &ContainerId) -> Option<(State, u32)> {
        let record = self.record(id).filter(|record| record.init_process_pid != 0)?;
        let (status, init) = observe_init(&record, self.freezers, || self.awaits_start(id)).ok()?;
        let owner = statat(self.root, id.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok()?.st_uid;
        Some((State::new(id, record, status, init.as_ref()), owner))
    }

    fn awaits_start(&mut self, id: &ContainerId) -> Result<bool> {
        let path = beneath(&mut self.path, id, START_SOCKET);
        match accessat(self.root, path, Access::EXISTS, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(Error::io("look for", path, errno)),
        }
    }

    fn record(&mut self, id: &ContainerId) -> Option<Record> {
        let path = beneath(&mut self.path, id, STATE.to_str().ok()?);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let file = openat2(self.root, path, flags, Mode::empty(), beneath).ok()?;
        self.bytes.clear();
        let count = retry_on_intr(|| read(&file, spare_capacity(&mut self.bytes))).ok()?;
        // A file that fills the room may go on.
        let whole = count < self.bytes.capacity();
        let record = Record::parse(&self.bytes, Path::new("")).ok().filter(|_| whole)?;
        Some(self.root.date(record))
    }
}

/// The path of a file of a container from the directory of all on.
fn beneath<'a>(path: &'a mut String, id: &ContainerId, name: &str) -> &'a str {
    path.clear();
    path.extend([id.as_str(), "/", name]);
    path
}
