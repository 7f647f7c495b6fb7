//! Paths of the config, as the kernel takes them.

use crate::error::Error;
use std::ffi::CString;
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
pub(crate) fn inside(path: &Path, rootfs: &Path) -> PathBuf {
    let path = clean(path);
    match path.strip_prefix(rootfs) {
        Ok(rest) if rootfs != Path::new("/") => Path::new("/").join(rest),
        _ => path,
    }
}

/// Cleaned as text: what a `..` after a link means is not asked.
pub(crate) fn clean(path: &Path) -> PathBuf {
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
    clean
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
