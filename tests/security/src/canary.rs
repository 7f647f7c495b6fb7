//! Files of the host that lie where an image's links lead to, and must never change.

use harness::programs;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a path was when it was looked at; two looks at an unchanged file are equal.
pub type Look = BTreeMap<PathBuf, String>;

/// A folder of the host that names what a runtime makes, moves or removes in `/dev`, `/proc` and `/etc`, and, beside
/// it, what is the host's own: the core pattern, its name, its users, its devices, the runtime's file. Dropping it
/// removes the folder.
#[derive(Debug)]
pub struct Canary {
    folder: PathBuf,
    before: Look,
}

/// Names that a runtime makes in `/dev`, as regular files.
const FILES: &str = "null zero full random urandom tty console ptmx core passwd group hostname core_pattern";
/// As folders.
const FOLDERS: &str = "pts shm mqueue fd sys fs proc self net attr";

impl Default for Canary {
    fn default() -> Self {
        Canary::new()
    }
}

impl Canary {
    /// Makes the folder and looks at it.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new("/run/cfd-canary").join(name);
        fs::create_dir_all(&folder).expect("the canary's folder");
        for name in FILES.split(' ') {
            fs::write(folder.join(name), format!("the host's {name}\n")).expect("a file");
        }
        for name in FOLDERS.split(' ') {
            fs::create_dir(folder.join(name)).expect("a folder");
            fs::write(folder.join(name).join("kept"), "the host's\n").expect("a file");
        }
        fs::set_permissions(folder.join("null"), fs::Permissions::from_mode(0o640)).expect("a mode");
        symlink("kept", folder.join("fd/link")).expect("a link");
        let before = look(&folder);
        Canary { folder, before }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is not as it was, a line each; empty where all is.
    pub fn changes(&self) -> Vec<String> {
        let now = look(&self.folder);
        let paths = self.before.keys().chain(now.keys().filter(|path| !self.before.contains_key(*path)));
        paths
            .filter(|path| self.before.get(*path) != now.get(*path))
            .map(|path| format!("{}: {:?} is now {:?}", path.display(), self.before.get(path), now.get(path)))
            .collect()
    }

    /// The same of the folder alone, which is looked at fast.
    pub fn folder_changes(&self) -> Vec<String> {
        let mut now = Look::new();
        whole(&self.folder, &mut now);
        let before = self.before.iter().filter(|(path, _)| path.starts_with(&self.folder));
        let gone = before.filter(|(path, _)| !now.contains_key(*path)).map(|(path, _)| path);
        let other = now.iter().filter(|(path, look)| self.before.get(*path) != Some(*look)).map(|(path, _)| path);
        gone.chain(other)
            .map(|path| format!("{}: {:?} is now {:?}", path.display(), self.before.get(path), now.get(path)))
            .collect()
    }

    /// Fails the test if anything is not as it was.
    #[track_caller]
    pub fn assert_same(&self) {
        let changes = self.changes();
        assert!(changes.is_empty(), "changed on the host: {changes:#?}");
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// The folder's files, and the host's own.
fn look(folder: &Path) -> Look {
    let mut found = Look::new();
    whole(folder, &mut found);
    for path in ["/etc/passwd", "/etc/group", "/etc/shadow"].map(Path::new).into_iter().chain([&*programs::runtime()]) {
        found.insert(path.to_owned(), identity(path));
    }
    for name in ["core_pattern", "hostname", "domainname", "sysrq", "modprobe", "hotplug", "poweroff_cmd"] {
        let path = Path::new("/proc/sys/kernel").join(name);
        let content = fs::read_to_string(&path).unwrap_or_default();
        found.insert(path, content);
    }
    for name in ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"] {
        let path = Path::new("/dev").join(name);
        // Their times change with each use.
        let seen = fs::symlink_metadata(&path)
            .map(|node| format!("{} {:o} {}:{} {:x}", node.ino(), node.mode(), node.uid(), node.gid(), node.rdev()));
        found.insert(path, seen.unwrap_or_default());
    }
    found
}

/// A folder and all below it.
fn whole(path: &Path, found: &mut Look) {
    found.insert(path.to_owned(), identity(path));
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            whole(&entry.path(), found);
        }
    }
}

/// All that tells whether a file is the same and untouched, but for the time of its last reading.
pub fn identity(path: &Path) -> String {
    let node = match fs::symlink_metadata(path) {
        Ok(node) => node,
        Err(error) => return error.to_string(),
    };
    let kind = node.file_type();
    let mut content = DefaultHasher::new();
    if kind.is_file() {
        fs::read(path).unwrap_or_default().hash(&mut content);
    } else if kind.is_symlink() {
        fs::read_link(path).unwrap_or_default().hash(&mut content);
    } else if kind.is_char_device() || kind.is_block_device() {
        node.rdev().hash(&mut content);
    }
    format!(
        "{}:{} {:o} {}:{} {} links, {} bytes, modified {}.{:09}, changed {}.{:09}, content {:x}, attributes {:?}",
        node.dev(),
        node.ino(),
        node.mode(),
        node.uid(),
        node.gid(),
        node.nlink(),
        node.size(),
        node.mtime(),
        node.mtime_nsec(),
        node.ctime(),
        node.ctime_nsec(),
        content.finish(),
        attributes(path),
    )
}

/// Extended attributes, by name.
fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap_or_default();
    let names =
        names[..length].split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    names
        .map(|name| {
            let mut value = vec![0; 65536];
            let length = rustix::fs::lgetxattr(path.as_os_str().as_bytes(), name, &mut value).unwrap_or_default();
            value.truncate(length);
            (name.to_string_lossy().into_owned(), value)
        })
        .collect()
}
