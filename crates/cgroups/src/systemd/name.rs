//! Names of units, and where systemd puts their cgroups.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

const PLACE: &str = "/linux/cgroupsPath";

/// The unit of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The slice that it is in: `system.slice`.
    pub slice: String,
    /// The unit: `prefix-name.scope`, or a slice.
    pub unit: String,
}

impl Name {
    /// The unit that `cgroupsPath` names as `slice:prefix:name`; absent: `cofferdam-ID.scope` in `system.slice`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it has another form or holds what is no unit's name.
    pub(crate) fn new(cgroups_path: Option<&Path>, id: &str) -> Result<Self> {
        let Some(path) = cgroups_path.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(Name { slice: slice("")?, unit: checked(format!("cofferdam-{id}.scope"))? });
        };
        let text = path.to_string_lossy();
        let parts: Vec<&str> = text.split(':').collect();
        let [slice_part, prefix, name] = parts[..] else {
            let reason = format!(
                "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got {text:?} instead"
            );
            return Err(Error::invalid(PLACE, reason));
        };
        let unit = match (prefix, name) {
            (_, "") => {
                return Err(Error::invalid(PLACE, format!("{text:?} names no unit: the third part is its name")));
            }
            // As runc: a name that is a slice's is the unit's whole name.
            (_, name) if is_slice(name) => name.to_owned(),
            ("", name) => format!("{name}.scope"),
            (prefix, name) => format!("{prefix}-{name}.scope"),
        };
        Ok(Name { slice: slice(slice_part)?, unit: checked(unit)? })
    }

    /// The cgroup, from the root of a hierarchy.
    ///
    /// # Errors
    /// [`Error::Invalid`]
    pub(crate) fn path(&self) -> Result<PathBuf> {
        if self.is_slice() { expand(&self.unit) } else { Ok(expand(&self.slice)?.join(&self.unit)) }
    }

    /// Whether the unit is a slice, which no process begins.
    pub(crate) fn is_slice(&self) -> bool {
        is_slice(&self.unit)
    }
}

/// Whether a unit is a slice.
pub(crate) fn is_slice(unit: &str) -> bool {
    unit.strip_suffix(".slice").is_some()
}

fn slice(text: &str) -> Result<String> {
    let slice = match text {
        "" => "system.slice",
        "-" => "-.slice",
        slice => slice,
    };
    expand(slice)?;
    checked(slice.to_owned())
}

/// A slice's place: that of `a-b.slice` is `/a.slice/a-b.slice`. systemd.slice(5).
fn expand(slice: &str) -> Result<PathBuf> {
    let wrong = || Error::invalid(PLACE, format!("{slice:?} is no slice: it must be as \"a-b.slice\""));
    let name = slice.strip_suffix(".slice").ok_or_else(wrong)?;
    let mut path = PathBuf::from("/");
    if name == "-" {
        return Ok(path);
    }
    let mut whole = String::new();
    for part in name.split('-') {
        if part.is_empty() {
            return Err(wrong());
        }
        if !whole.is_empty() {
            whole.push('-');
        }
        whole.push_str(part);
        path.push(format!("{whole}.slice"));
    }
    Ok(path)
}

/// Refuses what is no unit's name. systemd.unit(5).
fn checked(unit: String) -> Result<String> {
    const LONGEST: usize = 255;
    let fits = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    if unit.chars().all(fits) && unit.len() <= LONGEST && !unit.starts_with('.') {
        return Ok(unit);
    }
    let reason = format!("{unit:?} is no name of a systemd unit: it has at most 255 of A-Z a-z 0-9 : - _ . \\ @");
    Err(Error::invalid(PLACE, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Result<(String, PathBuf)> {
        let name = Name::new(Some(Path::new(path)), "id")?;
        let path = name.path()?;
        Ok((name.unit, path))
    }

    #[test]
    fn names_and_places() {
        for (text, unit, path) in [
            (":x:abc", "x-abc.scope", "/system.slice/x-abc.scope"),
            ("", "cofferdam-id.scope", "/system.slice/cofferdam-id.scope"),
            ("a.slice:x:abc", "x-abc.scope", "/a.slice/x-abc.scope"),
            ("a-b-c.slice:x:abc", "x-abc.scope", "/a.slice/a-b.slice/a-b-c.slice/x-abc.scope"),
            ("-:x:abc", "x-abc.scope", "/x-abc.scope"),
            ("-.slice:x:abc", "x-abc.scope", "/x-abc.scope"),
            ("a.slice::abc", "abc.scope", "/a.slice/abc.scope"),
            ("a.slice:x:a-b.slice", "a-b.slice", "/a.slice/a-b.slice"),
        ] {
            assert_eq!(name(text).unwrap(), (unit.to_owned(), PathBuf::from(path)), "{text}");
        }
        assert_eq!(Name::new(None, "id").unwrap(), Name::new(Some(Path::new("")), "id").unwrap());
    }

    #[test]
    fn other_forms_are_refused() {
        let long = format!(":x:{}", "a".repeat(256));
        for text in [
            "a/b",
            "/a/b",
            "abc",
            "a.slice:abc",
            "a:b:c:d",
            "a:x:abc",
            "a.slice:x:",
            "a-.slice:x:abc",
            "-a.slice:x:abc",
            "a--b.slice:x:abc",
            ".slice:x:abc",
            "a.slice:x:b/c",
            "../a.slice:x:abc",
            "a.slice:x: b",
            &long,
        ] {
            let error = name(text).expect_err(text);
            assert_eq!(error.place(), Some("/linux/cgroupsPath"), "{text}");
        }
        assert!(name("a/b").unwrap_err().to_string().contains("of format \"slice:prefix:name\""));
    }
}
