//! `kill` and `delete` (case B22), on containers without a cgroup, whose init is a plain process.
#![allow(clippy::unwrap_used)]

mod scratch;

use container::{Entry, Error, KILL, Process, Record, Signal, Stage, Store, TERM, delete, kill, pause, resume, update};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use scratch::{Scratch, container, id};
use spec::oci::LinuxResources;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

/// A container whose init is a sleeping child of ours: running, or with `created` waiting for start.
fn living(store: &Store, name: &str, created: bool) -> (Entry, Record, Child) {
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::from_child(&child);
    let init = Process::of_child(pid.as_raw_nonzero().get(), pidfd_open(pid, PidfdFlags::empty()).unwrap());
    let (entry, mut record) = container(store, name);
    record.set_init(&init).unwrap();
    record.stage = Stage::Created;
    record.own_pid_namespace = true;
    entry.save(&record).unwrap();
    if created {
        std::fs::write(entry.path().join("start.sock"), "").unwrap();
    }
    (entry, record, child)
}

fn signal(child: &mut Child) -> Option<i32> {
    child.wait().unwrap().signal()
}

#[test]
fn a_signal_reaches_a_created_and_a_running_container() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for (name, created, number) in [("created", true, 9), ("running", false, 15), ("real-time", false, 36)] {
        let (_, _, mut child) = living(&store, name, created);
        kill(&store, &id(name), Signal::parse("0").unwrap(), false).unwrap();
        kill(&store, &id(name), Signal::parse(&number.to_string()).unwrap(), false).unwrap();
        assert_eq!(signal(&mut child), Some(number));
    }
}

#[test]
fn what_has_stopped_is_not_running_but_for_all() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (_, _, mut child) = living(&store, "a", false);
    kill(&store, &id("a"), KILL, false).unwrap();
    signal(&mut child);
    for own_pid_namespace in [true, false] {
        let (entry, record) = (store.get(&id("a")).unwrap(), store.get(&id("a")).unwrap().record().unwrap());
        entry.save(&Record { own_pid_namespace, ..record }).unwrap();
        for signal in [KILL, TERM] {
            let error = kill(&store, &id("a"), signal, false).unwrap_err();
            assert_eq!(error.to_string(), "container not running");
            kill(&store, &id("a"), signal, true).unwrap();
        }
    }
    for error in [pause(&store, &id("a")), update(&store, &id("a"), &LinuxResources::default(), None)] {
        assert_eq!(error.unwrap_err().to_string(), "container not running");
    }
    assert_eq!(resume(&store, &id("a")).unwrap_err().to_string(), "container not paused");
}

#[test]
fn what_is_not_there_does_not_exist() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for all in [true, false] {
        assert!(kill(&store, &id("a"), KILL, all).unwrap_err().to_string().contains("container does not exist"));
    }
    let error = delete(&store, &id("a"), false, None).unwrap_err();
    assert!(error.to_string().contains("container does not exist"), "{error}");
    delete(&store, &id("a"), true, None).unwrap();
    let rootless = Store::open(&scratch.path().join("none")).unwrap();
    delete(&rootless, &id("a"), true, None).unwrap();
}

/// The container's init must not become a zombie that only this test could reap, so a thread reaps it.
fn deleted(store: &Store, name: &str, force: bool, mut child: Child) -> (Result<(), Error>, Option<i32>) {
    let reaper = std::thread::spawn(move || signal(&mut child));
    let result = delete(store, &id(name), force, None);
    if result.is_err() {
        kill(store, &id(name), TERM, false).unwrap();
    }
    (result, reaper.join().unwrap())
}

#[test]
fn delete_asks_for_force_where_something_runs() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (entry, _, child) = living(&store, "a", false);
    let (result, signal) = deleted(&store, "a", false, child);
    assert_eq!(result.unwrap_err().to_string(), "cannot delete container a that is not stopped: running");
    assert_eq!(signal, Some(15), "left alone by delete");
    assert!(entry.path().join("state.json").exists());
    delete(&store, &id("a"), false, None).unwrap();
    assert!(!entry.path().exists());

    for (name, created, force) in [("created", true, false), ("forced", false, true), ("both", true, true)] {
        let (entry, _, child) = living(&store, name, created);
        let (result, signal) = deleted(&store, name, force, child);
        result.unwrap();
        assert_eq!((signal, entry.path().exists()), (Some(9), false), "{name}");
    }
}

#[test]
fn poststop_runs_while_the_state_is_still_there() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (entry, mut record) = container(&store, "a");
    record.bundle = scratch.path().to_owned();
    entry.save(&record).unwrap();
    let out = scratch.path().join("out");
    let script = format!("cat > {0}; ls {1} >> {0}", out.display(), entry.path().display());
    let config = format!(
        r#"{{"ociVersion":"1.0.2","root":{{"path":"rootfs"}},
            "hooks":{{"poststop":[{{"path":"/bin/sh","args":["sh","-c","{script}"]}}]}}}}"#
    );
    entry.write_config(config.as_bytes()).unwrap();
    delete(&store, &id("a"), false, None).unwrap();
    let seen = std::fs::read_to_string(out).unwrap();
    assert!(seen.contains(r#""status":"stopped""#) && seen.contains("state.json"), "{seen}");
}

/// B10: whatever is in the directory, force removes it.
#[test]
fn force_removes_what_nobody_can_read() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let runc = r#"{"id":"other","init_process_pid":1,"init_process_start":1,"config":{"version":"1.2.0"}}"#;
    for content in ["{", "", runc, r#"{"version":9999,"id":"a"}"#, r#"{"version":1,"cgroup_paths":7}"#] {
        let entry = store.create(&id("a"), None).unwrap();
        entry.unlock().unwrap();
        std::fs::write(entry.path().join("state.json"), content).unwrap();
        assert!(delete(&store, &id("a"), false, None).is_err(), "{content:?}");
        assert!(entry.path().exists(), "{content:?}");
        delete(&store, &id("a"), true, None).unwrap();
        assert!(!entry.path().exists(), "{content:?}");
    }
}

#[test]
fn a_create_that_was_killed_at_once_leaves_nothing() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for force in [false, true] {
        let entry = store.create(&id("a"), None).unwrap();
        entry.unlock().unwrap();
        // runc's answer: it tells that there was no container, and yet tidies up.
        assert_eq!(delete(&store, &id("a"), force, None).is_ok(), force);
        assert!(!entry.path().exists());
    }
}

/// A foreign record may name a process that is not its init any more.
#[test]
fn force_spares_a_process_that_only_has_the_number() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (entry, mut record, mut child) = living(&store, "a", false);
    record.init_process_start -= 1;
    // On a tmpfs that alone tells.
    record.init_process_inode = record.init_process_inode.saturating_sub(1);
    entry.save(&record).unwrap();
    delete(&store, &id("a"), true, None).unwrap();
    assert_eq!(child.try_wait().unwrap(), None, "the bystander lives");
    child.kill().unwrap();
    child.wait().unwrap();
}
