//! Ways in: what a new process needs to be born in the container's cgroup (v2) or to move there by itself (v1).
//!
//! Moving a process through `cgroup.procs` costs milliseconds: the kernel waits until nothing forks anywhere. A
//! process that is cloned into a v2 cgroup, or that moves only itself through a v1 `tasks` file, waits for nothing.

use crate::error::{Error, Result};
use crate::layout::beneath;
use crate::paths::Paths;
use crate::{file, pids, walk};
use rustix::fd::{AsFd, OwnedFd};
use rustix::mount::{OpenTreeFlags, open_tree};
use std::path::{Component, Path, PathBuf};
use sys::Errno;

/// The open ways into a cgroup.
#[derive(Debug, Default)]
pub struct Entrance {
    /// The v2 directory, for `CLONE_INTO_CGROUP`: see [`Entrance::confined`].
    pub directory: Option<OwnedFd>,
    /// The `tasks` files of the v1 hierarchies, open for writing: a process with one thread that writes "0" to each
    /// moves there.
    pub tasks: Vec<OwnedFd>,
}

impl Entrance {
    /// With a directory that leads no further and can't be written to: whoever is born with it can be in the sight of
    /// a container that may trace it. Where the kernel gives no such mount, to who is not root, it stays what it is.
    #[must_use]
    pub fn confined(mut self) -> Self {
        self.directory = self.directory.map(|directory| alone(&directory).unwrap_or(directory));
        self
    }
}

/// A mount of its own of a directory, attached nowhere and read-only.
fn alone(directory: &OwnedFd) -> std::result::Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(directory, c"", flags)?;
    let set = u64::from(sys::mount::MOUNT_ATTR_RDONLY);
    sys::mount::set_attributes(tree.as_fd(), false, sys::mount::Attributes { set, ..Default::default() })?;
    Ok(tree)
}

/// Where beneath the container's cgroup a process goes: `exec --cgroup`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beneath {
    /// For all hierarchies.
    all: Option<PathBuf>,
    /// By v1 controller.
    controllers: Vec<(String, PathBuf)>,
}

impl Beneath {
    /// Reads arguments of the form `PATH` (one for all hierarchies) or `CONTROLLER[,CONTROLLER]:PATH`.
    ///
    /// # Errors
    /// [`Error::Argument`]; [`Error::SubCgroup`] where a path leads out of the container's cgroup.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let mut parsed = Beneath::default();
        for argument in arguments {
            let Some((list, path)) = argument.split_once(':') else {
                if arguments.len() != 1 {
                    return Err(Error::Argument(format!("{argument} (missing <controller>: prefix)")));
                }
                parsed.all = Some(inner(argument)?);
                continue;
            };
            let path = inner(path)?;
            for controller in list.split(',') {
                if controller.is_empty() {
                    return Err(Error::Argument(format!("{argument} (empty <controller> prefix)")));
                }
                if parsed.controllers.iter().any(|(other, _)| other == controller) {
                    return Err(Error::Argument(format!("controller {controller} specified multiple times")));
                }
                parsed.controllers.push((controller.to_owned(), path.clone()));
            }
        }
        Ok(parsed)
    }

    /// Whether it names no place.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.controllers.is_empty()
    }
}

/// A path beneath a cgroup, by its names alone: there are no links in a cgroup file system.
fn inner(text: &str) -> Result<PathBuf> {
    let mut path = PathBuf::from("/");
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if !path.pop() => return Err(Error::SubCgroup(text.to_owned())),
            _ => {}
        }
    }
    Ok(path)
}

impl Paths {
    /// How many `tasks` files [`Paths::entrance`] gives.
    pub fn tasks(&self) -> usize {
        self.legacy().len()
    }

    /// Opens the ways into the container's cgroup.
    ///
    /// # Errors
    /// [`Error::Enter`]
    pub fn entrance(&self) -> Result<Entrance> {
        Ok(Entrance {
            directory: self.unified().map(directory).transpose()?,
            tasks: self.legacy().into_iter().map(tasks).collect::<Result<_>>()?,
        })
    }

