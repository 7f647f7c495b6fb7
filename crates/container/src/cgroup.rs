//! The cgroup of a container that was made by an earlier call, by the paths in its record.

use crate::error::Result;
use crate::process::Process;
use crate::record::Record;
use cgroups::{Beneath, Entrance, OomWatch, Paths, Plan, Stats};
use spec::oci::LinuxResources;

/// A container's cgroup.
pub(crate) struct Cgroup<'a> {
    paths: &'a Paths,
    /// The unit whose cgroup it is, where systemd has made it.
    unit: Option<&'a str>,
}

impl<'a> Cgroup<'a> {
    pub(crate) fn of(record: &'a Record) -> Self {
        let unit = Some(record.systemd_unit.as_str()).filter(|unit| !unit.is_empty());
        Cgroup { paths: &record.cgroup_paths, unit }
    }

    /// Whether its processes are frozen.
    pub(crate) fn is_frozen(&self) -> Result<bool> {
        Ok(self.paths.is_frozen()?)
    }

    pub(crate) fn freeze(&self) -> Result<()> {
        Ok(self.paths.freeze()?)
    }

    pub(crate) fn thaw(&self) -> Result<()> {
        Ok(self.paths.thaw()?)
    }

    /// Lets a killed process that is frozen die.
    pub(crate) fn thaw_if_frozen(&self) -> Result<()> {
        if self.is_frozen()? { self.thaw() } else { Ok(()) }
    }

    /// Sends a signal to all its processes and tells which those were.
    pub(crate) fn signal(&self, signal: i32) -> Result<Vec<i32>> {
        let pids = self.pids()?;
        self.paths.kill_all(signal)?;
        Ok(pids)
    }

    /// All its processes, by their ids on the host.
    pub(crate) fn pids(&self) -> Result<Vec<i32>> {
        if self.paths.is_empty() { Ok(Vec::new()) } else { Ok(self.paths.pids()?) }
    }

    /// Where systemd can't be asked any more, it will find its cgroup gone.
    pub(crate) fn remove(&self) -> Result<()> {
        if let Some(Err(error)) = self.unit.map(cgroups::systemd::stop) {
            tracing::warn!("{error}");
        }
        Ok(self.paths.remove()?)
    }

    pub(crate) fn stats(&self) -> Result<Stats> {
        Ok(self.paths.stats()?)
    }

    /// News of lack of memory.
    pub(crate) fn watch_oom(&self) -> Result<OomWatch> {
        Ok(self.paths.watch_oom()?)
    }

    /// Changes limits from those that hold now.
    pub(crate) fn update(&self, stored: &LinuxResources, change: &LinuxResources) -> Result<()> {
        if let Some(unit) = self.unit {
            cgroups::systemd::set(unit, self.paths.is_unified(), &cgroups::merge(stored, change))?;
        }
        for warning in self.paths.update(stored, change)? {
            tracing::warn!("{} ({})", warning.text, warning.place);
        }
        Ok(())
    }

    /// Whether the kernel has killed something in it for want of memory.
    pub(crate) fn was_oom_killed(&self) -> bool {
        self.paths.oom_kills() > 0
    }

    /// The ways in for a process that joins, at the place beneath it that `exec --cgroup` names.
    pub(crate) fn entrance(&self, place: &[String], init: &Process) -> Result<Entrance> {
        if place.is_empty() {
            return Ok(self.paths.entrance_beside(init.pid())?);
        }
        Ok(self.paths.entrance_beneath(&Beneath::parse(place)?)?)
    }
}

/// Notes the cgroup that is about to be made, so that a later call finds it.
pub(crate) fn note(record: &mut Record, plan: &Plan) {
    record.cgroup_paths = plan.paths.clone();
    record.systemd_cgroup = plan.unit.is_some();
    record.systemd_unit = plan.unit.as_ref().map(|unit| unit.name.clone()).unwrap_or_default();
}
