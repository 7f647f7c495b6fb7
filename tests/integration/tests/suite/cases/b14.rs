//! B14: device nodes have the mode that was asked for, and a wrong file in their place is an error.

use harness::{Bundle, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;

/// The device at `path` as the container sees it, made with the caller's umask at its strictest.
#[track_caller]
fn made(path: &str, device: &Value) -> Value {
    let mut bundle = Bundle::new().with("/linux/devices", json!([device]));
    bundle.set("/linux/resources/devices/-", json!({"allow": true, "type": "c", "major": 1, "access": "rwm"}));
    let question = format!("stat:{path}");
    bundle.set("/process/args", json!(["/probe", question]));
    let outcome = bundle.call_after("umask 077", ["run", bundle.id()]).ok();
    harness::bundle::seen(&outcome)["answers"][&question].clone()
}

#[test]
fn type_bits_in_the_mode_are_ignored() {
    need_root!();
    let found = made("/dev/x", &json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 8630}));
    assert_eq!((&found["mode"], &found["minor"]), (&json!(0o666), &json!(3)));
}

#[test]
fn parents_are_made() {
    need_root!();
    let found = made("/opt/q/y", &json!({"path": "/opt/q/y", "type": "c", "major": 1, "minor": 5, "fileMode": 438}));
    assert_eq!((&found["kind"], &found["mode"], &found["minor"]), (&json!("character"), &json!(0o666), &json!(5)));
}

#[test]
fn without_a_mode_everyone_may_read_and_write() {
    need_root!();
    need_cofferdam!("Debian's runc makes it 0000");
    let found = made("/dev/z", &json!({"path": "/dev/z", "type": "c", "major": 1, "minor": 3}));
    assert_eq!(found["mode"], 0o666);
}

#[test]
fn a_default_device_honours_the_mode_asked_for() {
    need_root!();
    let found = made("/dev/null", &json!({"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384}));
    assert_eq!(found["mode"], 0o600);
}

#[test]
fn owners_are_set() {
    need_root!();
    let device = json!({"path": "/dev/o", "type": "c", "major": 1, "minor": 3, "fileMode": 416, "uid": 7, "gid": 8});
    let found = made("/dev/o", &device);
    assert_eq!((&found["uid"], &found["gid"], &found["mode"]), (&json!(7), &json!(8), &json!(0o640)));
}

#[test]
fn fifos_and_the_other_names_of_types() {
    need_root!();
    assert_eq!(made("/dev/p", &json!({"path": "/dev/p", "type": "p", "fileMode": 438}))["kind"], "fifo");
    let block = made("/dev/b", &json!({"path": "/dev/b", "type": "b", "major": 7, "minor": 99, "fileMode": 438}));
    assert_eq!((&block["kind"], &block["major"], &block["minor"]), (&json!("block"), &json!(7), &json!(99)));
}

#[test]
fn a_wrong_file_in_its_place_is_an_error() {
    need_root!();
    need_cofferdam!("Debian's runc leaves it there");
    let bundle = Bundle::new()
        .with("/linux/devices", json!([{"path": "/opt/w", "type": "c", "major": 1, "minor": 3, "fileMode": 438}]));
    fs::create_dir(bundle.rootfs("opt")).unwrap();
    fs::write(bundle.rootfs("opt/w"), "a plain file").unwrap();
    bundle.create().fails().says("/opt/w");
    bundle.assert_nothing_left();
    assert_eq!(fs::read_to_string(bundle.rootfs("opt/w")).unwrap(), "a plain file");
    fs::remove_file(bundle.rootfs("opt/w")).unwrap();
    fs::create_dir(bundle.rootfs("opt/w")).unwrap();
    bundle.create().fails().says("/opt/w");
    fs::remove_dir(bundle.rootfs("opt/w")).unwrap();
    bundle.run().ok();
    // The right device is there by now, and is left alone.
    bundle.run().ok();
}
