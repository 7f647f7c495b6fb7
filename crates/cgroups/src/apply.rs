//! Acts, done.

use crate::act::{Act, Write};
use crate::error::{Error, Result};
use crate::{devices, file, fit, owner};
use rustix::fd::BorrowedFd;
use rustix::fs::{Mode, mkdir};
use std::path::{Path, PathBuf};
use sys::Errno;

/// How often a cgroup is tried to be made whose parent somebody removes meanwhile.
const TRIES: usize = 10;

/// The mode of a cgroup's directory.
pub(crate) const MODE: u32 = 0o755;

/// What has been made and set.
#[derive(Debug, Default)]
pub(crate) struct Made<'a> {
    /// The directories, in order.
    directories: Vec<PathBuf>,
    /// Whether files of theirs have been written.
    written: bool,
    /// The v2 cgroup, where it is open.
    unified: Option<BorrowedFd<'a>>,
    /// Whether that has no device rules yet.
    without_rules: bool,
}

impl<'a> Made<'a> {
    /// Nothing yet; `unified` is the v2 cgroup, open, perhaps one without device rules.
    pub(crate) fn within(unified: Option<BorrowedFd<'a>>, without_rules: bool) -> Self {
        Made { unified, without_rules, ..Made::default() }
    }

    /// Does one act.
    pub(crate) fn run(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::CompleteDirectory { path } if is_there(path) => Ok(()),
            Act::MakeDirectory { path } | Act::CompleteDirectory { path } => self.directory(path),
            // Nothing above them is frozen, or of threads alone.
            Act::CheckUnified { mount, path, .. } | Act::CheckThawed { mount, path }
                if path.parent() == Some(mount) && self.is_new(path) =>
            {
                Ok(())
            }
            Act::CheckUnified { path, threads, .. } => {
                fit::thawed_unified(path)?;
                fit::takes_processes(path, *threads)
            }
            Act::CheckThawed { path, .. } => fit::thawed(path),
            Act::EnableControllers { mount, path, controllers } => enable(mount, path, controllers),
            Act::InheritCpuset { mount, path } => inherit(mount, path, self.is_new(path) && !self.written),
            Act::Write(write) => {
                self.written = true;
                write_one(write).map_err(|errno| refused(write, errno))
            }
            Act::Together(writes) => {
                self.written = true;
                together(writes)
            }
            Act::RefuseBelowUsage { path, limits, place } => refuse_below(path, limits, place),
            Act::SetOwner { path, uid } => owner::give(path, *uid),
            Act::DeviceRules { path, rules } => devices::confine(path, rules),
            Act::DeviceFilter { path, rules } => devices::install(path, self.unified, self.without_rules, rules),
        }
    }

    fn is_new(&self, path: &Path) -> bool {
        self.directories.iter().any(|made| made == path)
    }

    fn directory(&mut self, path: &Path) -> Result<()> {
        for _ in 0..TRIES {
            match make(path) {
                Ok(()) => {
                    self.directories.push(path.to_owned());
                    return Ok(());
                }
                Err(Errno::EXIST) => return fit::empty(path).map(drop),
                Err(Errno::NOENT) => self.parents(path)?,
                Err(errno) => return Err(Error::file("mkdir", path, errno)),
            }
        }
        Err(Error::file("mkdir", path, Errno::NOENT))
    }

    /// Makes what is missing above.
    fn parents(&mut self, path: &Path) -> Result<()> {
        let missing: Vec<_> = path.ancestors().skip(1).take_while(|parent| !is_there(parent)).collect();
        for parent in missing.into_iter().rev() {
            match make(parent) {
                Ok(()) => self.directories.push(parent.to_owned()),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(Error::file("mkdir", parent, errno)),
            }
        }
        Ok(())
    }

    /// Takes back what has been made, as far as nobody has used it meanwhile.
    pub(crate) fn undo(self) {
        for path in self.directories.iter().rev() {
            // Nothing better can be done with an error on the way back from one.
            rustix::fs::rmdir(path).ok();
        }
    }
}

fn make(path: &Path) -> std::result::Result<(), Errno> {
    mkdir(path, Mode::from_raw_mode(MODE))
}

fn is_there(path: &Path) -> bool {
    rustix::fs::stat(path).is_ok()
}

