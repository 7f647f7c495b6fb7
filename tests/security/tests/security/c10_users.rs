//! SECURITY C10: a user is a number of 32 bits, and what is no such number never becomes 0: CVE-2016-3697,
//! CVE-2026-30892.
//!
//! Controls: the mutants `c10-`. Debian's runc 1.1.5 takes what Go's `Sscanf` takes.

use harness::{Bundle, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;

/// A container whose users' names are traps: numbers that are other users.
fn trapped() -> Bundle {
    let bundle = Bundle::of_sleep();
    let passwd = "1000:x:0:0::/root:\n4294967295:x:0:0::/:\n-1:x:0:0::/:\nroot:x:0:0::/root:\n:x:0:0::/:\n";
    fs::write(bundle.rootfs("etc/passwd"), passwd).unwrap();
    fs::write(bundle.rootfs("etc/group"), "1000:x:0:\n5:x:0:1000\nroot:x:0:1000\n").unwrap();
    bundle
}

/// Real, effective, saved and file system ids.
#[track_caller]
fn is(seen: &Value, user: u32, group: u32, groups: &str) {
    let four = |id: u32| [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join(" ");
    let status = &seen["status"];
    assert_eq!((&status["Uid"], &status["Gid"]), (&json!(four(user)), &json!(four(group))));
    assert_eq!(status["Groups"], groups);
}

#[test]
fn exec_takes_plain_numbers_only() {
    need_root!();
    need_cofferdam!("runc takes what begins with a number");
    let bundle = trapped();
    bundle.up();
    for (text, user, group) in [
        ("0", 0, 0),
        ("1", 1, 0),
        ("1000", 1000, 0),
        ("65534:65534", 65534, 65534),
        ("4294967294:4294967294", 4_294_967_294, 4_294_967_294),
        ("01:007", 1, 7),
    ] {
        is(&bundle.exec_probe(&["--user", text], &[]), user, group, "");
    }
    let wrong = "-1 4294967295 4294967296 18446744073709551616 18446744073709551617 : 1: :1 1:2:3 +1 0x1 1e3 1.0 \u{661} root \
        root:root 1000:root 1:-1 1:4294967295 1:4294967296 0:x";
    for text in wrong.split(' ').chain([" 1", "1 ", "1\n", "0\t"]) {
        bundle.call(["exec", "--user", text, bundle.id(), "/probe"]).fails();
    }
}

#[test]
fn groups_are_those_that_are_asked() {
    need_root!();
    let bundle = trapped();
    bundle.up();
    let options = ["--user", "1000:1000", "-g", "5", "-g", "70000"];
    is(&bundle.exec_probe(&options, &[]), 1000, 1000, "5 70000");
    for text in ["-1", "root", "4294967296", "", "5,6", " 5"] {
        bundle.call(["exec", &format!("--additional-gids={text}"), bundle.id(), "/probe"]).fails();
    }
    let mut bundle = trapped();
    bundle.set("/process/user", json!({"uid": 1000, "gid": 1000, "additionalGids": [7, 8]}));
    is(&bundle.probe(&[]), 1000, 1000, "7 8");
}

/// Numbers of the config that are none of 32 bits.
#[test]
fn the_config_has_numbers_of_32_bits() {
    need_root!();
    need_cofferdam!("runc takes -1");
    for place in ["/process/user/uid", "/process/user/gid", "/process/user/additionalGids/-"] {
        for wrong in [
            "-1",
            "1.5",
            "1e3",
            "1.0",
            "\"0\"",
            "\"root\"",
            "4294967295",
            "4294967296",
            "18446744073709551617",
            "null",
            "[]",
            "true",
        ] {
            let bundle = Bundle::new().with("/process/user/additionalGids", json!([])).with(place, json!("HERE"));
            let path = bundle.folder().join("config.json");
            let text = fs::read_to_string(&path).unwrap().replace("\"HERE\"", wrong);
            fs::write(&path, text).unwrap();
            let outcome = bundle.run();
            if outcome.code == 0 {
                // Null is as good as absent: 0 is what the specification says of that.
                assert_eq!(wrong, "null", "{place}");
            } else {
                outcome.fails();
            }
        }
    }
}

/// The largest of 32 bits means "leave it" to the kernel: root would stay root.
#[test]
fn no_id_leaves_the_process_as_it_was() {
    need_root!();
    need_cofferdam!("runc takes it");
    let bundle = Bundle::of_sleep();
    bundle.up();
    for (user, group) in [(u32::MAX, 0), (0, u32::MAX), (u32::MAX, u32::MAX)] {
        let process =
            json!({"cwd": "/", "args": ["/probe"], "user": {"uid": user, "gid": group}, "env": ["PATH=/bin"]});
        bundle.exec_process(&process).fails();
        Bundle::new().with("/process/user", json!({"uid": user, "gid": group})).run().fails();
    }
}
