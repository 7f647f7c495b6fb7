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
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat2, statat};
use rustix::io::{Errno, read, retry_on_intr};
use std::path::Path;
use sys::descriptor::Descriptor;

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
        let (mut owner, freezers) = (None, self.freezers);
        let awaits_start = || {
            // The socket is of whom its directory is: nobody else makes one.
            owner = self.owner(id, &["/", START_SOCKET])?;
            Ok(owner.is_some())
        };
        let (status, init) = observe_init(&record, freezers, awaits_start).ok()?;
        let owner = owner.or_else(|| self.owner(id, &[]).ok()?)?;
        let state = State::new(id, record, status, init.as_ref());
        if let Some(init) = init {
            init.leave();
        }
        Some((state, owner))
    }

    /// Whose a container's directory is, or what is there beneath it; None where nothing is.
    fn owner(&mut self, id: &ContainerId, beneath: &[&str]) -> Result<Option<u32>> {
        let path = path(&mut self.path, id, beneath);
        match statat(self.root, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.st_uid)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("stat", path, errno)),
        }
    }

    fn record(&mut self, id: &ContainerId) -> Option<Record> {
        let path = path(&mut self.path, id, &["/", STATE.to_str().ok()?]);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // An id is one name that begins with no dot: without links, nothing leads out of the directory.
        let within = ResolveFlags::NO_SYMLINKS;
        let file = Descriptor::from(openat2(self.root, path, flags, Mode::empty(), within).ok()?);
        self.bytes.clear();
        let count = retry_on_intr(|| read(&file, spare_capacity(&mut self.bytes))).ok()?;
        // A file that fills the room may go on.
        let whole = count < self.bytes.capacity();
        let record = Record::parse(&self.bytes, Path::new("")).ok().filter(|_| whole)?;
        Some(self.root.date(record))
    }
}

/// The path of a container's directory, or of what is beneath it, from the directory of all on.
fn path<'a>(path: &'a mut String, id: &ContainerId, beneath: &[&str]) -> &'a str {
    path.clear();
    path.push_str(id.as_str());
    path.extend(beneath.iter().copied());
    path
}
