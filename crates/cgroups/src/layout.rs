//! How the host lays out its cgroups: one v2 hierarchy, or v1 hierarchies by controller with perhaps a v2 one
//! beside them.

use crate::error::{Error, Result};
use crate::file;
use rustix::fs::{Access, AtFlags, CWD, accessat, statfs};
use serde::Serialize;
use std::path::{Component, Path, PathBuf};
use sys::Errno;

const ROOT: &str = "/sys/fs/cgroup";
const HYBRID: &str = "/sys/fs/cgroup/unified";
/// linux/magic.h
const CGROUP_SUPER_MAGIC: i64 = 0x27_e0eb;
const CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;

/// How the host lays out its cgroups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// cgroup v2 alone.
    Unified(Unified),
    /// cgroup v1, and v2 where it is mounted too (hybrid).
    Legacy {
        /// The v1 hierarchies.
        hierarchies: Vec<Hierarchy>,
        /// The v2 hierarchy.
        unified: Option<Unified>,
    },
}

/// The v2 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unified {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// This process's own cgroup, from the mount on: `/user.slice`.
    pub own: PathBuf,
    /// The controllers that it can limit with: `cgroup.controllers` of its root.
    pub controllers: Vec<String>,
}

/// A v1 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hierarchy {
    /// Its controllers (`cpu`, `cpuacct`), or its name (`name=systemd`).
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// This process's own cgroup, from the mount on.
    pub own: PathBuf,
}

impl Layout {
    /// Looks at the host. On v2, and on v1 where the hierarchies are mounted where everybody mounts them, the
    /// cost does not depend on how many mounts there are; else mountinfo is read once.
    ///
    /// # Errors
    /// [`Error::Layout`] where `/proc` is not there or no cgroup is mounted.
    pub fn detect() -> Result<Self> {
        Self::detect_for(None)
    }

    /// The same, for a cgroup that the config names: on v2, this process's own matters only to a relative name.
    ///
    /// # Errors
    /// As [`Layout::detect`].
    pub fn detect_for(cgroups_path: Option<&Path>) -> Result<Self> {
        let controllers = unified_controllers()?;
        let names_its_place = cgroups_path.is_some_and(Path::is_absolute);
        let own = if controllers.is_some() && names_its_place { String::new() } else { read("/proc/self/cgroup")? };
        let own = memberships(&own);
        if let Some(controllers) = controllers {
            return Ok(Layout::Unified(unified(PathBuf::from(ROOT), Path::new("/"), &own, &controllers)));
        }
        if let Some(layout) = customary(&own)? {
            return Ok(layout);
        }
        let layout = from_mounts(&mounts(&read("/proc/self/mountinfo")?), &own);
        match &layout {
            Layout::Legacy { hierarchies, unified: None } if hierarchies.is_empty() => {
                Err(Error::Layout("no cgroup hierarchy is mounted".to_owned()))
            }
            _ => Ok(layout),
        }
    }
}

fn read(path: &str) -> Result<String> {
    file::read(Path::new(path)).map_err(|errno| Error::Layout(format!("{path}: {}", sys::text::errno(errno))))
}

/// The controllers of the v2 hierarchy, where that is all there is.
fn unified_controllers() -> Result<Option<String>> {
    match controllers(Path::new(ROOT)) {
        Ok(controllers) => Ok(Some(controllers)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        // It is not said what it is.
        Err(_) => Ok((magic(Path::new(ROOT))? == Some(CGROUP2_SUPER_MAGIC)).then(String::new)),
    }
}

fn controllers(mount: &Path) -> std::result::Result<String, Errno> {
    file::read(&mount.join("cgroup.controllers"))
}

/// What is mounted at a path. A host that can't be looked at is not taken for another one.
fn magic(path: &Path) -> Result<Option<i64>> {
    match statfs(path) {
        Ok(found) => Ok(Some(found.f_type)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(errno) => Err(Error::Layout(format!("statfs {}: {}", path.display(), sys::text::errno(errno)))),
    }
}

/// A line of `/proc/PID/cgroup`: a hierarchy's controllers (none: v2), and the cgroup in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Membership<'a> {
    controllers: Vec<&'a str>,
    pub(crate) cgroup: PathBuf,
}

/// The lines of `/proc/PID/cgroup`: cgroups(7).
pub(crate) fn memberships(text: &str) -> Vec<Membership<'_>> {
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (number, list, cgroup) = (fields.next()?, fields.next()?, fields.next()?);
        if list.is_empty() && number != "0" {
            return None;
        }
        let controllers = list.split(',').filter(|name| !name.is_empty()).collect();
        Some(Membership { controllers, cgroup: clean(Path::new(cgroup)) })
    });
    lines.collect()
}

