//! Being told when a container runs out of memory, and when its cgroup goes.

use crate::error::{Error, Result};
use crate::record::Record;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Access, access, inotify};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// Watches the memory cgroup of a container.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Readable when there may be news: an eventfd (v1) or an inotify descriptor (v2).
    descriptor: OwnedFd,
    dir: PathBuf,
    /// How often something was killed for memory before, on v2, which counts.
    kills: Option<u64>,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing of interest.
    None,
    /// The container ran out of memory.
    OutOfMemory,
    /// The cgroup is gone or, on v2, empty.
    Gone,
}

impl Watch {
    /// Begins to watch. None where the container has no memory cgroup.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub(crate) fn open(record: &Record) -> Result<Option<Self>> {
        if let Some(dir) = record.cgroup_paths.get("memory") {
            return Self::v1(dir).map(Some);
        }
        record.cgroup_paths.get("").map(|dir| Self::v2(dir)).transpose()
    }

    /// cgroup-v1/memory.rst: "OOM control".
    fn v1(dir: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::std("watch", dir.join("memory.oom_control"), &error);
        let descriptor =
            eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|errno| failed(errno.into()))?;
        let control = fs::File::open(dir.join("memory.oom_control")).map_err(failed)?;
        let text = format!("{} {}", descriptor.as_raw_fd(), control.as_raw_fd());
        fs::write(dir.join("cgroup.event_control"), text).map_err(failed)?;
        Ok(Watch { descriptor, dir: dir.to_owned(), kills: None })
    }

    /// cgroup-v2.rst: a change of either file is a "file modified event".
    fn v2(dir: &Path) -> Result<Self> {
        let failed = |errno| Error::io("watch", dir, errno);
        let descriptor =
            inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).map_err(failed)?;
        for file in ["memory.events", "cgroup.events"] {
            match inotify::add_watch(&descriptor, dir.join(file), inotify::WatchFlags::MODIFY) {
                // Without the memory controller there is no memory to run out of.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        let kills = value(dir, "memory.events", "oom_kill").unwrap_or(0);
        Ok(Watch { descriptor, dir: dir.to_owned(), kills: Some(kills) })
    }

    /// Readable when [`Watch::news`] is worth a call.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// What has happened since the last call. Does not wait.
    pub(crate) fn news(&mut self) -> News {
        let told = self.drain();
        if access(&self.dir, Access::EXISTS).is_err() {
            return News::Gone;
        }
        // v1 tells only that it happened, and of the cgroup's end in the same way.
        let Some(before) = self.kills else { return if told { News::OutOfMemory } else { News::None } };
        let now = value(&self.dir, "memory.events", "oom_kill").unwrap_or(before);
        self.kills = Some(now);
        match value(&self.dir, "cgroup.events", "populated") {
            _ if now > before => News::OutOfMemory,
            Some(0) => News::Gone,
            _ => News::None,
        }
    }

    /// Whether there was something to read.
    fn drain(&self) -> bool {
        let mut buffer = [0; 4096];
        let mut told = false;
        while rustix::io::read(&self.descriptor, &mut buffer).is_ok_and(|count| count > 0) {
            told = true;
        }
        told
    }
}

/// The value of `key` in a file of lines `key value`.
fn value(dir: &Path, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(dir.join(file)).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
}
