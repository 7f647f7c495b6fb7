//! The eBPF program of a v2 cgroup: one of ours, put in the place of what was there.

use super::program::compile;
use super::rules::Rules;
use crate::error::{Error, Result};
use crate::{userns, walk};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use sys::Errno;
use sys::bpf;

/// A cgroup takes no more programs.
const MOST: usize = 64;
/// How often a program is put in the place of another that somebody else takes away meanwhile.
const REPLACEMENTS: usize = 20;

/// Lets a v2 cgroup allow just what the rules allow. Rules that allow all need no program, and one that is there
/// from before goes. There is no moment at which neither the old nor the new program holds.
///
/// In a user namespace, where nobody may load programs, and nobody could make or open a device that the host does
/// not let them, no filter is made.
pub(crate) fn install(path: &Path, cgroup: Option<BorrowedFd<'_>>, new: bool, rules: &Rules) -> Result<()> {
    let opened = cgroup.is_none().then(|| walk::open(path)).transpose();
    let opened = opened.map_err(|errno| Error::file("open", path, errno))?;
    let Some(cgroup) = cgroup.or(opened.as_ref().map(AsFd::as_fd)) else { return Ok(()) };
    match replace(path, cgroup, new, rules) {
        Err(Error::Filter { errno: Errno::PERM, .. }) if rules.allows_all() || userns::is_inside() => Ok(()),
        Err(Error::Filter { errno: Errno::NOSYS, .. }) if rules.allows_all() => Ok(()),
        result => result,
    }
}

fn replace(path: &Path, cgroup: BorrowedFd<'_>, new: bool, rules: &Rules) -> Result<()> {
    let failed = |act| move |errno| Error::Filter { act, path: path.to_owned(), errno };
    let old = if new { Vec::new() } else { programs(cgroup).map_err(failed("query"))? };
    if rules.allows_all() {
        return detach(cgroup, &old).map_err(failed("detach"));
    }
    let program = compile(rules).ok_or_else(|| Error::invalid("/linux/resources/devices", "too many rules"))?;
    let new = load(&program).map_err(failed("load"))?;
    attach(cgroup, &new, old).map_err(failed("attach"))
}

/// Before Linux 5.11 programs count against `RLIMIT_MEMLOCK`, over all of a user's processes.
fn load(program: &[bpf::Instruction]) -> std::result::Result<OwnedFd, Errno> {
    match bpf::load(program) {
        Err(Errno::PERM) => {
            let before = getrlimit(Resource::Memlock);
            setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None }).map_err(|_| Errno::PERM)?;
            let result = bpf::load(program);
            setrlimit(Resource::Memlock, before)?;
            result
        }
        result => result,
    }
}

/// The programs that are attached; those that we may not touch (a security module's policy) can only deny more,
/// and stay.
fn programs(cgroup: BorrowedFd<'_>) -> std::result::Result<Vec<OwnedFd>, Errno> {
    let mut ids = [0; MOST];
    let count = bpf::attached(cgroup, &mut ids)?;
    let mut programs = Vec::new();
    for id in ids.iter().take(count) {
        match bpf::program(*id) {
            Ok(program) => programs.push(program),
            Err(Errno::NOENT | Errno::ACCESS | Errno::PERM) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(programs)
}

fn attach(cgroup: BorrowedFd<'_>, new: &OwnedFd, mut old: Vec<OwnedFd>) -> std::result::Result<(), Errno> {
    for _ in 0..REPLACEMENTS {
        // With more than one, or a kernel that can't replace, the new one comes first and the old ones go then:
        // of several programs each must allow.
        let only = if old.len() == 1 { old.first() } else { None };
        match bpf::attach(cgroup, new.as_fd(), only.map(AsFd::as_fd)) {
            Ok(()) if only.is_some() => return Ok(()),
            Ok(()) => return detach(cgroup, &old),
            Err(Errno::INVAL) if only.is_some() => {
                bpf::attach(cgroup, new.as_fd(), None)?;
                return detach(cgroup, &old);
            }
            Err(Errno::NOENT) => old = programs(cgroup)?,
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::NOENT)
}

fn detach(cgroup: BorrowedFd<'_>, programs: &[OwnedFd]) -> std::result::Result<(), Errno> {
    programs.iter().try_for_each(|program| match bpf::detach(cgroup, program.as_fd()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    })
}
