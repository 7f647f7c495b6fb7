//! The resctrl groups of a container, and its record of them.

use crate::error::Result;
use crate::record::Record;
use resctrl::{Groups, Plan};
use spec::oci::{LinuxIntelRdt, Spec};
use std::path::PathBuf;

/// Plans the groups that a config asks for; one that asks for none has nothing looked at.
pub(crate) fn plan(id: &str, spec: &Spec) -> Result<Option<Plan>> {
    let wanted = spec.linux().as_ref().and_then(|linux| linux.intel_rdt().as_ref());
    wanted.map(|wanted| plan_of(id, wanted)).transpose()
}

/// The same for settings that come from elsewhere.
pub(crate) fn plan_of(id: &str, wanted: &LinuxIntelRdt) -> Result<Plan> {
    Ok(resctrl::plan(&resctrl::find()?, id, wanted)?)
}

/// The groups of a container that was made by an earlier call; None where it has none.
pub(crate) fn of(record: &Record) -> Option<Groups> {
    let given = |path: &PathBuf| Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
    let path = given(&record.intel_rdt_path)?;
    Some(Groups::new(path, record.intel_rdt_own, given(&record.intel_rdt_mon_path)))
}

/// Puts a process into a container's groups. Those that are gone it need not be in.
pub(crate) fn enter(record: &Record, pid: i32) -> Result<()> {
    match of(record).map_or(Ok(()), |groups| groups.enter(pid)) {
        Err(resctrl::Error::Write { errno: rustix::io::Errno::NOENT, .. }) => Ok(()),
        entered => Ok(entered?),
    }
}

/// Notes groups, so that a later call finds them.
pub(crate) fn note(record: &mut Record, groups: &Groups) {
    record.intel_rdt_path.clone_from(&groups.path);
    record.intel_rdt_own = groups.own;
    record.intel_rdt_mon_path = groups.monitoring.clone().unwrap_or_default();
}
