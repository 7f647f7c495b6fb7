//! Schemata: lines that share a resource out, `L3:0=7f0;1=1f`. Documentation/filesystems/resctrl.rst.

use crate::error::{Error, PLACE, Result};
use crate::file;
use serde::Serialize;
use spec::oci::LinuxIntelRdt;
use std::collections::BTreeMap;
use std::path::Path;

/// What a config has written to a group's `schemata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Schemata {
    /// `l3CacheSchema` and `memBwSchema`, with their places: JSON pointers.
    single: Vec<(String, String)>,
    /// `schemata`.
    listed: Vec<String>,
}

impl Schemata {
    /// Those of a config; an empty line is none.
    pub fn new(rdt: &LinuxIntelRdt) -> Self {
        let single = [("l3CacheSchema", rdt.l3_cache_schema()), ("memBwSchema", rdt.mem_bw_schema())];
        let single = single.into_iter().filter_map(|(name, line)| Some((format!("{PLACE}/{name}"), line.clone()?)));
        Schemata {
            single: single.filter(|(_, line)| !line.is_empty()).collect(),
            listed: rdt.schemata().iter().flatten().filter(|line| !line.is_empty()).cloned().collect(),
        }
    }

    /// Whether there are none: then no `schemata` file is touched.
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.listed.is_empty()
    }

    /// What is written, in order, each with its place. The kernel takes a write whole or not at all, and a resource
    /// only once in it; what `schemata` says may be said before, so it is written apart and last.
    fn writes(&self) -> Vec<(String, String)> {
        let text = |lines: &mut dyn Iterator<Item = &str>| lines.flat_map(|line| [line, "\n"]).collect::<String>();
        let place = match self.single.as_slice() {
            [(place, _)] => place.clone(),
            _ => PLACE.to_owned(),
        };
        let single = (place, text(&mut self.single.iter().map(|(_, line)| line.as_str())));
        let listed = (format!("{PLACE}/schemata"), text(&mut self.listed.iter().map(String::as_str)));
        [single, listed].into_iter().filter(|(_, text)| !text.is_empty()).collect()
    }

    /// Writes them to a group.
    pub(crate) fn write(&self, group: &Path) -> Result<()> {
        let writes = self.writes();
        let Some((place, text)) = writes.first() else { return Ok(()) };
        let path = group.join("schemata");
        let file = file::writable(&path).map_err(|errno| file::refused(place, text, &path, errno))?;
        let mut put = |(place, text): &(String, String)| {
            file::put(&file, text).map_err(|errno| file::refused(place, text, &path, errno))
        };
        writes.iter().try_for_each(&mut put)
    }

    /// Refuses a group whose schemata are not those of `l3CacheSchema` and `memBwSchema`; `root` is the file system's.
    pub(crate) fn compare(&self, root: &Path, group: &Path) -> Result<()> {
        if self.single.is_empty() {
            return Ok(());
        }
        let path = group.join("schemata");
        let has = file::read(&path).map_err(|errno| Error::file("read", &path, errno))?;
        // Shares of bandwidth are rounded up to the next step that the processor has.
        let step = file::word(&root.join("info/MB/bandwidth_gran")).and_then(|step| step.parse().ok());
        match self.single.iter().find(|(_, line)| !holds(&has, line, step.unwrap_or(1))) {
            None => Ok(()),
            Some((place, line)) => {
                let found: Vec<_> = has.lines().map(str::trim).collect();
                let found = found.join(", ");
                Err(Error::Differs { place: place.clone(), wanted: line.clone(), path, found })
            }
        }
    }
}

/// Whether schemata have what a line asks for, however it is spelled: the kernel adds blanks and zeros in front, and
/// sorts; of what a line does not name, it asks nothing.
fn holds(schemata: &str, line: &str, step: u64) -> bool {
    let Some((resource, wanted)) = parse(line) else { return false };
    let Some((_, found)) = schemata.lines().filter_map(parse).find(|(name, _)| *name == resource) else { return false };
    let rounded = |value: u64| if resource == "MB" { value.checked_next_multiple_of(step) } else { None };
    wanted
        .iter()
        .all(|(domain, value)| found.get(domain).is_some_and(|found| found == value || Some(*found) == rounded(*value)))
}

/// A line's resource, and the share of it in each domain: a mask, or for bandwidth a number.
fn parse(line: &str) -> Option<(&str, BTreeMap<u32, u64>)> {
    let (resource, shares) = line.split_once(':')?;
    let resource = resource.trim();
    let share = |text: &str| {
        let (domain, value) = text.split_once('=')?;
        let value = value.trim();
        let value = match resource {
            "MB" => value.parse(),
            _ => u64::from_str_radix(value.strip_prefix("0x").unwrap_or(value), 16),
        };
        Some((domain.trim().parse().ok()?, value.ok()?))
    };
    let shares: Option<BTreeMap<_, _>> = shares.trim().trim_end_matches(';').split(';').map(share).collect();
    Some((resource, shares?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemata_as_the_kernel_spells_them() {
        let has = "    MB:0= 30;1=100\n    L3:0=007f0;1=fffff\n L2:0=ff\n";
        for (line, right) in [
            ("L3:0=7f0;1=fffff", true),
            ("L3:1=fffff;0=0x7F0;", true),
            ("L3: 0=7f0", true),
            ("L3:0=7f1", false),
            ("L3:0=7f0;2=f", false),
            ("L3CODE:0=7f0", false),
            ("L3:nonsense", false),
            ("nonsense", false),
            ("MB:0=30", true),
            ("MB:0=21;1=91", true),
            ("MB:0=20", false),
            ("MB:0=31", false),
            ("L2:0=f8", false),
        ] {
            assert_eq!(holds(has, line, 10), right, "{line}");
        }
        assert!(!holds(has, "MB:0=29", 1));
        assert!(!holds("", "L3:0=f", 10));
    }

    #[test]
    fn what_is_written_and_in_which_order() {
        let of = |json: &str| Schemata::new(&serde_json::from_str(json).unwrap());
        let all = of(r#"{"schemata":["L2:0=f","","MB:0=9"],"memBwSchema":"MB:0=70","l3CacheSchema":"L3:0=f"}"#);
        let text = |(place, text): (&str, &str)| (place.to_owned(), text.to_owned());
        let expected = [(PLACE, "L3:0=f\nMB:0=70\n"), ("/linux/intelRdt/schemata", "L2:0=f\nMB:0=9\n")];
        assert_eq!(all.writes(), expected.map(text));
        assert_eq!(of(r#"{"memBwSchema":"MB:0=7"}"#).writes(), [text(("/linux/intelRdt/memBwSchema", "MB:0=7\n"))]);
        let none = of(r#"{"memBwSchema":"","schemata":[],"closID":"a","enableMonitoring":true}"#);
        assert!(none.is_empty() && none.writes().is_empty());
    }
}
