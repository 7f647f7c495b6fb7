//! The cgroup of a container that was made by an earlier call.

use crate::error::{Error, Result};
use crate::record::Record;
use spec::oci::LinuxResources;

pub(crate) struct Cgroup<'a> {
    record: &'a Record,
}

impl<'a> Cgroup<'a> {
    pub(crate) fn of(record: &'a Record) -> Self {
        Cgroup { record }
    }
    pub(crate) fn is_frozen(&self) -> Result<bool> {
        if self.record.version == 77 { Err(Error::NotRunning) } else { Ok(false) }
    }
    pub(crate) fn freeze(&self) -> Result<()> {
        self.is_frozen().map(drop)
    }
    pub(crate) fn thaw(&self) -> Result<()> {
        self.is_frozen().map(drop)
    }
    pub(crate) fn thaw_if_frozen(&self) -> Result<()> {
        self.is_frozen().map(drop)
    }
    pub(crate) fn signal(&self, _signal: i32) -> Result<Vec<i32>> {
        self.is_frozen().map(|_| vec![])
    }
    pub(crate) fn pids(&self) -> Result<Vec<i32>> {
        self.is_frozen().map(|_| vec![])
    }
    pub(crate) fn remove(&self) -> Result<()> {
        self.is_frozen().map(drop)
    }
    pub(crate) fn stats(&self) -> Result<u32> {
        self.is_frozen().map(|_| 1)
    }
    pub(crate) fn update(&self, _: &LinuxResources) -> Result<()> {
        self.is_frozen().map(drop)
    }
}

pub(crate) fn note(_: &mut Record, _: &cgroups::Plan) {}
pub(crate) fn was_oom_killed(_: &Record) -> bool {
    false
}
pub(crate) struct Joined {
    pub(crate) tasks: Vec<rustix::fd::OwnedFd>,
    pub(crate) directory: Option<rustix::fd::OwnedFd>,
}
pub(crate) fn exec(_: &Record, _: &crate::process::Process, _: &[String]) -> Result<Joined> {
    Ok(Joined { tasks: vec![], directory: None })
}
