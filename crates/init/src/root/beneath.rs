//! Paths beneath the container's root: the one place where they are resolved.
//!
//! A path is resolved once, by the kernel, with the root as its `/`: no link of the image leads out of it, and
//! none of procfs' magic links is followed. What comes out is a descriptor (`O_PATH`, so that a FIFO or a device
//! is not opened); what is made is made by its name alone in the descriptor of its parent. All other modules work
//! on descriptors.

use crate::fault::Fault;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, chownat, mkdirat, mknodat, openat, openat2,
    readlinkat_raw, statat, symlinkat, unlinkat,
};
use sys::Errno;
use sys::descriptor::Descriptor;

/// The longest path that the kernel takes, with its NUL.
pub(super) const PATH_MAX: usize = 4096;

/// As many links as the kernel follows in one path.
const LINKS: usize = 40;

/// `S_IFREG`.
pub(super) const FILE: u32 = 0o100_000;

/// How often a path is tried again while others rename parts of it.
const TRIES: usize = 128;

/// What is made where a path is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A directory, mode 0755.
    Directory,
    /// An empty file, mode 0644.
    File,
}

/// Opens `/` of this process.
pub(crate) fn slash() -> Result<Descriptor, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(c"/", flags, Mode::empty()).map(Descriptor::from)
}

/// Opens what is at `path` beneath `root`.
pub(crate) fn open(root: BorrowedFd<'_>, path: &CStr, flags: OFlags) -> Result<Descriptor, Errno> {
    resolve(root, path, flags, ResolveFlags::empty())
}

/// The same, with more rules.
pub(super) fn resolve(
    root: BorrowedFd<'_>,
    path: &CStr,
    flags: OFlags,
    rules: ResolveFlags,
) -> Result<Descriptor, Errno> {
    let resolve = rules | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..TRIES {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            // The kernel can't tell whether a `..` stayed inside while something was renamed.
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other.map(Descriptor::from),
        }
    }
    Err(Errno::AGAIN)
}

/// Opens what is at `path`, or `None` where nothing is there.
pub(super) fn look(root: BorrowedFd<'_>, path: &CStr) -> Result<Option<Descriptor>, Fault> {
    match open(root, path, OFlags::PATH) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(Fault::call("openat2", path.to_bytes(), errno)),
    }
}

