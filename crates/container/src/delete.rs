//! `delete`: everything that belongs to a container goes: its processes, its cgroup, its directory, which is
//! last, so that whatever stops a delete half-way, the next one goes on.

use crate::cgroup::Cgroup;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::kill::{KILL, signal_all, signal_init};
use crate::observe::observe;
use crate::process::Process;
use crate::record::Record;
use crate::resctrl_groups;
use crate::status::Status;
use crate::store::Store;
use crate::tracing_file::traced;
use spec::oci::Hook;
use std::path::Path;
use std::time::Duration;

/// How long init may take to end after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the poststop hooks of a container that has ended; what fails there is its to report.
pub(crate) type Poststop<'a> = &'a mut dyn FnMut(&Entry, &Record);

/// Removes a container: one that has stopped, one that waits for `start` (it is killed), and with `force` any,
/// whatever state its files are in; then it is no error where there is none.
///
/// # Errors
/// [`Error::NotExist`], [`Error::NotStopped`], [`Error::StillRunning`], [`Error::Busy`]; [`Error::Cgroup`],
/// [`Error::Resctrl`] where one of its groups can't be removed: then the container stays, for another try.
pub fn delete(store: &Store, id: &ContainerId, force: bool, trace: Option<&Path>) -> Result<()> {
    match traced(trace, || delete_existing(store, id, force, &mut crate::poststop::poststop)) {
        Err(Error::NotExist(_)) if force => Ok(()),
        result => result,
    }
}

fn delete_existing(store: &Store, id: &ContainerId, force: bool, poststop: Poststop<'_>) -> Result<()> {
    let entry = store.get(id)?;
    if !(force && entry.lock_at_once()?) {
        if force {
            interrupt(&entry);
        }
        entry.lock()?;
    }
    let record = match entry.record() {
        // A create that was killed before it did anything but take the id.
        Err(error @ Error::NotExist(_)) => return entry.remove().and(Err(error)),
        Err(error @ (Error::Torn { .. } | Error::Foreign(_) | Error::Newer { .. } | Error::Io { .. })) if force => {
            tracing::warn!("delete {id}: {error}; removing what can be found of it");
            entry.salvage()
        }
        record => record?,
    };
    let (status, init) = observe(&entry, &record)?;
    if !force && matches!(status, Status::Running | Status::Paused) {
        return Err(Error::NotStopped { id: id.to_string(), status });
    }
    end(&record, init.as_ref())?;
    remove(&entry, &record, poststop)
}

/// Removes the container that we have made and whose init we have seen end, unless another command has done so.
///
/// # Errors
/// As [`delete`].
pub(crate) fn delete_ended(entry: &Entry, record: &Record, poststop: &[Hook]) -> Result<()> {
    match entry.lock() {
        Err(Error::NotExist(_)) => return Ok(()),
        locked => locked?,
    }
    end(record, None)?;
    remove(entry, record, &mut |_, record| crate::poststop::run(poststop, record))
}

/// Kills the init that a create or start, which holds the lock, is waiting for: it fails then, and lets go.
fn interrupt(entry: &Entry) {
    let killed = entry.record().and_then(|record| match record.init()? {
        Some(init) => signal_init(&record, &init, KILL),
        None => Ok(()),
    });
    if let Err(error) = killed {
        tracing::debug!("interrupt what works on container {}: {error}", entry.id());
    }
}

/// Kills what still runs, and waits for init's end.
///
/// # Errors
/// [`Error::StillRunning`]; [`Error::Signal`].
pub(crate) fn end(record: &Record, init: Option<&Process>) -> Result<()> {
    if let Some(init) = init {
        match signal_init(record, init, KILL) {
            Ok(()) | Err(Error::NotRunning) => {}
            Err(error) => return Err(error),
        }
    }
    // The end of a PID namespace's init is the end of all in it. Else some may be left; so may an init that was
    // made by a create that was killed before it could note its number.
    if !record.own_pid_namespace || record.init_process_pid == 0 {
        match signal_all(record, KILL) {
            Ok(()) | Err(Error::NotRunning) => {}
            Err(error) => return Err(error),
        }
    }
    let Some(init) = init else { return Ok(()) };
    let ended = init.wait(PATIENCE).map_err(|error| Error::io("wait for", format!("process {}", init.pid()), error))?;
    if ended {
        return Ok(());
    }
    Err(Error::StillRunning { id: record.id.clone(), pid: init.pid(), seconds: PATIENCE.as_secs() })
}

/// Removes what a container without processes leaves, its directory last.
///
/// # Errors
/// [`Error::Cgroup`], [`Error::Resctrl`]; [`Error::Io`].
pub(crate) fn remove(entry: &Entry, record: &Record, poststop: Poststop<'_>) -> Result<()> {
    Cgroup::of(record).remove()?;
    resctrl_groups::of(record).map_or(Ok(()), |groups| groups.remove())?;
    poststop(entry, record);
    entry.remove()
}
