//! Paths of the config, as the kernel takes them.

use crate::error::Error;
use std::borrow::Cow;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// A string that ends with NUL.
pub(crate) fn text(place: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Nul { place: place.to_owned(), text: text.to_owned() })
}

/// As [`text`], of a path.
pub(crate) fn path_text(place: &str, path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::Nul { place: place.to_owned(), text: path.display().to_string() })
}

/// A path inside the container: absolute, without `.`, `..` and doubled slashes. A relative one counts from `/`,
/// one on the host that leads into the root file system is taken as what it is inside.
pub(crate) fn inside<'p>(path: &'p Path, rootfs: &Path) -> Cow<'p, Path> {
    match clean(path) {
        Cow::Borrowed(path) => beneath(path, rootfs).into(),
        Cow::Owned(path) => beneath(&path, rootfs).to_owned().into(),
    }
}

fn beneath<'p>(path: &'p Path, rootfs: &Path) -> &'p Path {
    match path.as_os_str().as_bytes().strip_prefix(rootfs.as_os_str().as_bytes()) {
        Some([]) => Path::new("/"),
        Some(rest @ [b'/', ..]) => Path::new(OsStr::from_bytes(rest)),
        _ => path,
    }
}

/// Whether a path that is [`inside`] or [`clean`] is that one: part by part, as paths compare else, takes long.
pub(crate) fn is(path: &Path, other: &str) -> bool {
    path.as_os_str() == other
}

/// Cleaned as text: what a `..` after a link means is not asked.
pub(crate) fn clean(path: &Path) -> Cow<'_, Path> {
    if is_clean(path.as_os_str().as_bytes()) {
        return path.into();
    }
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean.into()
}

/// Most are: then nothing is taken apart.
fn is_clean(path: &[u8]) -> bool {
    let Some(parts) = path.strip_prefix(b"/") else { return false };
    parts.is_empty() || parts.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// A list of strings in the form of a plan.
#[derive(Debug, Default)]
pub(crate) struct List(Vec<u8>);

impl List {
    /// Adds a string.
    pub(crate) fn push(&mut self, place: &str, option: &str) -> Result<(), Error> {
        self.0.extend(text(place, option)?.as_bytes_with_nul());
        Ok(())
    }

    /// The list.
    pub(crate) fn lend(&self) -> plan::Texts<'_> {
        plan::Texts::new(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_path_is_inside() {
        let inside = |path: &str, rootfs| inside(Path::new(path), Path::new(rootfs)).to_str().unwrap().to_owned();
        for (path, clean) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/.b/..c", "/a/.b/..c"),
            ("", "/"),
            ("a", "/a"),
            ("/a/", "/a"),
            ("//a", "/a"),
            ("/a//b", "/a/b"),
            ("/./a/.", "/a"),
            ("/../a/../b", "/b"),
            ("/a/..", "/"),
        ] {
            assert_eq!(inside(path, "/r/oot"), clean);
            assert_eq!(inside(path, "/"), clean);
            assert_eq!(inside(&format!("/r/oot{clean}"), "/r/oot"), clean);
        }
        assert_eq!(inside("/r/oot", "/r/oot"), "/");
        assert_eq!(inside("/r/oot/../oot//a", "/r/oot"), "/a");
        assert_eq!(inside("/r/ootfs/a", "/r/oot"), "/r/ootfs/a");
        assert_eq!(inside("/r", "/r/oot"), "/r");
    }
}
