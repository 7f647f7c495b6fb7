//! The directory of all containers, one directory each. Everything is reached from descriptors and no link is
//! followed, so nobody who can write there can lead us elsewhere.

use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::names::Names;
use crate::root::Root;
use crate::tree;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The directory that holds the state of all containers: `--root`.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// None where the directory does not exist, and so no container does.
    dir: Option<Arc<Root>>,
}

impl Store {
    /// Opens the state directory. One that is missing is an empty one.
    ///
    /// # Errors
    /// [`Error::RootIsSlash`]; [`Error::Io`] where it can't be opened.
    pub fn open(root: &Path) -> Result<Self> {
        let root = absolute(root)?;
        match fs::open(&root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(dir) => Ok(Store { root, dir: Some(Arc::new(Root::new(dir))) }),
            Err(Errno::NOENT) => Ok(Store { root, dir: None }),
            Err(error) => Err(Error::io("open", root, error)),
        }
    }

    /// Opens the state directory, making what of it is missing with mode 0700.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_or_create(root: &Path) -> Result<Self> {
        let store = Self::open(root)?;
        if store.dir.is_some() {
            return Ok(store);
        }
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&store.root);
        made.map_err(|error| Error::std("create", &store.root, &error))?;
        // Whatever the umask has taken away.
        let mode = fs::chmod(&store.root, Mode::from_raw_mode(0o700));
        mode.map_err(|error| Error::io("change the mode of", &store.root, error))?;
        Self::open(root)
    }

    /// Its path, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory, where it is there.
    pub(crate) fn dir(&self) -> Option<&Root> {
        self.dir.as_deref()
    }

    /// Whether the directory is there.
    pub fn exists(&self) -> bool {
        self.dir.is_some()
    }

    /// Takes the id: makes the container's directory (0711), locked. `umask` is that of this process, where it is known.
    ///
    /// # Errors
    /// [`Error::Exists`] where the id is taken; [`Error::Io`].
    pub fn create(&self, id: &ContainerId, umask: Option<u32>) -> Result<Entry> {
        let path = self.root.join(id.as_str());
        let root = self.dir.as_ref().ok_or_else(|| Error::NoRoot(self.root.clone()))?;
        match fs::mkdirat(root, id.as_str(), Mode::from_raw_mode(0o711)) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(Error::Exists(id.to_string())),
            Err(error) => return Err(Error::io("create", path, error)),
        }
        self.take(id, umask).inspect_err(|error| {
            if !matches!(error, Error::NotExist(_)) {
                // It is still empty, unless it is another's by now.
                let _gone = fs::unlinkat(root, id.as_str(), AtFlags::REMOVEDIR);
            }
        })
    }

    /// Locks the directory that was just made.
    fn take(&self, id: &ContainerId, umask: Option<u32>) -> Result<Entry> {
        // Whoever deletes by force may have been faster; the lock tells.
        let entry = self.get(id)?.under(umask);
        entry.lock()?;
        if entry.is_masked(0o711) {
            let mode = fs::fchmod(entry.dir(), Mode::from_raw_mode(0o711));
            mode.map_err(|error| Error::io("change the mode of", entry.path(), error))?;
        }
        Ok(entry)
    }

    /// The directory of a container, not locked.
    ///
    /// # Errors
    /// [`Error::NotExist`] where there is none; [`Error::Io`].
    pub fn get(&self, id: &ContainerId) -> Result<Entry> {
        let root = self.dir.as_ref().ok_or_else(|| Error::NotExist(id.to_string()))?;
        Entry::open(root, &self.root, id)
    }

    /// The names of all containers, and of what else there may be that looks like one.
    ///
    /// # Errors
    /// [`Error::NoRoot`] where the state directory is missing; [`Error::Io`].
    pub(crate) fn names(&self) -> Result<Names> {
        let dir = self.dir.as_ref().ok_or_else(|| Error::NoRoot(self.root.clone()))?;
        let failed = |errno| Error::io("open", &self.root, errno);
        let dir = fs::openat(dir, ".", tree::DIRECTORY, Mode::empty()).map_err(failed)?;
        Ok(Names::new(dir, self.root.clone()))
    }
}

/// The path from `/`, with `.` and `..` taken away as text.
fn absolute(root: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(if root.as_os_str().is_empty() { Path::new(".") } else { root });
    let mut clean = PathBuf::new();
    for part in whole.map_err(|error| Error::std("find", root, &error))?.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    if clean == Path::new("/") { Err(Error::RootIsSlash) } else { Ok(clean) }
}
