//! Where things are mounted and made beneath the root: what is there, or the directory that it is made in.

use super::beneath::{self, Entry, Missing, PATH_MAX};
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{OFlags, ResolveFlags, fstat};
use sys::Errno;
use sys::descriptor::Descriptor;

/// The rules of lookups, strict ones first.
const RULES: [ResolveFlags; 3] =
    [ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_XDEV), ResolveFlags::NO_SYMLINKS, ResolveFlags::empty()];

/// The root file system, and the directory in it that something was made in last.
pub(crate) struct Root<'p> {
    top: Descriptor,
    /// The root is a part of a procfs.
    proc: bool,
    parent: Option<Parent<'p>>,
    /// Where the last file system was mounted, if nothing is in it yet.
    empty: Option<&'p [u8]>,
    /// Some paths where something was mounted.
    mounted: ArrayVec<&'p [u8], 8>,
}

/// A directory by the path that led to it, which ends with a slash.
struct Parent<'p> {
    path: &'p [u8],
    directory: Descriptor,
    /// No link led to it, so that it is there for as long as nothing is mounted over a part of its path.
    literal: bool,
}

/// What is at a path.
pub(super) struct Place {
    pub target: Descriptor,
    /// It was there already.
    pub existed: bool,
    /// It is on no procfs: it was made just now, which no procfs lets happen, or it is on the root's own mount.
    pub plain: bool,
    /// No link led to it.
    literal: bool,
}

impl Place {
    /// Whether it is the root itself, which only a link can lead to.
    pub(super) fn is_top(&self, root: BorrowedFd<'_>) -> Result<bool, Errno> {
        if self.literal || !self.existed {
            return Ok(false);
        }
        let (here, top) = (fstat(&self.target)?, fstat(root)?);
        Ok((here.st_dev, here.st_ino) == (top.st_dev, top.st_ino))
    }
}

impl AsFd for Root<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }
}

impl<'p> Root<'p> {
    /// The root that `top` is open on, and whether that is on a procfs.
    pub(super) fn new(top: Descriptor, proc: bool) -> Self {
        Root { top, proc, parent: None, empty: None, mounted: ArrayVec::new() }
    }

    /// Others may change what is in the root.
    pub(crate) fn forget(&mut self) {
        (self.parent, self.empty) = (None, None);
    }

    /// Looks a path up, with each of some sets of rules until one lets it be found: at first so that the kernel refuses
    /// to follow links, and to leave the root's own mount. Where it need do neither, the path is what it says.
    fn look(&self, path: &CStr, flags: OFlags, rules: &[ResolveFlags]) -> Result<Place, Errno> {
        let mut answer = Err(Errno::LOOP);
        for rules in rules {
            answer = beneath::resolve(self.as_fd(), path, flags, *rules).map(|target| Place {
                target,
                existed: true,
                plain: rules.contains(ResolveFlags::NO_XDEV) && !self.proc,
                literal: rules.contains(ResolveFlags::NO_SYMLINKS),
            });
            if !matches!(answer, Err(Errno::LOOP | Errno::XDEV)) {
                break;
            }
        }
        answer
    }

    /// What is at `path`, made with its parents where it is missing.
    pub(super) fn ensure(&mut self, path: &'p CStr, missing: Missing) -> Result<Place, Fault> {
        match self.make_beside(path, || Ok(missing))? {
            Some(entry) => made(&entry, path, true),
            None => self.find_or_make(path, || Ok(missing)),
        }
    }

    /// The same, to be asked first where [`Root::make_beside`] has made nothing.
    pub(super) fn find_or_make(
        &mut self,
        path: &'p CStr,
        missing: impl FnOnce() -> Result<Missing, Fault>,
    ) -> Result<Place, Fault> {
        // There is nothing to be looked for.
        let within = |empty: &[u8]| split(path).and_then(|(above, _)| above.strip_prefix(empty)) == Some(b"/");
        if self.empty.take().is_some_and(within) {
            return self.make(path, missing()?);
        }
        // What is below a mount is not on the root's own.
        let below = self.mounted.iter().any(|mounted| is_beneath(path.to_bytes(), mounted));
        let rules = RULES.get(usize::from(below)..).unwrap_or_default();
        match self.look(path, OFlags::PATH, rules) {
            Err(Errno::NOENT) => self.make(path, missing()?),
            found => found.map_err(|errno| Fault::call("openat2", path.to_bytes(), errno)),
        }
    }

