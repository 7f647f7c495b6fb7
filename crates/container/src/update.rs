//! `update`: new limits for a container that lives.

use crate::cgroup::Cgroup;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::merge::{Merged, merge};
use crate::observe::observe;
use crate::record::Record;
use crate::status::Status;
use crate::store::Store;
use spec::oci::LinuxResources;

/// Changes the limits that `wanted` names (a 0 names nothing where runc takes it so), leaves the others as they
/// are and device rules always, and saves the result for later calls. Where a limit is refused, those that were
/// changed before it are set back.
///
/// # Errors
/// [`Error::NotRunning`]; [`Error::Cgroup`].
pub fn update(store: &Store, id: &ContainerId, wanted: &LinuxResources) -> Result<()> {
    let entry = store.get(id)?;
    entry.lock()?;
    let mut record = entry.record()?;
    if observe(&entry, &record)?.0 == Status::Stopped {
        return Err(Error::NotRunning);
    }
    let stored = stored(&entry, &record)?;
    let Merged { change, whole } = merge(&stored, wanted).map_err(Error::Resources)?;
    let cgroup = Cgroup::of(&record);
    if let Err(error) = cgroup.update(&stored, &change) {
        let rules_alone = merge(&LinuxResources::default(), &stored).map_err(Error::Resources)?.change;
        if let Err(error) = cgroup.update(&stored, &rules_alone) {
            tracing::warn!("set the limits of container {id} back: {error}");
        }
        return Err(error);
    }
    record.resources = Some(whole);
    entry.save(&record)
}

/// The limits that hold now.
fn stored(entry: &Entry, record: &Record) -> Result<LinuxResources> {
    if let Some(resources) = &record.resources {
        return Ok(resources.clone());
    }
    let config = spec::parse(entry.config()?)?.spec;
    let resources = config.linux().as_ref().and_then(|linux| linux.resources().clone());
    Ok(resources.unwrap_or_default())
}
