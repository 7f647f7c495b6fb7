//! `list` and `state`: exact output, and what stray files do to it (nothing).
#![allow(clippy::unwrap_used)]

mod scratch;

use container::{Error, Status, Store, hook_state, hook_state_around_pid, list, state};
use scratch::{Scratch, container, id};
use std::os::unix::fs::symlink;

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
