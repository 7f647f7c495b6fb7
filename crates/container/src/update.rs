//! `update`: new limits for a container that lives.

use crate::cgroup::Cgroup;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::observe::observe;
use crate::record::Record;
use crate::resctrl_groups;
use crate::status::Status;
use crate::store::Store;
use spec::oci::{LinuxCpu, LinuxIntelRdt, LinuxMemory, LinuxResources};

/// Changes the limits that `wanted` names (a 0 names nothing where runc takes it so), leaves the others as they
/// are and device rules always, and saves the result for later calls. Where a limit is refused, those that were
/// changed before it are set back. `schemata` are new ones for its resctrl group; a container that has none gets one
/// of its own.
///
/// # Errors
/// [`Error::NotRunning`]; [`Error::Cgroup`]; [`Error::Resctrl`].
pub fn update(
    store: &Store,
    id: &ContainerId,
    wanted: &LinuxResources,
    schemata: Option<&LinuxIntelRdt>,
) -> Result<()> {
    let entry = store.get(id)?;
    entry.lock()?;
    let mut record = entry.record()?;
    if observe(&entry, &record)?.0 == Status::Stopped {
        return Err(Error::NotRunning);
    }
    let (stored, change) = (stored(&entry, &record)?, named(wanted));
    let updated = Cgroup::of(&record).update(&stored, &change);
    let updated = updated.and_then(|()| schemata.map_or(Ok(()), |wanted| share_out(&entry, &mut record, wanted)));
    if let Err(error) = updated {
        if let Err(error) = Cgroup::of(&record).update(&stored, &stored) {
            tracing::warn!("set the limits of container {id} back: {error}");
        }
        return Err(error);
    }
    record.resources = Some(cgroups::merge(&stored, &change));
    entry.save(&record)
}

/// Writes other schemata to the container's group, or makes it one and moves all its processes there.
fn share_out(entry: &Entry, record: &mut Record, wanted: &LinuxIntelRdt) -> Result<()> {
    if let Some(groups) = resctrl_groups::of(record) {
        return Ok(groups.change(&resctrl::Schemata::new(wanted))?);
    }
    let plan = resctrl_groups::plan_of(&record.id, wanted)?;
    let mut groups = plan.look()?;
    resctrl_groups::note(record, &groups);
    entry.save(record)?;
    if let Err(error) = plan.make(&mut groups) {
        resctrl_groups::note(record, &resctrl::Groups::default());
        entry.save(record)?;
        return Err(error.into());
    }
    resctrl_groups::note(record, &groups);
    for pid in Cgroup::of(record).pids()? {
        match groups.enter(pid) {
            // It has ended meanwhile.
            Err(resctrl::Error::Write { errno: rustix::io::Errno::SRCH, .. }) => {}
            entered => entered?,
        }
    }
    Ok(())
}

/// The limits that hold now.
fn stored(entry: &Entry, record: &Record) -> Result<LinuxResources> {
    if let Some(resources) = &record.resources {
        return Ok(resources.clone());
    }
    let config = spec::parse_kept(&entry.config()?)?;
    let resources = config.linux().as_ref().and_then(|linux| linux.resources().clone());
    Ok(resources.unwrap_or_default())
}

/// What is truly asked for: engines send 0 for limits that they leave alone.
fn named(wanted: &LinuxResources) -> LinuxResources {
    let mut named = wanted.clone();
    named.set_cpu(wanted.cpu().as_ref().map(named_cpu));
    named.set_memory(wanted.memory().map(named_memory));
    if let Some(block) = named.block_io_mut() {
        block.set_weight(nonzero(block.weight()));
    }
    named
}

/// 0 is a value for burst and idle.
fn named_cpu(wanted: &LinuxCpu) -> LinuxCpu {
    let mut cpu = wanted.clone();
    cpu.set_shares(nonzero(cpu.shares()));
    cpu.set_quota(nonzero(cpu.quota()));
    cpu.set_period(nonzero(cpu.period()));
    cpu.set_realtime_runtime(nonzero(cpu.realtime_runtime()));
    cpu.set_realtime_period(nonzero(cpu.realtime_period()));
    cpu
}

fn named_memory(wanted: LinuxMemory) -> LinuxMemory {
    let mut memory = wanted;
    memory.set_limit(nonzero(memory.limit()));
    memory.set_reservation(nonzero(memory.reservation()));
    memory.set_swap(nonzero(memory.swap()));
    memory
}

fn nonzero<T: PartialEq + Default>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn zero_names_nothing_but_where_it_means_something() {
        let wanted = r#"{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"period":0,
            "burst":0,"idle":0,"realtimePeriod":0,"realtimeRuntime":0},"blockIO":{"weight":0},"pids":{"limit":0}}"#;
        let named = named(&serde_json::from_str(wanted).unwrap());
        let expected = r#"{"memory":{},"cpu":{"burst":0,"idle":0},"blockIO":{},"pids":{"limit":0}}"#;
        assert_eq!(named, serde_json::from_str(expected).unwrap());
        let kept = serde_json::from_str(r#"{"memory":{"limit":-1},"cpu":{"shares":2,"quota":-1}}"#).unwrap();
        assert_eq!(super::named(&kept), kept);
    }
}
