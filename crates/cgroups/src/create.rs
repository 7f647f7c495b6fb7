//! A planned cgroup, made and limited.

use crate::act::Act;
use crate::apply::{MODE, Made};
use crate::error::{Error, Result};
use crate::paths::Paths;
use crate::plan::Plan;
use crate::{file, fit, userns};
use rustix::fd::BorrowedFd;
use rustix::fs::Mode;
use rustix::process::umask;
use std::path::Path;
use sys::Errno;

impl Plan {
    /// Refuses a place where somebody's processes are, or that is frozen. It is asked before the state is written:
    /// a later call that finds the paths in the state may kill what is there and remove it. Tells whether anything is
    /// there already.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::Frozen`].
    pub fn check(&self) -> Result<bool> {
        let mut there = Vec::new();
        for path in self.paths.directories() {
            if fit::empty(path)? {
                there.push(path);
            }
        }
        // What is still to be made is asked when it is.
        let is_there = |path: &&Path| there.contains(path);
        self.paths.get("freezer").filter(is_there).map_or(Ok(()), fit::thawed)?;
        self.paths.unified().filter(is_there).map_or(Ok(()), fit::thawed_unified)?;
        Ok(!there.is_empty())
    }

    /// Makes the cgroup, so that a process can enter it, and tells where it is. Where it fails, nothing is left.
    /// Without the right to make it, a container that asks for no limit and no place gets none, or what can be had.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::Frozen`], [`Error::Threaded`], [`Error::Denied`], [`Error::File`],
    /// [`Error::Limit`].
    pub fn create(&self) -> Result<Paths> {
        let mut paths = self.paths.clone();
        let mut made = Made::default();
        // Who may look at a cgroup does not depend on who calls.
        let umask = self.umask.is_none_or(|umask| umask & MODE != 0).then(Umask::usual);
        for act in &self.make {
            // Nothing more is done to a cgroup that is done without.
            let Some(directory) = act.directory().filter(|directory| self.is_had(&paths, directory)) else { continue };
            match made.run(act) {
                Err(error) if is_denied(&error) && self.dispensable => paths.drop(directory),
                Err(error) => {
                    made.undo();
                    return Err(self.explain(error));
                }
                Ok(()) => {}
            }
        }
        drop(umask);
        Ok(paths)
    }

    /// As [`Plan::create`], for the process `pid`, which is in the cgroup when this returns: systemd makes the unit
    /// around it, and what hierarchies systemd leaves alone are completed.
    ///
    /// # Errors
    /// [`Error::Systemd`], [`Error::Enter`]; as [`Plan::create`].
    pub fn create_around(&self, pid: i32) -> Result<Paths> {
        if let Some(unit) = &self.unit {
            unit.start(pid)?;
        }
        let paths = self.create()?;
        for directory in paths.directories() {
            let procs = directory.join("cgroup.procs");
            file::write(&procs, &pid.to_string())
                .map_err(|errno| Error::Enter { path: directory.to_owned(), errno })?;
        }
        Ok(paths)
    }

    /// Sets the limits on the cgroups that [`Plan::create`] has made.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::File`].
    pub fn limit(&self, paths: &Paths) -> Result<()> {
        self.run(&self.limit, paths, Made::default())
    }

    /// Sets the device rules; `unified` is the v2 cgroup, where it is open, and `new` says that we have made it: it has
    /// no rules yet.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::Filter`], [`Error::File`].
    pub fn confine(&self, paths: &Paths, unified: Option<BorrowedFd<'_>>, new: bool) -> Result<()> {
        self.run(self.devices.as_slice(), paths, Made::within(unified, new && self.unit.is_none()))
    }

    fn run(&self, acts: &[Act], paths: &Paths, mut made: Made<'_>) -> Result<()> {
        let acts = acts.iter();
        acts.filter(|act| act.directory().is_some_and(|directory| self.is_had(paths, directory)))
            .try_for_each(|act| made.run(act))
    }

    /// Whether a directory was not planned as the container's (it is one above), or is still the container's.
    fn is_had(&self, paths: &Paths, directory: &Path) -> bool {
        !self.paths.directories().contains(&directory) || paths.directories().contains(&directory)
    }

    /// Says of a refusal what would help.
    fn explain(&self, error: Error) -> Error {
        match error {
            Error::File { act: "mkdir", path, errno } if !self.named && is_denial(errno) && userns::is_rootless() => {
                Error::Denied { path, errno }
            }
            error => error,
        }
    }
}

/// The usual umask, until it is dropped. It is the whole process's: the runtime has one thread.
struct Umask(Mode);

impl Umask {
    fn usual() -> Self {
        Umask(umask(Mode::WGRP | Mode::WOTH))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        umask(self.0);
    }
}

/// Whether the cause is that we may not make cgroups, and could not expect to.
fn is_denied(error: &Error) -> bool {
    matches!(error, Error::File { errno, .. } if is_denial(*errno)) && userns::is_rootless()
}

fn is_denial(errno: Errno) -> bool {
    matches!(errno, Errno::ACCESS | Errno::PERM | Errno::ROFS)
}
