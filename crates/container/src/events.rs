//! `events`: statistics and news of a container as JSON, one line each.

use crate::cgroup::Cgroup;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::observe::observe;
use crate::process::Process;
use crate::record::Record;
use crate::resctrl_groups;
use crate::store::Store;
use cgroups::{Oom, OomWatch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Serialize;
use std::io::Write;
use std::time::{Duration, Instant};

#[derive(Serialize)]
struct Event<'a, Data> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

/// What a container uses.
#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    cgroup: cgroups::Stats,
    /// Always an object: engines look for it.
    intel_rdt: resctrl::Stats,
}

/// One line of statistics (`events --stats`), without a newline.
///
/// # Errors
/// [`Error::NoEvents`]; [`Error::Cgroup`], [`Error::Resctrl`].
pub fn stats(store: &Store, id: &ContainerId) -> Result<String> {
    let (record, _) = living(store, id)?;
    stats_line(&record)
}

/// Writes a line of statistics each `interval` and one for each time that the container runs out of memory,
/// until it or its cgroup is gone.
///
/// # Errors
/// [`Error::NoEvents`]; [`Error::Io`] where `out` takes no more.
pub fn stream(store: &Store, id: &ContainerId, interval: Duration, out: &mut dyn Write) -> Result<()> {
    let (record, init) = living(store, id)?;
    let mut watch = watch(&record);
    let mut init = Some(init);
    let mut next = Instant::now() + interval;
    loop {
        let woken = wait(watch.as_ref(), init.as_ref(), next.saturating_duration_since(Instant::now()))?;
        let news = watch.as_mut().map_or(Ok(Oom::Quiet), OomWatch::look)?;
        if news == Oom::Happened {
            put(out, &oom_line(&record))?;
        }
        if woken.init_ended {
            // Others may live on, without a PID namespace of their own.
            init = None;
        }
        let empty = || Cgroup::of(&record).pids().map_or(true, |pids| pids.is_empty());
        if news == Oom::Over || (init.is_none() && empty()) {
            return Ok(());
        }
        if Instant::now() >= next {
            next += interval;
            match stats_line(&record) {
                Ok(line) => put(out, &line)?,
                Err(error) => tracing::error!("{error}"),
            }
        }
    }
}

/// The record and init of a container that has not stopped.
fn living(store: &Store, id: &ContainerId) -> Result<(Record, Process)> {
    let entry = store.get(id)?;
    let record = entry.record()?;
    let (_, init) = observe(&entry, &record)?;
    let init = init.ok_or_else(|| Error::NoEvents(id.to_string()))?;
    Ok((record, init))
}

/// Lack of memory is watched for where the container has a cgroup that can lack it.
fn watch(record: &Record) -> Option<OomWatch> {
    Cgroup::of(record).watch_oom().inspect_err(|error| tracing::debug!("{error}")).ok()
}

struct Woken {
    init_ended: bool,
}

/// Waits until there is news, init ends, or the time is up.
fn wait(watch: Option<&OomWatch>, init: Option<&Process>, longest: Duration) -> Result<Woken> {
    let left = Timespec {
        tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: longest.subsec_nanos().into(),
    };
    let pidfd = init.map(Process::pidfd);
    let descriptor = watch.map(OomWatch::descriptor);
    let mut waited: Vec<_> = pidfd.iter().chain(&descriptor).map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    match poll(&mut waited, Some(&left)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(Error::io("wait for", "events", errno)),
    }
    let first = waited.first().is_some_and(|fd| !fd.revents().is_empty());
    Ok(Woken { init_ended: first && pidfd.is_some() })
}

fn stats_line(record: &Record) -> Result<String> {
    let data = Some(Figures { cgroup: Cgroup::of(record).stats()?, intel_rdt: resctrl_stats(record)? });
    Ok(serde_json::to_string(&Event { kind: "stats", id: &record.id, data }).unwrap_or_default())
}

fn resctrl_stats(record: &Record) -> Result<resctrl::Stats> {
    let Some(groups) = resctrl_groups::of(record) else { return Ok(resctrl::Stats::default()) };
    Ok(groups.stats(&resctrl::find()?)?)
}

fn oom_line(record: &Record) -> String {
    let event: Event<'_, ()> = Event { kind: "oom", id: &record.id, data: None };
    serde_json::to_string(&event).unwrap_or_default()
}

fn put(out: &mut dyn Write, line: &str) -> Result<()> {
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|error| Error::std("write to", "standard output", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_as_readers_expect() {
        let record = Record { id: "a".into(), ..Record::default() };
        assert_eq!(oom_line(&record), r#"{"type":"oom","id":"a"}"#);
        let stats = serde_json::to_string(&Event { kind: "stats", id: "a", data: Some(1) }).unwrap();
        assert_eq!(stats, r#"{"type":"stats","id":"a","data":1}"#);
    }
}
