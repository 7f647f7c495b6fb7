//! state.json: what is written, and what is made of files that we did not write.
#![allow(clippy::unwrap_used)]

mod scratch;

use container::{Error, Record, Stage, VERSION};
use scratch::{Scratch, container};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn parse(text: &str) -> Result<Record, Error> {
    Record::parse(text.as_bytes(), Path::new("/run/x/state.json"))
}

#[test]
fn what_is_saved_is_read_again() {
    let scratch = Scratch::new();
    let (entry, mut record) = container(&scratch.store(), "a");
    record.init_process_pid = 42;
    record.init_process_start = u64::MAX;
    record.stage = Stage::Running;
    record.annotations.insert("a=b".into(), "c=\"d\"\n".into());
    record.cgroup_paths = BTreeMap::from([(String::new(), "/sys/fs/cgroup/a".into())]).into();
    record.own_pid_namespace = true;
    record.resources = Some(serde_json::from_value(json!({"memory": {"limit": 1_i64 << 40}})).unwrap());
    entry.save(&record).unwrap();
    assert_eq!(entry.record().unwrap(), record);
    assert!(!entry.path().join(".state.json").exists());
}

#[test]
fn others_find_what_they_read_in_runcs_file() {
    let scratch = Scratch::new();
    let (entry, mut record) = container(&scratch.store(), "a");
    record.init_process_pid = 42;
    record.init_process_start = 7;
    record.annotations.insert("k".into(), "v=w".into());
    record.cgroup_paths = BTreeMap::from([("memory".to_owned(), "/sys/fs/cgroup/memory/a".into())]).into();
    entry.save(&record).unwrap();
    let file: Value = serde_json::from_slice(&std::fs::read(entry.path().join("state.json")).unwrap()).unwrap();
    for (pointer, value) in [
        ("/id", json!("a")),
        ("/init_process_pid", json!(42)),
        ("/init_process_start", json!(7)),
        ("/created", json!("2026-11-25T11:09:00.5Z")),
        ("/cgroup_paths/memory", json!("/sys/fs/cgroup/memory/a")),
        ("/namespace_paths/NEWNS", json!("/proc/42/ns/mnt")),
        ("/namespace_paths/NEWNET", json!("/proc/42/ns/net")),
        ("/config/rootfs", json!("/bundle/rootfs")),
        ("/config/labels", json!(["k=v=w", "bundle=/bundle"])),
        ("/config/cgroups/path", json!("/a")),
        ("/version", json!(VERSION)),
        ("/stage", json!("creating")),
    ] {
        assert_eq!(file.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(file["namespace_paths"].as_object().unwrap().len(), 8);
}

#[test]
fn older_files_and_unknown_keys_are_read() {
    let record = parse(r#"{"version":1,"id":"a","init_process_pid":3,"to_come":{"x":[1]},"config":7}"#).unwrap();
    assert_eq!((record.id.as_str(), record.init_process_pid, record.init_process_start), ("a", 3, 0));
    assert_eq!(record.stage, Stage::Created);
}

#[test]
fn what_is_not_ours_is_a_clear_error() {
    let runc = r#"{"id":"a","init_process_pid":3,"init_process_start":9,"created":"2026-01-01T00:00:00Z",
        "config":{"rootfs":"/r","version":"1.2.0"},"cgroup_paths":{"":"/sys/fs/cgroup/a"},"namespace_paths":{}}"#;
    let error = parse(runc).unwrap_err();
    assert!(error.to_string().contains("another runtime"), "{error}");
    let error = parse(r#"{"version":4000000000,"id":"a"}"#).unwrap_err();
    assert!(error.to_string().contains("use a newer one"), "{error}");
    for torn in ["", "{", "7", "null", r#"{"version":1"#, r#"{"version":"1"}"#, r#"{"version":1,"id":[]}"#, "\0\0"] {
        assert!(matches!(parse(torn), Err(Error::Torn { .. })), "{torn:?}");
    }
}

#[test]
fn a_path_that_json_cant_hold_is_refused_before_anything_is_written() {
    use std::os::unix::ffi::OsStrExt;
    let scratch = Scratch::new();
    let (entry, record) = container(&scratch.store(), "a");
    let odd = Record { bundle: std::ffi::OsStr::from_bytes(b"/b\xff").into(), ..record.clone() };
    assert!(matches!(entry.save(&odd), Err(Error::Unwritable { .. })));
    assert_eq!(entry.record().unwrap(), record);
}