/// v1 hierarchies where they are mounted by custom: each in a directory of `/sys/fs/cgroup` that bears the
/// names of its controllers. `None` where one is not found there, or is mounted from below its root.
fn customary(own: &[Membership<'_>]) -> Result<Option<Layout>> {
    let mut hierarchies = Vec::new();
    for member in own.iter().filter(|member| !member.controllers.is_empty()) {
        let names = member.controllers.join(",");
        let mount = Path::new(ROOT).join(names.strip_prefix("name=").unwrap_or(&names));
        if magic(&mount)? != Some(CGROUP_SUPER_MAGIC) || !reaches(&mount, &member.cgroup) {
            return Ok(None);
        }
        let controllers = member.controllers.iter().map(ToString::to_string).collect();
        hierarchies.push(Hierarchy { controllers, mount, own: member.cgroup.clone() });
    }
    let hybrid = Path::new(HYBRID);
    let unified = (magic(hybrid)? == Some(CGROUP2_SUPER_MAGIC))
        .then(|| unified(hybrid.to_owned(), Path::new("/"), own, &controllers(hybrid).unwrap_or_default()));
    Ok((!hierarchies.is_empty()).then_some(Layout::Legacy { hierarchies, unified }))
}

/// Whether our own cgroup is seen through a mount: it is not where only a part of the hierarchy is mounted, as
/// in a container without a cgroup namespace.
fn reaches(mount: &Path, own: &Path) -> bool {
    own == Path::new("/") || accessat(CWD, beneath(mount, own), Access::EXISTS, AtFlags::empty()).is_ok()
}

fn unified(mount: PathBuf, root: &Path, own: &[Membership<'_>], controllers: &str) -> Unified {
    let own = own.iter().find(|member| member.controllers.is_empty()).map_or(Path::new("/"), |member| &member.cgroup);
    let own = from_root(own, root);
    Unified { controllers: controllers.split_whitespace().map(ToOwned::to_owned).collect(), own, mount }
}

/// A mount of a cgroup hierarchy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    root: PathBuf,
    point: PathBuf,
    version: u8,
    options: Vec<String>,
}

/// The cgroup mounts of `/proc/PID/mountinfo`: proc_pid_mountinfo(5).
pub(crate) fn mounts(text: &str) -> Vec<Mount> {
    let lines = text.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let version = match after.next()? {
            "cgroup" => 1,
            "cgroup2" => 2,
            _ => return None,
        };
        let options = after.nth(1)?.split(',').map(ToOwned::to_owned).collect();
        let mut before = before.split(' ').skip(3);
        Some(Mount {
            root: sys::mountinfo::path(before.next()?),
            point: sys::mountinfo::path(before.next()?),
            version,
            options,
        })
    });
    lines.collect()
}