    /// The directory at `path`, which must not be a link, made with its parents where it is missing.
    pub(super) fn plain_directory(&mut self, path: &CStr) -> Result<Place, Fault> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let mut found = self.look(path, flags, &RULES);
        if let Err(Errno::NOENT) = found {
            drop(beneath::make(self.as_fd(), path.to_bytes(), Missing::Directory)?);
            found = self.look(path, flags, &RULES);
        }
        found.map_err(|errno| match errno {
            Errno::NOTDIR | Errno::LOOP => {
                Fault::quoted(b"", path.to_bytes(), b" must be mounted on ordinary directory", None)
            }
            errno => Fault::call("openat2", path.to_bytes(), errno),
        })
    }

    fn make(&mut self, path: &'p CStr, missing: Missing) -> Result<Place, Fault> {
        let entry = self.entry(path)?;
        match entry.make(missing) {
            Ok(()) => {
                let place = made(&entry, path, false)?;
                let literal = self.parent.as_ref().is_some_and(|parent| parent.literal);
                Ok(Place { literal, ..place })
            }
            // A link to something that is missing.
            Err(Errno::EXIST) => {
                let target = beneath::make(self.as_fd(), path.to_bytes(), missing)?;
                Ok(Place { target, existed: false, plain: false, literal: false })
            }
            Err(errno) => Err(not_made(path, errno)),
        }
    }

    /// Makes something at `path`, if that is in the directory that something was made in last and nothing is there: the
    /// name of what is new, which is on no procfs.
    pub(super) fn make_beside(
        &self,
        path: &'p CStr,
        missing: impl FnOnce() -> Result<Missing, Fault>,
    ) -> Result<Option<Entry<'p, BorrowedFd<'_>>>, Fault> {
        let Some((above, name)) = split(path) else { return Ok(None) };
        let Some(parent) = self.known(above) else { return Ok(None) };
        let entry = Entry { directory: parent.directory.as_fd(), name };
        let made = entry.make(missing()?);
        Ok(made.is_ok().then_some(entry))
    }

    /// The name and the directory of the last part of `path`, the directory made where it is missing.
    pub(crate) fn entry(&mut self, path: &'p CStr) -> Result<Entry<'p, BorrowedFd<'_>>, Fault> {
        let Some((above, name)) = split(path) else {
            return Err(Fault::refusal("nothing can be made at", path.to_bytes()));
        };
        if self.known(above).is_none() {
            self.parent = None;
            self.parent = Some(self.open_parent(above)?);
        }
        let directory = self.parent.as_ref().map_or(self.top.as_fd(), |parent| parent.directory.as_fd());
        Ok(Entry { directory, name })
    }

    fn known(&self, above: &[u8]) -> Option<&Parent<'p>> {
        self.parent.as_ref().filter(|parent| parent.literal && parent.path == above)
    }

    fn open_parent(&self, path: &'p [u8]) -> Result<Parent<'p>, Fault> {
        let call = |errno| Fault::call("openat2", path, errno);
        let mut text: ArrayVec<u8, PATH_MAX> = ArrayVec::new();
        let whole = text.try_extend_from_slice(path).is_ok() && text.try_push(0).is_ok();
        let text = CStr::from_bytes_with_nul(&text).ok().filter(|_| whole).ok_or_else(|| call(Errno::NAMETOOLONG))?;
        let [_, rules @ ..] = &RULES;
        match self.look(text, OFlags::PATH | OFlags::DIRECTORY, rules) {
            Ok(Place { target, literal, .. }) => Ok(Parent { path, directory: target, literal }),
            Err(Errno::NOENT) => {
                let directory = beneath::make(self.as_fd(), path, Missing::Directory)?;
                Ok(Parent { path, directory, literal: false })
            }
            Err(errno) => Err(call(errno)),
        }
    }

    /// Something was mounted at `place`, which is at `path`; `empty` where nothing is in it.
    pub(super) fn covered(&mut self, place: &Place, path: &'p CStr, empty: bool) {
        let path = path.to_bytes();
        self.empty = Some(path).filter(|_| empty);
        self.mounted.extend(core::iter::once(path).take(self.mounted.remaining_capacity()));
        // The text tells what is covered where no link is in it, nor a part that is none.
        let literal = place.literal && !path.windows(2).any(|two| two == b"//" || two == b"/.");
        if self.parent.as_ref().is_some_and(|parent| !literal || is_beneath(parent.path, path)) {
            self.parent = None;
        }
    }
}

/// Whether the text of a path leads through `above`.
fn is_beneath(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with(b"/"))
}

/// What has just been made, which is on no procfs: none lets things be made in it.
fn made(entry: &Entry<'_, BorrowedFd<'_>>, path: &CStr, literal: bool) -> Result<Place, Fault> {
    let target = entry.open(OFlags::PATH).map_err(|errno| not_made(path, errno))?;
    Ok(Place { target, existed: false, plain: true, literal })
}

fn not_made(path: &CStr, errno: Errno) -> Fault {
    Fault::call("make the mount point", path.to_bytes(), errno)
}

/// The directory's part of a path, with its slash, and the name in it; `None` where there can be no such name.
fn split(path: &CStr) -> Option<(&[u8], &CStr)> {
    let bytes = path.to_bytes_with_nul();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (above, name) = bytes.split_at_checked(start)?;
    let name = CStr::from_bytes_with_nul(name).ok()?;
    (!matches!(name.to_bytes(), b"" | b"." | b"..")).then_some((above, name))
}
