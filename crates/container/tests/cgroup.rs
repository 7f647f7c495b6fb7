//! The commands on a container with a cgroup of its own: whatever this host has, v1, v2 or both.
#![allow(clippy::unwrap_used)]

mod scratch;

use cgroups::{Layout, Paths};
use container::{Entry, KILL, Process, Record, Stage, Status, Store, TERM, delete, events, kill, pause, ps, resume};
use container::{state, update};
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};
use scratch::{Scratch, container, id, say_skipped};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A container in a cgroup, with a sleeping child of ours as its init, reaped by a thread.
struct Fixture {
    scratch: Scratch,
    store: Store,
    paths: Paths,
    init: i32,
}

impl Fixture {
    /// None, with a word why, where this test can't make cgroups.
    fn new(own_pid_namespace: bool) -> Option<Self> {
        if !geteuid().is_root() {
            say_skipped("needs root");
            return None;
        }
        let scratch = Scratch::new();
        let name = scratch.path().file_name().unwrap().to_str().unwrap().to_owned();
        let paths = cgroups::plan(&Layout::detect().unwrap(), Some(Path::new(&format!("/{name}"))), &name, None);
        let paths = paths.unwrap().create().unwrap();
        let store = scratch.store();
        let (entry, mut record) = container(&store, "a");
        let init = member(&paths);
        record.set_init(&init).unwrap();
        record.stage = Stage::Running;
        record.own_pid_namespace = own_pid_namespace;
        record.cgroup_paths = paths.clone();
        entry.save(&record).unwrap();
        entry
            .write_config(br#"{"ociVersion":"1.3.0","root":{"path":"/"},"process":{"cwd":"/","args":["x"]}}"#)
            .unwrap();
        Some(Fixture { store, paths, init: init.pid(), scratch })
    }

    fn entry(&self) -> (Entry, Record) {
        let entry = self.store.get(&id("a")).unwrap();
        let record = entry.record().unwrap();
        (entry, record)
    }

    /// Ends init behind the runtime's back.
    fn end_init(&self) {
        rustix::process::kill_process(Pid::from_raw(self.init).unwrap(), rustix::process::Signal::KILL).unwrap();
        eventually("stopped", || self.status() == Status::Stopped);
    }

    fn status(&self) -> Status {
        state(&self.store, &id("a")).unwrap().status
    }

    fn has_cgroup(&self) -> bool {
        self.directories().iter().any(|path| path.exists())
    }

    fn directories(&self) -> Vec<std::path::PathBuf> {
        std::collections::BTreeMap::from(self.paths.clone()).into_values().collect()
    }

    fn limit(&self, controller: &str, v1: &str, v2: &str) -> Option<String> {
        let v1 = self.paths.get(controller).map(|path| path.join(v1));
        let file = v1.or_else(|| self.paths.unified().map(|path| path.join(v2)))?;
        std::fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(self.paths.kill_all(9));
        drop(self.paths.remove());
        // Its directory goes with it.
        let _ = &self.scratch;
    }
}

/// A process in the cgroup.
fn member(paths: &Paths) -> Process {
    let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    for path in std::collections::BTreeMap::from(paths.clone()).values() {
        std::fs::write(path.join("cgroup.procs"), child.id().to_string()).unwrap();
    }
    adopt(child)
}

/// Reaps a child as whoever has made a container would.
fn adopt(mut child: Child) -> Process {
    let pid = Pid::from_child(&child);
    let process = Process::of_child(pid.as_raw_nonzero().get(), pidfd_open(pid, PidfdFlags::empty()).unwrap());
    std::thread::spawn(move || child.wait());
    process
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn paused_and_resumed() {
    let Some(it) = Fixture::new(true) else { return };
    assert_eq!(it.status(), Status::Running);
    assert_eq!(resume(&it.store, &id("a")).unwrap_err().to_string(), "container not paused");
    pause(&it.store, &id("a")).unwrap();
    assert_eq!(it.status(), Status::Paused);
    assert_eq!(pause(&it.store, &id("a")).unwrap_err().to_string(), "container not running");
    let error = delete(&it.store, &id("a"), false, None).unwrap_err();
    assert_eq!(error.to_string(), "cannot delete container a that is not stopped: paused");
    resume(&it.store, &id("a")).unwrap();
    assert_eq!(it.status(), Status::Running);
}

#[test]
fn sigkill_reaches_a_paused_container() {
    let Some(it) = Fixture::new(true) else { return };
    pause(&it.store, &id("a")).unwrap();
    kill(&it.store, &id("a"), KILL, false).unwrap();
    eventually("stopped", || it.status() == Status::Stopped);
}

#[test]
fn force_deletes_a_paused_container() {
    let Some(it) = Fixture::new(true) else { return };
    pause(&it.store, &id("a")).unwrap();
    delete(&it.store, &id("a"), true, None).unwrap();
    assert!(!it.has_cgroup() && it.store.get(&id("a")).is_err());
}

/// Without a PID namespace of its own, init's end is not the end of the others.
#[test]
fn what_init_leaves_behind_is_killed() {
    for force in [false, true] {
        let Some(it) = Fixture::new(false) else { return };
        let other = member(&it.paths);
        it.end_init();
        assert_eq!(ps::pids(&it.store, &id("a")).unwrap(), [other.pid()]);
        kill(&it.store, &id("a"), TERM, false).unwrap_err();
        delete(&it.store, &id("a"), force, None).unwrap();
        assert!(other.wait(Duration::from_secs(10)).unwrap());
        assert!(!it.has_cgroup() && it.store.get(&id("a")).is_err());
    }
}

#[test]
fn sigkill_without_a_pid_namespace_and_all_reach_everybody() {
    for (signal, all, init_lives) in
        [(KILL, false, true), (KILL, false, false), (TERM, true, true), (TERM, true, false)]
    {
        let Some(it) = Fixture::new(false) else { return };
        let (other, below) = (member(&it.paths), it.directories());
        // One of them in a cgroup below.
        std::fs::create_dir(below[0].join("below")).unwrap();
        if !init_lives {
            it.end_init();
        }
        kill(&it.store, &id("a"), signal, all).unwrap();
        assert!(other.wait(Duration::from_secs(10)).unwrap());
        eventually("stopped", || it.status() == Status::Stopped);
        eventually("no processes", || ps::pids(&it.store, &id("a")).unwrap().is_empty());
        assert_eq!(kill(&it.store, &id("a"), KILL, false).unwrap_err().to_string(), "container not running");
    }
}

/// A create that is killed between making init and noting its number leaves a record with the cgroup alone.
#[test]
fn an_init_that_nobody_noted_is_found_by_its_cgroup() {
    for force in [false, true] {
        let Some(it) = Fixture::new(true) else { return };
        let (entry, record) = it.entry();
        let unnoted = Record { init_process_pid: 0, init_process_start: 0, stage: Stage::Creating, ..record };
        entry.save(&unnoted).unwrap();
        assert_eq!(it.status(), Status::Stopped);
        delete(&it.store, &id("a"), force, None).unwrap();
        assert!(!it.has_cgroup() && it.store.get(&id("a")).is_err());
    }
}

/// runc's own file has the same keys.
#[test]
fn force_cleans_up_after_another_runtime() {
    let Some(it) = Fixture::new(true) else { return };
    let (entry, record) = it.entry();
    let foreign = serde_json::json!({"id": "a", "init_process_pid": record.init_process_pid,
        "init_process_start": record.init_process_start, "cgroup_paths": record.cgroup_paths, "config": {}});
    std::fs::write(entry.path().join("state.json"), foreign.to_string()).unwrap();
    delete(&it.store, &id("a"), false, None).unwrap_err();
    delete(&it.store, &id("a"), true, None).unwrap();
    assert!(!it.has_cgroup() && !entry.path().exists());
    assert!(record.init().unwrap().is_none());
}

#[test]
fn ps_knows_the_processes() {
    let Some(it) = Fixture::new(true) else { return };
    let other = member(&it.paths);
    let mut pids = ps::pids(&it.store, &id("a")).unwrap();
    pids.sort_unstable();
    let mut expected = [it.init, other.pid()];
    expected.sort_unstable();
    assert_eq!(pids, expected);
    let table = ps::table(&it.store, &id("a"), &["-eo".into(), "pid,args".into()]).unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.lines().skip(1).all(|line| line.ends_with("sleep 600")), "{table}");
    // Some virtual machines can't tell when they were booted, which ps asks for.
    if Command::new("ps").arg("-ef").output().unwrap().status.success() {
        assert!(ps::table(&it.store, &id("a"), &[]).unwrap().starts_with("UID"));
    }
    let error = ps::table(&it.store, &id("a"), &["--no-such-flag".into()]).unwrap_err().to_string();
    assert!(error.starts_with("ps: exit status: 1: ") && !error.contains('\n'), "{error}");
}

#[test]
fn limits_are_changed_and_kept() {
    let Some(it) = Fixture::new(true) else { return };
    let change = |text: &str| update(&it.store, &id("a"), &serde_json::from_str(text).unwrap(), None);
    if it.limit("pids", "pids.max", "pids.max").is_none() {
        return say_skipped("this host has no pids controller");
    }
    change(r#"{"pids":{"limit":77}}"#).unwrap();
    assert_eq!(it.limit("pids", "pids.max", "pids.max").as_deref(), Some("77"));
    change(r#"{"cpu":{"quota":50000,"period":100000}}"#).unwrap();
    change(r#"{"cpu":{"period":200000}}"#).unwrap();
    let stored = it.entry().1.resources.unwrap();
    assert_eq!(stored.pids().unwrap().limit(), 77);
    let cpu = stored.cpu().clone().unwrap();
    assert_eq!((cpu.quota(), cpu.period()), (Some(50_000), Some(200_000)));
    assert_eq!(it.limit("cpu", "cpu.cfs_quota_us", "cpu.max").unwrap().split(' ').next(), Some("50000"));
    // What the kernel refuses is not kept, and what was changed before it is set back.
    change(r#"{"pids":{"limit":78},"cpu":{"cpus":"99999"}}"#).unwrap_err();
    assert_eq!(it.entry().1.resources.unwrap(), stored);
    assert_eq!(it.limit("pids", "pids.max", "pids.max").as_deref(), Some("77"));
}

#[test]
fn statistics_come_until_the_container_ends() {
    let Some(it) = Fixture::new(true) else { return };
    let line = events::stats(&it.store, &id("a")).unwrap();
    assert!(line.starts_with(r#"{"type":"stats","id":"a","data":{"cpu":"#), "{line}");
    let store = Store::open(it.store.root()).unwrap();
    let stream = std::thread::spawn(move || {
        let mut out = Vec::new();
        events::stream(&store, &id("a"), Duration::from_millis(20), &mut out).map(|()| out)
    });
    std::thread::sleep(Duration::from_millis(150));
    assert!(!stream.is_finished());
    kill(&it.store, &id("a"), KILL, false).unwrap();
    eventually("the stream ends", || stream.is_finished());
    let text = String::from_utf8(stream.join().unwrap().unwrap()).unwrap();
    assert!(text.lines().count() >= 2, "{text}");
    assert!(text.lines().all(|line| line.starts_with(r#"{"type":"stats","id":"a","data":{"#)), "{text}");
    let error = events::stats(&it.store, &id("a")).unwrap_err();
    assert_eq!(error.to_string(), "container with id a is not running");
}

#[test]
fn lack_of_memory_is_an_event() {
    let Some(it) = Fixture::new(false) else { return };
    let Some(_) = it.limit("memory", "memory.limit_in_bytes", "memory.max") else {
        return say_skipped("this host has no memory controller");
    };
    update(&it.store, &id("a"), &serde_json::from_str(r#"{"memory":{"limit":8388608}}"#).unwrap(), None).unwrap();
    let store = Store::open(it.store.root()).unwrap();
    let stream = std::thread::spawn(move || {
        let mut out = Vec::new();
        events::stream(&store, &id("a"), Duration::from_secs(60), &mut out).map(|()| out)
    });
    std::thread::sleep(Duration::from_millis(50));
    let mut hog = Command::new("sh");
    hog.args(["-c", "read go; exec dd if=/dev/zero of=/dev/null bs=64M count=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut hog = hog.spawn().unwrap();
    for path in it.directories() {
        std::fs::write(path.join("cgroup.procs"), hog.id().to_string()).unwrap();
    }
    drop(hog.stdin.take());
    assert!(!hog.wait().unwrap().success());
    kill(&it.store, &id("a"), KILL, false).unwrap();
    eventually("the stream ends", || stream.is_finished());
    let text = String::from_utf8(stream.join().unwrap().unwrap()).unwrap();
    assert!(text.lines().any(|line| line == r#"{"type":"oom","id":"a"}"#), "{text}");
}
