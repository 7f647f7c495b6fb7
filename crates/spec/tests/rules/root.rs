use crate::config::*;
use serde_json::{Value, json};

#[test]
fn mounts() {
    let mount = |value: Value| ("/mounts/1", value);
    let maps = json!([map(0, 1000, 1)]);
    for (value, pointer, words) in [
        (json!({"type": "tmpfs"}), "/mounts/1/destination", "is required"),
        (json!({"destination": "", "type": "tmpfs"}), "/mounts/1/destination", "absolute"),
        (json!({"destination": "/x"}), "/mounts/1/type", "add bind or rbind"),
        (json!({"destination": "/x", "type": "none", "source": "/y"}), "/mounts/1/type", "file system"),
        (json!({"destination": "/x", "options": ["bind"]}), "/mounts/1/source", "needs a source"),
        (json!({"destination": "/x", "type": "bind"}), "/mounts/1/source", "needs a source"),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind"], "uidMappings": maps}),
            "/mounts/1/gidMappings",
            "both",
        ),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind"], "gidMappings": maps}),
            "/mounts/1/uidMappings",
            "both",
        ),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind", "idmap"]}),
            "/mounts/1/uidMappings",
            "both uid and gid mappings",
        ),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind"], "uidMappings": [map(0, 0, 0)], "gidMappings": maps}),
            "/mounts/1/uidMappings/0/size",
            "at least one",
        ),
    ] {
        refused(&[mount(value)], pointer, words);
    }
    let mapped = mount(
        json!({"destination": "/x", "source": "/", "options": ["bind", "idmap"], "uidMappings": maps, "gidMappings": maps}),
    );
    accepted(&[mapped], 0);
    let inherits = mount(json!({"destination": "/x", "source": "/", "options": ["rbind", "ridmap"]}));
    accepted(&[inherits, user_namespace(), ("/linux/uidMappings", maps.clone()), ("/linux/gidMappings", maps)], 0);
    accepted(&[mount(json!({"destination": "/x", "options": ["remount", "ro"]}))], 0);
    accepted(&[mount(json!({"destination": "/../x", "type": "tmpfs", "options": ["unknown=1"]}))], 0);
}

/// Case B02.
#[test]
fn binds_are_told_by_their_options() {
    let mount = |value: Value| ("/mounts/1", value);
    accepted(&[mount(json!({"source": "./f", "destination": "m1", "options": ["bind"]}))], 1);
    accepted(&[mount(json!({"source": "./f", "destination": "/m1", "type": "none", "options": ["rbind", "ro"]}))], 0);
    let loaded = accepted(&[mount(json!({"source": "./f", "destination": "/m1", "type": "bind"}))], 1);
    assert!(loaded.warnings[0].starts_with("/mounts/1/options"), "{:?}", loaded.warnings);
    let mounts = loaded.spec.mounts().clone().expect("mounts");
    assert!(spec::is_bind(&mounts[1]) && !spec::is_bind(&mounts[0]));
}

/// Case B14: the file type in a mode is dropped.
#[test]
fn devices() {
    let device = |value: Value| ("/linux/devices/0", value);
    for (value, pointer, words) in [
        (json!({"path": "/dev/x", "type": "x"}), "/linux/devices/0/type", "must be one of"),
        (json!({"path": "/dev/x", "type": "a", "major": 1, "minor": 3}), "/linux/devices/0/type", "c, b, u or p"),
        (json!({"path": "/dev/x"}), "/linux/devices/0/type", "is required"),
        (json!({"path": "dev/x", "type": "p"}), "/linux/devices/0/path", "absolute"),
        (json!({"type": "p"}), "/linux/devices/0/path", "absolute"),
        (json!({"path": "/dev/x", "type": "c", "minor": 3}), "/linux/devices/0/major", "is required"),
        (json!({"path": "/dev/x", "type": "b", "major": 1, "minor": null}), "/linux/devices/0/minor", "is required"),
        (json!({"path": "/dev/x", "type": "c", "major": -1, "minor": 0}), "/linux/devices/0/major", "from 0 to 4095"),
        (
            json!({"path": "/dev/x", "type": "b", "major": 1, "minor": 4_294_967_296_u64}),
            "/linux/devices/0/minor",
            "1048575",
        ),
        (
            json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 1, "uid": -1}),
            "/linux/devices/0/uid",
            "from 0 to 4294967295",
        ),
        (
            json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 1, "fileMode": "0666"}),
            "/linux/devices/0/fileMode",
            "whole number",
        ),
    ] {
        refused(&[device(value)], pointer, words);
    }
    for (mode, expected) in
        [(json!(8630), Some(0o666)), (json!(0o10_4755), Some(0o4755)), (json!(384), Some(0o600)), (Value::Null, None)]
    {
        let loaded =
            accepted(&[device(json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": mode}))], 0);
        let devices = loaded.spec.linux().as_ref().and_then(|linux| linux.devices().clone()).expect("devices");
        assert_eq!(devices[0].file_mode(), expected);
    }
    accepted(&[device(json!({"path": "/run/fifo", "type": "p"}))], 0);
    accepted(&[device(json!({"path": "/dev/x", "type": "u", "major": 4095, "minor": 1_048_575}))], 0);
}