/// The same of `rest` in a mount of the container's, when the container's root is this process's: `path` is where it is
/// thought to be.
pub(super) fn look_in(mount: &Descriptor, rest: &CStr, path: &CStr) -> Result<Option<Descriptor>, Fault> {
    let found = if rest.is_empty() {
        rustix::io::fcntl_dupfd_cloexec(mount, 0)
    } else {
        openat2(mount, rest, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
    };
    match found {
        Ok(found) => Ok(Some(found.into())),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(Fault::call("openat2", path.to_bytes(), errno)),
    }
}

/// Makes the directory at `path`, with its parents, where it is missing.
pub(crate) fn make_directory(root: BorrowedFd<'_>, path: &CStr) -> Result<(), Fault> {
    match open(root, path, OFlags::PATH) {
        Ok(_) => Ok(()),
        Err(Errno::NOENT) => make(root, path.to_bytes(), Missing::Directory).map(drop),
        Err(errno) => Err(Fault::call("openat2", path.to_bytes(), errno)),
    }
}

/// Gives what `file` is open on (also only by `O_PATH`) an owner.
pub(super) fn own(file: &Descriptor, uid: Uid, gid: Gid) -> Result<(), Errno> {
    chownat(file, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
}

/// One name in an open directory. A link of that name is never followed.
pub(crate) struct Entry<'n, D: AsFd> {
    pub(super) directory: D,
    /// Without a slash; neither `.` nor `..`.
    pub(super) name: &'n CStr,
}

impl<D: AsFd> Entry<'_, D> {
    /// Opens what is there.
    pub(crate) fn open(&self, flags: OFlags) -> Result<Descriptor, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.directory, self.name, flags, Mode::empty()).map(Descriptor::from)
    }

    /// What is there.
    pub(super) fn status(&self) -> Result<Stat, Errno> {
        statat(&self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The text of the link that is there, in `space`.
    pub(super) fn link_text<'s>(&self, space: &'s mut [MaybeUninit<u8>; PATH_MAX]) -> Result<&'s [u8], Errno> {
        readlinkat_raw(&self.directory, self.name, space).map(|(text, _)| &*text)
    }

    /// Makes what is missing.
    pub(crate) fn make(&self, missing: Missing) -> Result<(), Errno> {
        match missing {
            Missing::Directory => self.make_directory(0o755),
            Missing::File => self.make_node(FILE | 0o644, 0),
        }
    }

    /// Makes a directory.
    pub(super) fn make_directory(&self, mode: u32) -> Result<(), Errno> {
        mkdirat(&self.directory, self.name, Mode::from_raw_mode(mode))
    }

    /// Makes an empty file, open for writing: closed at once when dropped, so that nobody finds its mount busy.
    pub(super) fn make_file(&self, mode: u32) -> Result<OwnedFd, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        openat(&self.directory, self.name, flags, Mode::from_raw_mode(mode))
    }

    /// Makes an empty file, a device node, a FIFO or a socket: `mode` says which.
    pub(super) fn make_node(&self, mode: u32, device: u64) -> Result<(), Errno> {
        mknodat(&self.directory, self.name, FileType::from_raw_mode(mode), Mode::from_raw_mode(mode), device)
    }

    /// Makes a symbolic link.
    pub(super) fn make_link(&self, text: &CStr) -> Result<(), Errno> {
        symlinkat(text, &self.directory, self.name)
    }

    /// Gives what is there an owner.
    pub(super) fn own(&self, uid: Uid, gid: Gid) -> Result<(), Errno> {
        chownat(&self.directory, self.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Removes what is there, if it is not a directory.
    pub(super) fn remove(&self) -> Result<(), Errno> {
        unlinkat(&self.directory, self.name, AtFlags::empty())
    }
}

/// Opens what is at `path`, made with its parents where it is missing, also where a link of the image points at
/// something that is missing.
pub(super) fn make(root: BorrowedFd<'_>, path: &[u8], missing: Missing) -> Result<Descriptor, Fault> {
    let mut way = Way::new(path)?;
    let (mut end, mut links) = (way.part_after(0), 0);
    for _ in 0..PATH_MAX {
        let last = way.part_after(end) == end;
        let errno = match way.open(root, end, OFlags::PATH) {
            Ok(found) if last => return Ok(found),
            Ok(_) => {
                end = way.part_after(end);
                continue;
            }
            Err(errno) => errno,
        };
        if errno != Errno::NOENT {
            return Err(Fault::call("openat2", path, errno));
        }
        // Missing, or a link to something that is.
        let above = way.part_before(end);
        let directory = way
            .open(root, above, OFlags::PATH | OFlags::DIRECTORY)
            .map_err(|errno| Fault::call("openat2", path, errno))?;
        let mut space = [MaybeUninit::uninit(); PATH_MAX];
        match way.name(end, |name| Entry { directory: &directory, name }.link_text(&mut space)) {
            Ok(_) if links == LINKS => return Err(Fault::call("openat2", path, Errno::LOOP)),
            Ok(text) => {
                links += 1;
                way.follow(above, end, text).map_err(|errno| Fault::call("openat2", path, errno))?;
                end = way.part_after(0);
            }
            Err(Errno::NOENT) => {
                let kind = if last { missing } else { Missing::Directory };
                match way.name(end, |name| Entry { directory: &directory, name }.make(kind)) {
                    // What has just appeared there is as good.
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(Fault::call("make the mount point", path, errno)),
                }
            }
            // Something else has just appeared there: look again.
            Err(Errno::INVAL) => {}
            Err(errno) => return Err(Fault::call("readlinkat", path, errno)),
        }
    }
    Err(Fault::call("openat2", path, Errno::LOOP))
}

/// A path that is walked part by part. `end` is where a part ends: the path up to there is the part's own.
struct Way {
    bytes: [u8; PATH_MAX],
    length: usize,
}

impl Way {
    fn new(path: &[u8]) -> Result<Self, Fault> {
        let mut way = Way { bytes: [0; PATH_MAX], length: 0 };
        way.add(b"/").and_then(|()| way.add(path)).map_err(|errno| Fault::call("openat2", path, errno))?;
        Ok(way)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let end = self.length + bytes.len();
        // One byte stays for the NUL.
        if end >= PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        self.bytes.get_mut(self.length..end).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The end of the part after `end`; `end` itself where there is none.
    fn part_after(&self, end: usize) -> usize {
        let mut at = end;
        while at < self.length && self.byte(at) == b'/' {
            at += 1;
        }
        if at == self.length {
            return end;
        }
        while at < self.length && self.byte(at) != b'/' {
            at += 1;
        }
        at
    }

    /// The start of the part that ends at `end`: the path up to there is its directory's.
    fn part_before(&self, end: usize) -> usize {
        self.bytes.get(..end).and_then(|path| path.iter().rposition(|byte| *byte == b'/')).map_or(0, |slash| slash + 1)
    }

    /// Opens the path up to `end`.
    fn open(&mut self, root: BorrowedFd<'_>, end: usize, flags: OFlags) -> Result<Descriptor, Errno> {
        self.between(0, end, |path| open(root, if path.is_empty() { c"/" } else { path }, flags))
    }

    /// Does something with the name of the part that ends at `end`.
    fn name<T>(&mut self, end: usize, act: impl FnOnce(&CStr) -> Result<T, Errno>) -> Result<T, Errno> {
        let start = self.part_before(end);
        self.between(start, end, act)
    }

    fn between<T>(
        &mut self,
        start: usize,
        end: usize,
        act: impl FnOnce(&CStr) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let saved = self.byte(end);
        *self.bytes.get_mut(end).ok_or(Errno::NAMETOOLONG)? = 0;
        let text = self.bytes.get(start..=end).and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok());
        let result = act(text.ok_or(Errno::INVAL)?);
        if let Some(byte) = self.bytes.get_mut(end) {
            *byte = saved;
        }
        result
    }

    /// Puts the text of the link between `start` and `end` in its place.
    fn follow(&mut self, start: usize, end: usize, text: &[u8]) -> Result<(), Errno> {
        let old = Way { bytes: self.bytes, length: self.length };
        self.length = if text.first() == Some(&b'/') { 0 } else { start };
        self.add(text)?;
        self.add(old.bytes.get(end..old.length).unwrap_or_default())?;
        if let Some(rest) = self.bytes.get_mut(self.length..) {
            rest.fill(0);
        }
        Ok(())
    }
}
