//! `list` and `state`: exact output, and what stray files do to it (nothing).
#![allow(clippy::unwrap_used)]

mod scratch;

use container::{Error, Process, Stage, State, Status, Store, hook_state, hook_state_around_pid, list, state};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use scratch::{Scratch, container, id};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

#[test]
fn an_empty_directory() {
    let scratch = Scratch::new();
    let list = list(&scratch.store()).unwrap();
    assert_eq!(list.to_json(), "null");
    assert_eq!(list.ids(), "");
    assert_eq!(list.to_table(), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
}

#[test]
fn a_missing_directory_is_told_apart() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path().join("none")).unwrap();
    assert!(matches!(list(&store), Err(Error::NoRoot(_))));
}

#[test]
fn what_lies_about_is_skipped() {
    let scratch = Scratch::new();
    let store = scratch.store();
    container(&store, "good");
    container(&store, "another");
    let root = store.root();
    std::fs::write(root.join("file"), "x").unwrap();
    symlink(root.join("good"), root.join("link")).unwrap();
    std::fs::create_dir(root.join(".cache")).unwrap();
    let stray = [
        ("crun", "status", r#"{"pid":1}"#),
        ("runc", "state.json", r#"{"id":"runc","init_process_pid":1,"config":{}}"#),
        ("torn", "state.json", "{"),
        ("bad name", "state.json", "{}"),
    ];
    for (name, file, content) in stray {
        std::fs::create_dir(root.join(name)).unwrap();
        std::fs::write(root.join(name).join(file), content).unwrap();
    }
    // One that is being made this very moment.
    let _maker = store.create(&id("coming"), None).unwrap();
    let list = list(&store).unwrap();
    assert_eq!(list.ids(), "another\ngood\n");
    let skipped: Vec<_> = list.skipped.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(skipped, ["bad name", "crun", "runc", "torn"]);
}

/// So many that several threads look.
#[test]
fn many_are_told_in_order() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let names: Vec<String> = (0..450).map(|number| format!("c{number:03}")).collect();
    for name in &names {
        let (entry, _) = container(&store, name);
        if ["c007", "c300"].contains(&name.as_str()) {
            std::fs::write(entry.path().join("state.json"), "{").unwrap();
        }
    }
    let list = list(&store).unwrap();
    let (broken, whole): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| ["c007", "c300"].contains(&name.as_str()));
    assert_eq!(list.ids().lines().collect::<Vec<_>>(), whole);
    assert_eq!(list.skipped.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), broken);
}

#[test]
fn each_has_the_status_that_state_tells() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let process = Process::of_child(pid.as_raw_nonzero().get(), pidfd);
    for (name, stage) in [("coming", Stage::Creating), ("waiting", Stage::Created), ("going", Stage::Running)] {
        let (entry, mut record) = container(&store, name);
        record.set_init(&process).unwrap();
        record.stage = stage;
        entry.save(&record).unwrap();
    }
    std::fs::write(store.root().join("waiting/start.sock"), "").unwrap();
    let told = || -> Vec<(String, Status, i32)> {
        let listed = list(&store).unwrap().containers;
        for one in &listed {
            let state = state(&store, &id(&one.id)).unwrap();
            assert_eq!(State { owner: String::new(), ..one.clone() }.to_json(), state.to_json());
        }
        listed.into_iter().map(|state| (state.id, state.status, state.pid)).collect()
    };
    let all = |coming, going, waiting, pid| {
        [("coming", coming), ("going", going), ("waiting", waiting)]
            .map(|(name, status)| (name.to_owned(), status, pid))
            .to_vec()
    };
    assert_eq!(told(), all(Status::Creating, Status::Running, Status::Created, process.pid()));
    std::fs::remove_file(store.root().join("waiting/start.sock")).unwrap();
    assert_eq!(told(), all(Status::Creating, Status::Running, Status::Running, process.pid()));
    child.kill().unwrap();
    assert!(process.wait(Duration::from_secs(10)).unwrap());
    assert_eq!(told(), all(Status::Stopped, Status::Stopped, Status::Stopped, 0), "a zombie");
    child.wait().unwrap();
    assert_eq!(told(), all(Status::Stopped, Status::Stopped, Status::Stopped, 0));
}

#[test]
fn the_table_and_json_are_runcs() {
    let scratch = Scratch::new();
    let store = scratch.store();
    container(&store, "a-container-of-some-length");
    let mut list = list(&store).unwrap();
    list.containers[0].owner = "root".into();
    assert_eq!(
        list.to_table(),
        "ID                           PID         STATUS      BUNDLE      CREATED                  OWNER\n\
         a-container-of-some-length   0           stopped     /bundle     2026-11-25T11:09:00.5Z   root\n"
    );
    assert_eq!(
        list.to_json(),
        r#"[{"ociVersion":"1.3.0","id":"a-container-of-some-length","pid":0,"status":"stopped","bundle":"/bundle","rootfs":"/bundle/rootfs","created":"2026-11-25T11:09:00.5Z","owner":"root"}]"#
    );
}

#[test]
fn the_state_document() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (entry, mut record) = container(&store, "a");
    record.annotations.insert("k".into(), "v".into());
    entry.save(&record).unwrap();
    let expected = r#"{
  "ociVersion": "1.3.0",
  "id": "a",
  "pid": 0,
  "status": "stopped",
  "bundle": "/bundle",
  "rootfs": "/bundle/rootfs",
  "created": "2026-11-25T11:09:00.5Z",
  "annotations": {
    "k": "v"
  },
  "owner": ""
}"#;
    assert_eq!(state(&store, &id("a")).unwrap().to_json(), expected);
}

#[test]
fn the_state_that_hooks_get() {
    let scratch = Scratch::new();
    let (_, mut record) = container(&scratch.store(), "a");
    let whole = r#"{"ociVersion":"1.3.0","id":"a","status":"creating","pid":7,"bundle":"/bundle"}"#;
    assert_eq!(hook_state(&record, Status::Creating, Some(7)), whole.as_bytes());
    let none = r#"{"ociVersion":"1.3.0","id":"a","status":"stopped","bundle":"/bundle"}"#;
    assert_eq!(hook_state(&record, Status::Stopped, None), none.as_bytes());
    record.annotations.insert(",\"pid\":".into(), ",\"pid\":9".into());
    let (before, after) = hook_state_around_pid(&record, Status::Creating);
    let joined = [before.as_slice(), b"123", after.as_slice()].concat();
    assert_eq!(joined, hook_state(&record, Status::Creating, Some(123)));
}
