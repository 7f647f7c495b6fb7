//! News that a container runs out of memory.

use crate::error::{Error, Result};
use crate::file;
use crate::paths::Paths;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{Mode, OFlags, open};
use std::path::{Path, PathBuf};
use sys::Errno;

/// What a look at a [`OomWatch`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oom {
    /// Nothing new.
    Quiet,
    /// The container has run out of memory since the last look.
    Happened,
    /// The container's processes, or its cgroup, are gone: there will be no more news.
    Over,
}

/// A source of news that a container runs out of memory: where [`OomWatch::descriptor`] is readable,
/// [`OomWatch::look`] tells what there is.
#[derive(Debug)]
pub struct OomWatch {
    /// v1: an eventfd that the kernel counts up; v2: an inotify instance.
    wake: OwnedFd,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// `cgroup.event_control` of the memory cgroup, which is gone when it is; `memory.oom_control` stays open.
    Legacy { control: PathBuf, _oom: OwnedFd },
    /// The v2 cgroup, and its count of kills at the last look.
    Unified { cgroup: PathBuf, kills: u64 },
}

impl Paths {
    /// How many processes the kernel has killed in the container for want of memory: none where nothing counts them.
    pub fn oom_kills(&self) -> u64 {
        let file = match (self.get("memory"), self.unified()) {
            (Some(path), _) => path.join("memory.oom_control"),
            (None, Some(path)) => path.join("memory.events"),
            (None, None) => return 0,
        };
        file::read(&file).ok().and_then(|text| file::value(&text, "oom_kill")).unwrap_or(0)
    }

    /// Asks the kernel for news.
    ///
    /// # Errors
    /// [`Error::NoCgroup`] without a memory cgroup; [`Error::File`].
    pub fn watch_oom(&self) -> Result<OomWatch> {
        match (self.get("memory"), self.unified()) {
            (Some(path), _) => legacy(path),
            (None, Some(path)) => unified(path),
            (None, None) => Err(Error::NoCgroup { act: "watch for lack of memory" }),
        }
    }
}

/// Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control".
fn legacy(path: &Path) -> Result<OomWatch> {
    let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .map_err(|errno| Error::file("make an eventfd for", path, errno))?;
    let name = path.join("memory.oom_control");
    let oom = open(&name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::file("open", name, errno))?;
    let control = path.join("cgroup.event_control");
    file::write(&control, &format!("{} {}", wake.as_raw_fd(), oom.as_raw_fd()))
        .map_err(|errno| Error::file("write", &control, errno))?;
    Ok(OomWatch { wake, source: Source::Legacy { control, _oom: oom } })
}

fn unified(path: &Path) -> Result<OomWatch> {
    let wake = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
        .map_err(|errno| Error::file("make an inotify instance for", path, errno))?;
    for name in ["memory.events", "cgroup.events"] {
        let file = path.join(name);
        inotify::add_watch(&wake, &file, WatchFlags::MODIFY).map_err(|errno| Error::file("watch", file, errno))?;
    }
    let mut watch = OomWatch { wake, source: Source::Unified { cgroup: path.to_owned(), kills: 0 } };
    // What happened before is no news.
    watch.look()?;
    Ok(watch)
}

impl OomWatch {
    /// Readable when there may be news.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// What is new. It does not wait.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn look(&mut self) -> Result<Oom> {
        let woken = drain(&self.wake).map_err(|errno| Error::file("read the news of", self.path(), errno))?;
        match &mut self.source {
            // The end of the cgroup wakes too.
            Source::Legacy { control, .. } if rustix::fs::stat(&*control).is_err() => Ok(Oom::Over),
            Source::Legacy { .. } => Ok(if woken { Oom::Happened } else { Oom::Quiet }),
            Source::Unified { cgroup, kills } => {
                let text = |name: &str| file::read(&cgroup.join(name)).ok();
                if let Some(now) = text("memory.events").and_then(|text| file::value(&text, "oom_kill"))
                    && now != *kills
                {
                    *kills = now;
                    return Ok(Oom::Happened);
                }
                let populated = text("cgroup.events").and_then(|text| file::value(&text, "populated"));
                Ok(if populated == Some(1) { Oom::Quiet } else { Oom::Over })
            }
        }
    }

    fn path(&self) -> &Path {
        match &self.source {
            Source::Legacy { control: path, .. } | Source::Unified { cgroup: path, .. } => path,
        }
    }
}

/// Takes all that there is to read; whether there was something.
fn drain(wake: &OwnedFd) -> std::result::Result<bool, Errno> {
    let mut bytes = [0; 4096];
    let mut woken = false;
    loop {
        match rustix::io::read(wake, &mut bytes) {
            Ok(0) | Err(Errno::AGAIN) => return Ok(woken),
            Ok(_) => woken = true,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
