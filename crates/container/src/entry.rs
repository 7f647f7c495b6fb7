//! The directory of one container: its lock, its record, its copy of config.json.

use crate::error::{Error, Result};
use crate::foreign::salvage;
use crate::id::ContainerId;
use crate::record::Record;
use crate::root::Root;
use crate::tree;
use rustix::buffer::spare_capacity;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::CStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command waits for another one on the same container.
const PATIENCE: Duration = Duration::from_secs(10);

/// The record.
pub(crate) const STATE: &CStr = c"state.json";
/// The config, byte for byte as it was at create.
const CONFIG: &CStr = c"config.json";
/// What `exec` keeps of it: [`crate::kept`].
const KEPT: &CStr = c"exec.kept";
/// The most bytes that are read of each, so that a foreign file can't exhaust us.
const LARGEST: usize = 16 << 20;
/// Most files of both kinds are shorter, and so read at once.
const USUAL: usize = 16 << 10;

/// The socket that `start` connects to, in the container's directory: it is there from create until start.
pub const START_SOCKET: &str = "start.sock";

/// The state directory of one container.
#[derive(Debug)]
pub struct Entry {
    id: ContainerId,
    path: PathBuf,
    dir: OwnedFd,
    /// Our umask, where it is known.
    umask: Option<u32>,
    /// The directory of all containers.
    root: Arc<Root>,
}

