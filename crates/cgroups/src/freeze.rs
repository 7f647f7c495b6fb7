//! All processes of a container held, and let go.

use crate::error::{Error, Result};
use crate::file;
use crate::paths::Paths;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, SeekFrom, open, seek};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use sys::Errno;

/// How long freezing may take; a process in a long system call of a broken disk is never frozen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a cgroup is frozen.
enum Freezer<'a> {
    /// `freezer.state`
    Legacy(&'a Path),
    /// `cgroup.freeze`
    Unified(&'a Path),
}

impl Paths {
    fn freezer(&self) -> Option<Freezer<'_>> {
        self.get("freezer").map(Freezer::Legacy).or_else(|| self.unified().map(Freezer::Unified))
    }

    /// Freezes all processes of the container, and returns when they are. Where they can't be within ten seconds,
    /// they are let go again.
    ///
    /// # Errors
    /// [`Error::Freeze`], [`Error::File`], [`Error::NoCgroup`].
    pub fn freeze(&self) -> Result<()> {
        let freezer = self.freezer().ok_or(Error::NoCgroup { act: "freeze" })?;
        let result = match freezer {
            Freezer::Legacy(path) => freeze_legacy(path),
            Freezer::Unified(path) => freeze_unified(path),
        };
        if result.is_err() {
            // The first error is the one to tell.
            self.thaw().ok();
        }
        result
    }

    /// Lets all processes of the container go on.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NoCgroup`].
    pub fn thaw(&self) -> Result<()> {
        match self.freezer().ok_or(Error::NoCgroup { act: "thaw" })? {
            Freezer::Legacy(path) => set(&path.join("freezer.state"), "THAWED"),
            Freezer::Unified(path) => set(&path.join("cgroup.freeze"), "0"),
        }
    }

    /// Whether the container's cgroup is frozen, by itself: not since one above it is. A container without a cgroup
    /// or freezer is not.
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn is_frozen(&self) -> Result<bool> {
        Freezers::default().is_frozen(self)
    }
}

/// Where hierarchies are mounted, if they are as everywhere.
const MOUNTS: &str = "/sys/fs/cgroup/";

/// A way to many freezers, of which most is gone only once: the kernel takes as long to get to where cgroups are
/// mounted as from there to a freezer.
#[derive(Debug, Default)]
pub struct Freezers(Option<OwnedFd>);

impl Freezers {
    /// Begins where cgroups are mounted, where they are.
    pub fn open() -> Self {
        Freezers(open(MOUNTS, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok())
    }

    /// As [`Paths::is_frozen`].
    ///
    /// # Errors
    /// [`Error::File`]
    pub fn is_frozen(&self, paths: &Paths) -> Result<bool> {
        let path = match paths.freezer() {
            None => return Ok(false),
            Some(Freezer::Legacy(path)) => path.join("freezer.self_freezing"),
            Some(Freezer::Unified(path)) => path.join("cgroup.freeze"),
        };
        let below = path.as_os_str().as_bytes().strip_prefix(MOUNTS.as_bytes());
        let flag = match (&self.0, below) {
            (Some(mounts), Some(below)) => file::flag(mounts.as_fd(), Path::new(OsStr::from_bytes(below))),
            _ => file::flag(CWD, &path),
        };
        match flag {
            Err(Errno::NOENT | Errno::NODEV) => Ok(false),
            flag => flag.map_err(|errno| Error::file("read", path, errno)),
        }
    }
}

fn set(path: &Path, value: &str) -> Result<()> {
    file::write(path, value).map_err(|errno| Error::file("write", path, errno))
}

/// The kernel tells in `cgroup.events` when all are frozen.
fn freeze_unified(path: &Path) -> Result<()> {
    let events = Events::open(path)?;
    set(&path.join("cgroup.freeze"), "1")?;
    events
        .wait(Instant::now() + PATIENCE, |text| file::value(text, "frozen") == Some(1))?
        .then_some(())
        .ok_or_else(|| slow(path))
}

/// v1 tells nothing, and while processes fork it can stay in FREEZING for good: writing again, and now and then
/// letting go for a moment, brings it to an end.
fn freeze_legacy(path: &Path) -> Result<()> {
    let state = path.join("freezer.state");
    let end = Instant::now() + PATIENCE;
    for round in 1_u32.. {
        set(&state, "FROZEN")?;
        let now = file::read(&state).map_err(|errno| Error::file("read", &state, errno))?;
        if now.trim() == "FROZEN" {
            return Ok(());
        }
        if Instant::now() > end {
            break;
        }
        if round % 50 == 0 {
            set(&state, "THAWED")?;
            sleep(Duration::from_millis(10));
        } else if round % 8 == 0 {
            sleep(Duration::from_micros(50));
        }
    }
    Err(slow(path))
}

fn slow(path: &Path) -> Error {
    Error::Freeze { path: path.to_owned(), seconds: PATIENCE.as_secs() }
}

/// `cgroup.events` of a v2 cgroup: the kernel wakes who polls it when it changes.
pub(crate) struct Events {
    path: PathBuf,
    file: OwnedFd,
}

impl Events {
    pub(crate) fn open(cgroup: &Path) -> Result<Self> {
        let path = cgroup.join("cgroup.events");
        match open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => Ok(Events { path, file }),
            Err(errno) => Err(Error::file("open", path, errno)),
        }
    }

    /// Waits until the text is `right` (true), or `end` comes (false). A cgroup that is gone is right.
    pub(crate) fn wait(&self, end: Instant, right: impl Fn(&str) -> bool) -> Result<bool> {
        loop {
            match self.read() {
                Ok(text) if right(&text) => return Ok(true),
                Ok(_) => {}
                Err(Errno::NODEV) => return Ok(true),
                Err(errno) => return Err(Error::file("read", &self.path, errno)),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // Woken by a change, by the end of the time or by a signal: look again.
            let mut polled = [PollFd::new(&self.file, PollFlags::PRI)];
            match poll(&mut polled, Timespec::try_from(left).ok().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::file("poll", &self.path, errno)),
            }
        }
    }

    fn read(&self) -> std::result::Result<String, Errno> {
        seek(&self.file, SeekFrom::Start(0))?;
        let mut bytes = [0; 256];
        let count = rustix::io::read(self.file.as_fd(), &mut bytes)?;
        Ok(String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()).into_owned())
    }
}