    /// Opens the ways into cgroups beneath the container's.
    ///
    /// # Errors
    /// [`Error::UnknownController`], [`Error::Enter`].
    pub fn entrance_beneath(&self, place: &Beneath) -> Result<Entrance> {
        let known = |name: &str| !name.is_empty() && self.get(name).is_some();
        if let Some((unknown, _)) = place.controllers.iter().find(|(name, _)| !known(name)) {
            return Err(Error::UnknownController(unknown.clone()));
        }
        let of = |path: &Path| {
            let named = place.controllers.iter().find(|(name, _)| self.get(name) == Some(path));
            let inner = named.map(|(_, inner)| inner).or(place.all.as_ref());
            inner.map_or(path.to_owned(), |inner| beneath(path, inner))
        };
        let tasks = self.legacy().into_iter().map(|path| tasks(&of(path))).collect::<Result<_>>()?;
        let directory = match self.unified() {
            None => None,
            Some(path) if self.is_unified() => Some(directory(&of(path))?),
            // Beside v1 the v2 hierarchy limits little; what v1 has beneath, it need not have.
            Some(path) => Some(directory(&of(path)).or_else(|_| directory(path))?),
        };
        Ok(Entrance { directory, tasks })
    }

    /// Opens the ways into the container's cgroup for a process that joins it; where its v2 cgroup takes no
    /// processes any more, since init (a process) has moved itself below and turned on controllers there, into the
    /// one that init is in.
    ///
    /// # Errors
    /// [`Error::Enter`]
    pub fn entrance_beside(&self, init: i32) -> Result<Entrance> {
        let mut entrance = self.entrance()?;
        if self.unified().is_some_and(keeps_processes_out) {
            entrance.directory = Some(self.directory_of(init)?);
        }
        Ok(entrance)
    }

    /// Opens the v2 cgroup beneath the container's that a process is in.
    fn directory_of(&self, pid: i32) -> Result<OwnedFd> {
        let path = self.unified().ok_or(Error::NoCgroup { act: "enter" })?;
        let failed = |errno| Error::Enter { path: path.to_owned(), errno };
        let mut found = None;
        let result = walk::each(path, |here, _| {
            if found.is_none() && pids::list(here, "cgroup.procs").is_ok_and(|pids| pids.contains(&pid)) {
                found = Some(rustix::io::fcntl_dupfd_cloexec(here, 0)?);
            }
            Ok(())
        });
        result.map_err(failed)?;
        found.ok_or_else(|| failed(Errno::SRCH))
    }
}

/// Whether a v2 cgroup shares out what only whole processes can share, so that none can be in it: cgroup-v2.rst,
/// "No Internal Process Constraint". Threads share these.
fn keeps_processes_out(path: &Path) -> bool {
    let shared = file::read(&path.join("cgroup.subtree_control")).unwrap_or_default();
    shared.split_whitespace().any(|controller| !["cpu", "cpuset", "perf_event", "pids"].contains(&controller))
}

fn directory(path: &Path) -> Result<OwnedFd> {
    walk::open(path).map_err(|errno| Error::Enter { path: path.to_owned(), errno })
}

fn tasks(path: &Path) -> Result<OwnedFd> {
    file::writable(&path.join("tasks")).map_err(|errno| Error::Enter { path: path.to_owned(), errno })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Beneath> {
        Beneath::parse(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn places() {
        assert!(parse(&[]).unwrap().is_empty());
        assert_eq!(parse(&["a/../b"]).unwrap().all, Some("/b".into()));
        assert_eq!(parse(&["/"]).unwrap().all, Some("/".into()));
        let two = parse(&["cpu,cpuacct:/a", "memory:b"]).unwrap();
        let expected = [("cpu", "/a"), ("cpuacct", "/a"), ("memory", "/b")];
        assert_eq!(two.controllers, expected.map(|(name, path)| (name.to_owned(), PathBuf::from(path))));
    }

    #[test]
    fn ways_out_are_shut() {
        for argument in ["..", "a/../..", "/../x", "cpu:..", "a/b/../../../c"] {
            let text = parse(&[argument]).unwrap_err().to_string();
            assert!(text.starts_with("bad sub cgroup path: "), "{argument}: {text}");
        }
    }

    #[test]
    fn arguments_that_contradict() {
        for arguments in [&["a", "b"][..], &[":a"], &["cpu,:a"], &["cpu:a", "cpu:b"]] {
            assert!(matches!(parse(arguments), Err(Error::Argument(_))), "{arguments:?}");
        }
    }

    #[test]
    fn a_twin_s_name_is_not_beneath() {
        // What is asked is joined by names, so c10 can't be reached from c1.
        let paths = Paths::from(std::collections::BTreeMap::from([(String::new(), PathBuf::from("/no/c1"))]));
        let error = paths.entrance_beneath(&parse(&["0"]).unwrap()).unwrap_err();
        assert!(error.to_string().contains("/no/c1/0"), "{error}");
    }
}