impl Entry {
    /// Opens the directory of `id` in `root`, which is at `path`.
    pub(crate) fn open(root: &Arc<Root>, path: &Path, id: &ContainerId) -> Result<Self> {
        let path = path.join(id.as_str());
        match fs::openat(root, id.as_str(), tree::DIRECTORY, Mode::empty()) {
            Ok(dir) => Ok(Entry { id: id.clone(), path, dir, umask: None, root: Arc::clone(root) }),
            // A link or a file of that name is no container.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => {
                Err(Error::NotExist(id.to_string()))
            }
            Err(error) => Err(Error::io("open", path, error)),
        }
    }

    /// The same, used by a process with that umask.
    pub(crate) fn under(self, umask: Option<u32>) -> Self {
        Entry { umask, ..self }
    }

    /// Whether what is made with that mode may have another one.
    pub(crate) fn is_masked(&self, mode: u32) -> bool {
        self.umask.is_none_or(|umask| umask & mode != 0)
    }

    /// The container's id.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The directory's path, for messages and for programs that take one.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory.
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The user who made the container.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn owner(&self) -> Result<u32> {
        Ok(self.stat()?.st_uid)
    }

    fn stat(&self) -> Result<Stat> {
        fs::fstat(&self.dir).map_err(|error| Error::io("stat", &self.path, error))
    }

    /// Makes this the only command that changes the container, until [`Entry::unlock`], drop or death. Waits
    /// for another one to end, 10 seconds at most.
    ///
    /// # Errors
    /// [`Error::Busy`]; [`Error::NotExist`] where the other one has deleted the container.
    pub fn lock(&self) -> Result<()> {
        let mut since = None;
        while !self.lock_at_once()? {
            if since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
                return Err(Error::Busy { id: self.id.to_string(), seconds: PATIENCE.as_secs() });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// The same where nobody works on the container. Whether it is locked now.
    ///
    /// # Errors
    /// [`Error::NotExist`] where another one has deleted the container.
    pub(crate) fn lock_at_once(&self) -> Result<bool> {
        if !self.try_lock(FlockOperation::NonBlockingLockExclusive)? {
            return Ok(false);
        }
        if self.is_gone()? { Err(Error::NotExist(self.id.to_string())) } else { Ok(true) }
    }

    /// Whether the directory has been removed since it was opened.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn is_gone(&self) -> Result<bool> {
        Ok(self.stat()?.st_nlink == 0)
    }

    /// Lets other commands at the container.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn unlock(&self) -> Result<()> {
        self.try_lock(FlockOperation::Unlock).map(|_| ())
    }

    /// Whether another command holds the lock. Not to be asked while holding it.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn is_busy(&self) -> Result<bool> {
        let free = self.try_lock(FlockOperation::NonBlockingLockShared)?;
        if free {
            self.unlock()?;
        }
        Ok(!free)
    }

    fn try_lock(&self, how: FlockOperation) -> Result<bool> {
        match fs::flock(&self.dir, how) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(Error::io("lock", &self.path, error)),
        }
    }

    /// The record as it was last saved.
    ///
    /// # Errors
    /// [`Error::NotExist`] where there is none (a create that was killed at once); [`Error::Torn`],
    /// [`Error::Foreign`], [`Error::Newer`]; [`Error::Io`].
    pub fn record(&self) -> Result<Record> {
        let bytes = self.read(STATE)?.ok_or_else(|| Error::NotExist(self.id.to_string()))?;
        Ok(self.root.date(Record::parse(&bytes, &self.file(STATE))?))
    }

    /// What can be read of a record that is torn, or not ours: perhaps nothing but the id.
    pub(crate) fn salvage(&self) -> Record {
        let bytes = self.read(STATE).ok().flatten().unwrap_or_default();
        salvage(self.id.as_str(), &bytes)
    }

    /// Saves the record in one step: a reader finds the old one or the new one.
    ///
    /// # Errors
    /// [`Error::Unwritable`]; [`Error::Io`].
    pub fn save(&self, record: &Record) -> Result<()> {
        let bytes = record.to_json().map_err(|source| Error::Unwritable { path: self.file(STATE), source })?;
        self.replace(STATE, c".state.json", &bytes)
    }

    /// Writes a file under another name first.
    fn replace(&self, name: &CStr, hidden: &CStr, bytes: &[u8]) -> Result<()> {
        self.write(hidden, bytes)?;
        let moved = fs::renameat(&self.dir, hidden, &self.dir, name);
        moved.map_err(|error| Error::io("rename to", self.file(name), error))
    }

    /// The config that the container was made from.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn config(&self) -> Result<Vec<u8>> {
        self.read(CONFIG)?.ok_or_else(|| Error::io("open", self.file(CONFIG), Errno::NOENT))
    }

    /// Keeps the config byte for byte.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn write_config(&self, bytes: &[u8]) -> Result<()> {
        self.write(CONFIG, bytes)
    }

    /// What `exec` has kept.
    pub(crate) fn kept(&self) -> Result<Option<Vec<u8>>> {
        self.read(KEPT)
    }

    /// Keeps something for `exec`, in one step, unless another command is at the container: it may be removing it.
    pub(crate) fn keep(&self, bytes: &[u8]) -> Result<()> {
        if !self.lock_at_once()? {
            return Ok(());
        }
        let kept = self.replace(KEPT, c".exec.kept", bytes);
        self.unlock()?;
        kept
    }

    /// Whether the container waits for `start`.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn awaits_start(&self) -> Result<bool> {
        match fs::statat(&self.dir, START_SOCKET, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(Error::io("stat", self.path.join(START_SOCKET), error)),
        }
    }

    /// Removes the directory with all that is in it, the record last of what we put there; the id is free then.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn remove(&self) -> Result<()> {
        let failed = |error| Error::io("remove", &self.path, error);
        let directory = || fs::unlinkat(&self.root, self.id.as_str(), AtFlags::REMOVEDIR);
        for name in [CONFIG, STATE] {
            // What this can't remove is told below.
            let _removed = fs::unlinkat(&self.dir, name, AtFlags::empty());
        }
        let removed = match directory() {
            Err(Errno::NOTEMPTY | Errno::EXIST) => tree::empty(self.dir()).and_then(|()| directory()),
            removed => removed,
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn file(&self, name: &CStr) -> PathBuf {
        self.path.join(name.to_string_lossy().as_ref())
    }

    /// Writes a file of mode 0600, whatever the umask.
    fn write(&self, name: &CStr, bytes: &[u8]) -> Result<()> {
        let failed = |error| Error::io("write", self.file(name), error);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = fs::openat(&self.dir, name, flags, mode).map_err(failed)?;
        if self.is_masked(mode.as_raw_mode()) {
            fs::fchmod(&file, mode).map_err(failed)?;
        }
        File::from(file).write_all(bytes).map_err(|error| Error::std("write", self.file(name), &error))
    }

    /// Reads a regular file; None where there is none.
    fn read(&self, name: &CStr) -> Result<Option<Vec<u8>>> {
        let failed = |error| Error::io("read", self.file(name), error);
        // A FIFO of that name must not make us wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::with_capacity(USUAL);
        loop {
            let room = bytes.capacity() - bytes.len();
            let count = retry_on_intr(|| rustix::io::read(&file, spare_capacity(&mut bytes))).map_err(failed)?;
            if bytes.len() > LARGEST {
                return Err(failed(Errno::FBIG));
            }
            // Less than there was room for is the end of a regular file.
            if count < room {
                return Ok(Some(bytes));
            }
            bytes.reserve(bytes.len());
        }
    }
}