pub(crate) fn from_mounts(mounts: &[Mount], own: &[Membership<'_>]) -> Layout {
    let hierarchy = |member: &Membership<'_>| {
        let holds = |mount: &Mount, name: &str| mount.options.iter().any(|option| option == name);
        let holds_all = |mount: &Mount| member.controllers.iter().all(|name| holds(mount, name));
        let mount = mounts.iter().find(|mount| mount.version == 1 && holds_all(mount))?;
        Some(Hierarchy {
            controllers: member.controllers.iter().map(ToString::to_string).collect(),
            mount: mount.point.clone(),
            own: from_root(&member.cgroup, &mount.root),
        })
    };
    let hierarchies = own.iter().filter(|member| !member.controllers.is_empty()).filter_map(hierarchy).collect();
    let mounted = mounts.iter().find(|mount| mount.version == 2);
    let of = |mount: &Mount| {
        let controllers = controllers(&mount.point).unwrap_or_default();
        unified(mount.point.clone(), &mount.root, own, &controllers)
    };
    Layout::Legacy { hierarchies, unified: mounted.map(of) }
}

/// A cgroup of the hierarchy, as seen through a mount of its part `root`.
fn from_root(cgroup: &Path, root: &Path) -> PathBuf {
    cgroup.strip_prefix(root).map_or_else(|_| PathBuf::from("/"), |rest| Path::new("/").join(rest))
}

/// `path` without `.`, `..` and doubled slashes, absolute: `..` goes no higher than `/`.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => {
                cleaned.pop();
            }
            _ => {}
        }
    }
    cleaned
}

/// The directory of the cgroup `cgroup` (absolute) of a hierarchy mounted at `mount`.
pub(crate) fn beneath(mount: &Path, cgroup: &Path) -> PathBuf {
    match cgroup.strip_prefix("/") {
        Ok(rest) if !rest.as_os_str().is_empty() => mount.join(rest),
        _ => mount.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_cgroup() {
        let found = memberships("9:name=systemd:/x/../y\n2:cpu,cpuacct:/a:b\n0::/../../up\nbroken\n");
        let cgroups: Vec<_> =
            found.iter().map(|member| (member.controllers.join("+"), member.cgroup.clone())).collect();
        let expected = [("name=systemd", "/y"), ("cpu+cpuacct", "/a:b"), ("", "/up")];
        assert_eq!(cgroups, expected.map(|(names, path)| (names.to_owned(), PathBuf::from(path))));
    }

    #[test]
    fn hierarchies_from_mountinfo() {
        let info = "\
30 20 0:25 / /sys rw,nosuid - sysfs sysfs rw
31 30 0:26 /docker/a /sys/fs/cgroup/cpu\\040x ro shared:9 master:4 - cgroup cgroup rw,cpu,cpuacct
32 30 0:27 / /sys/fs/cgroup/systemd ro - cgroup systemd rw,xattr,name=systemd
33 30 0:28 / /sys/fs/cgroup/u ro - cgroup2 cgroup rw,nsdelegate
34 30 0:29 / /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids
";
        let own = memberships("3:cpu,cpuacct:/docker/a/b\n2:name=systemd:/s\n1:memory:/\n0::/v\n");
        let Layout::Legacy { hierarchies, unified } = from_mounts(&mounts(info), &own) else { unreachable!() };
        let found: Vec<_> = hierarchies.iter().map(|one| (one.mount.to_str(), one.own.to_str())).collect();
        assert_eq!(
            found,
            [(Some("/sys/fs/cgroup/cpu x"), Some("/b")), (Some("/sys/fs/cgroup/systemd"), Some("/s"))],
            "memory is not mounted, pids is not in the list"
        );
        let unified = unified.unwrap();
        assert_eq!((unified.mount, unified.own), ("/sys/fs/cgroup/u".into(), "/v".into()));
    }

    #[test]
    fn a_cgroup_outside_of_the_mounted_part_is_its_root() {
        assert_eq!(from_root(Path::new("/a"), Path::new("/b")), Path::new("/"));
        assert_eq!(from_root(Path::new("/b/c"), Path::new("/b")), Path::new("/c"));
    }

    #[test]
    fn cleaning() {
        for (path, cleaned) in
            [("", "/"), ("/", "/"), ("../../a", "/a"), ("/a//b/./c/../d/", "/a/b/d"), ("a/../../..", "/")]
        {
            assert_eq!(clean(Path::new(path)), Path::new(cleaned), "{path}");
        }
    }
}