/// Enables controllers for `path` in every cgroup from the root down to the one above it. What can't be enabled
/// is missed by a limit that needs it, if one does.
fn enable(mount: &Path, path: &Path, controllers: &[String]) -> Result<()> {
    let own = path.join("cgroup.controllers");
    let has = file::read(&own).map_err(|errno| Error::file("read", own, errno))?;
    if missing(&has, controllers).is_empty() {
        return Ok(());
    }
    let above: Vec<_> = path.ancestors().skip(1).take_while(|parent| parent.starts_with(mount)).collect();
    for parent in above.into_iter().rev() {
        let control = parent.join("cgroup.subtree_control");
        let enabled = file::read(&control).map_err(|errno| Error::file("read", &control, errno))?;
        let missing = missing(&enabled, controllers);
        if missing.is_empty() {
            continue;
        }
        let all: Vec<_> = missing.iter().map(|name| format!("+{name}")).collect();
        match file::write(&control, &all.join(" ")) {
            // Processes are in it: then what threads can share could be enabled, but it would keep processes out of
            // all below.
            Ok(()) | Err(Errno::BUSY) => {}
            // One that is not to be had here spoils the others.
            Err(_) => all.iter().for_each(|one| _ = file::write(&control, one)),
        }
    }
    Ok(())
}

fn missing<'a>(has: &str, wanted: &'a [String]) -> Vec<&'a str> {
    let has: Vec<_> = has.split_whitespace().collect();
    wanted.iter().map(String::as_str).filter(|name| !has.contains(name)).collect()
}

/// Copies `cpuset.cpus` and `cpuset.mems` down to `path` from the nearest cpuset above that has some. A `new` one has none.
fn inherit(mount: &Path, path: &Path, new: bool) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let mut empty = Vec::new();
        let mut list = String::new();
        for directory in path.ancestors().take_while(|directory| directory.starts_with(mount)) {
            let file = directory.join(name);
            if new && directory == path {
                empty.push(file);
                continue;
            }
            list = file::read(&file).map_err(|errno| Error::file("read", &file, errno))?;
            if !list.trim().is_empty() {
                break;
            }
            empty.push(file);
        }
        for file in empty.into_iter().rev() {
            file::write(&file, list.trim()).map_err(|errno| Error::file("write", file, errno))?;
        }
    }
    Ok(())
}

fn write_one(write: &Write) -> std::result::Result<(), Errno> {
    match (file::write(&write.path, &write.value), &write.otherwise) {
        (Err(Errno::NOENT), Some(otherwise)) => write_one(otherwise),
        (Err(Errno::NOENT), None) if write.optional => Ok(()),
        (result, _) => result,
    }
}

/// Goes over the writes until all are done, or a round does none.
fn together(writes: &[Write]) -> Result<()> {
    let mut left: Vec<&Write> = writes.iter().collect();
    loop {
        let before = left.len();
        let mut again = Vec::new();
        for write in left {
            match write_one(write) {
                Ok(()) => {}
                Err(Errno::INVAL) => again.push(write),
                Err(errno) => return Err(refused(write, errno)),
            }
        }
        match again.first() {
            None => return Ok(()),
            Some(write) if again.len() == before => return Err(refused(write, Errno::INVAL)),
            Some(_) => left = again,
        }
    }
}

fn refused(write: &Write, errno: Errno) -> Error {
    let Write { path, value, place, .. } = write;
    Error::Limit { place: place.clone(), value: value.clone(), path: path.clone(), errno, remark: remark(path, errno) }
}

/// What more can be said of a refused write.
fn remark(path: &Path, errno: Errno) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (controller, _) = name.split_once('.').unwrap_or((name, ""));
    let directory = path.parent().unwrap_or(path);
    let number = |file: &str| file::number(&directory.join(file)).unwrap_or_default();
    match (name, errno) {
        ("memory.limit_in_bytes" | "memory.memsw.limit_in_bytes", Errno::BUSY) => format!(
            " (current usage: {}, peak usage: {})",
            number("memory.usage_in_bytes"),
            number("memory.max_usage_in_bytes")
        ),
        ("memory.memsw.limit_in_bytes" | "memory.swap.max", Errno::NOENT) => {
            " (this kernel does not account for swap)".to_owned()
        }
        (_, Errno::NOENT | Errno::ACCESS | Errno::PERM) => {
            let known = file::read(&directory.join("cgroup.controllers")).ok();
            let known = known.filter(|known| !known.split_whitespace().any(|one| one == controller));
            match known {
                Some(_) if controller != "cgroup" => format!(" (controller {controller:?} not available)"),
                _ => String::new(),
            }
        }
        _ => String::new(),
    }
}

fn refuse_below(path: &Path, limits: &[(u64, &'static str)], place: &str) -> Result<()> {
    // Best effort: without a number there is nothing to compare with.
    let Ok(usage) = file::number(path) else { return Ok(()) };
    match limits.iter().find(|(limit, _)| *limit <= usage) {
        Some((limit, what)) => Err(Error::BelowUsage { place: place.to_owned(), what, limit: *limit, usage }),
        None => Ok(()),
    }
}
