//! The conversation with systemd: over its bus, without one, and with what is none. In `hack/vm`.

use super::systemd::{booted, down, gone, in_slice, show, unit};
use harness::{Bundle, Call, need_cofferdam, need_root, skip};
use serde_json::json;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;

macro_rules! need_systemd {
    () => {
        need_root!();
        need_cofferdam!("its conversation is another library's");
        if !booted() {
            skip!("systemd does not run here: hack/vm");
        }
    };
}

/// A call that takes another socket for the system bus's.
fn over<'a>(bundle: &Bundle, socket: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Call {
    bundle.call(arguments).env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", socket.display()))
}

/// What is no message of D-Bus ends the conversation; systemd tells of the property's name only what it could read.
#[test]
fn values_of_every_type_are_understood() {
    need_systemd!();
    let mut bundle = in_slice("");
    for value in [
        "true",
        "byte 255",
        "int16 -1",
        "uint16 1",
        "int32 -1",
        "uint32 1",
        "int64 -1",
        "uint64 1",
        "1.5",
        "'text'",
        "objectpath '/a/b'",
        "signature 'a(sv)'",
        "@as []",
        "@at [1, 2]",
        "[('a', true), ('b', false)]",
        "<byte 1>",
        "(byte 1, uint64 2, 'x', <@ay [1]>)",
    ] {
        bundle.set("/annotations", json!({"org.systemd.property.NoSuchThing": value}));
        let outcome = bundle.call(["--systemd-cgroup", "create", bundle.id()]).fails();
        assert!(outcome.err.contains("NoSuchThing"), "{value}: {outcome}");
        gone(&bundle, &unit(&bundle));
    }
}

#[test]
fn without_a_bus_systemd_itself_is_asked() {
    need_systemd!();
    let bundle = in_slice("");
    let unit = unit(&bundle);
    let nowhere = bundle.folder().join("nowhere");
    over(&bundle, &nowhere, ["--systemd-cgroup", "create", bundle.id()]).ok();
    assert_eq!(show(&unit, "ActiveState"), "active");
    over(&bundle, &nowhere, ["update", "--pids-limit", "88", bundle.id()]).ok();
    assert_eq!(show(&unit, "TasksMax"), "88");
    over(&bundle, &nowhere, ["delete", "--force", bundle.id()]).ok();
    gone(&bundle, &unit);
}

/// Says something to whoever connects, and hangs up when he has.
fn speaker(socket: &Path, words: Vec<u8>) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _heard = stream.read(&mut [0; 64]);
            let _said = stream.write_all(&words);
            let _ended = stream.shutdown(std::net::Shutdown::Write);
            let _rest = stream.read_to_end(&mut Vec::new());
        }
    });
}

/// A message's fixed part: lowest byte first, a reply, and the lengths of its body and of its fields.
fn fixed(body: u32, fields: u32) -> Vec<u8> {
    let mut bytes = b"OK 0\r\nl\x02\x00\x01".to_vec();
    for number in [body, 1, fields] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

#[test]
fn what_is_no_bus_is_an_error_in_its_words() {
    need_systemd!();
    let not_understood = "understand its answer: it is no message of D-Bus";
    let mut nonsense = fixed(0, 8);
    nonsense.extend(b"\x05\x01x\x00....");
    for (name, words, told) in [
        ("refuses", b"REJECTED EXTERNAL\r\n".to_vec(), "REJECTED EXTERNAL"),
        ("talks", vec![b'x'; 2000], "log in: it said"),
        ("hangs-up", Vec::new(), "it hung up"),
        ("stops", b"OK 0\r\nl\x02".to_vec(), "it hung up"),
        ("other", b"OK 0\r\nHTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), not_understood),
        ("large", fixed(u32::MAX, 0), not_understood),
        ("fields", fixed(0, 1 << 30), not_understood),
        ("nonsense", nonsense, not_understood),
    ] {
        let bundle = in_slice("");
        let socket = bundle.folder().join(name);
        speaker(&socket, words);
        let outcome = over(&bundle, &socket, ["--systemd-cgroup", "create", bundle.id()]).fails();
        assert!(outcome.err.contains(told), "{name}: {outcome}");
        gone(&bundle, &unit(&bundle));
    }
}

/// Nobody may connect to it.
#[test]
fn a_bus_that_cannot_be_reached_is_an_error() {
    need_systemd!();
    let bundle = in_slice("");
    let outcome = over(&bundle, bundle.folder(), ["--systemd-cgroup", "create", bundle.id()]).outcome();
    if outcome.code == 0 {
        return down(&bundle, &unit(&bundle));
    }
    outcome.fails().says("systemd");
    gone(&bundle, &unit(&bundle));
}

/// A limit that is changed says all the others again, those of an earlier update with them.
#[test]
fn a_reload_after_two_updates_changes_nothing() {
    need_systemd!();
    let bundle = in_slice("").with("/linux/resources", json!({"memory": {"limit": 100_000_000}}));
    let unit = unit(&bundle);
    bundle.call(["--systemd-cgroup", "create", bundle.id()]).ok();
    let change = json!({"blockIO": {"weight": 500}, "cpu": {"shares": 2048}, "pids": {"limit": 77}});
    bundle.call(["update", "-r", "-", bundle.id()]).input(&change.to_string()).ok();
    bundle.call(["update", "--cpu-quota", "20000", bundle.id()]).ok();
    let (memory, weight) =
        if harness::host::pure_v2() { ("MemoryMax", "IOWeight") } else { ("MemoryLimit", "BlockIOWeight") };
    for (name, value) in [(memory, "100000000"), ("TasksMax", "77"), ("CPUQuotaPerSecUSec", "200ms")] {
        assert_eq!(show(&unit, name), value, "{name}");
    }
    assert_ne!(show(&unit, weight), "[not set]");
    down(&bundle, &unit);
}

/// The unit of a container that was killed for want of memory has failed, and is forgotten all the same.
#[test]
fn no_unit_stays_of_a_container_that_ran_out_of_memory() {
    need_systemd!();
    let bundle = Bundle::of_shell("tail /dev/zero");
    let path = format!(":x:{}", bundle.tag());
    let bundle = bundle
        .with("/linux/cgroupsPath", json!(path))
        .with("/linux/resources", json!({"memory": {"limit": 33_554_432, "swap": 33_554_432}}));
    bundle.call(["--systemd-cgroup", "create", bundle.id()]).ok();
    bundle.call(["start", bundle.id()]).ok();
    bundle.await_status("stopped");
    down(&bundle, &unit(&bundle));
}

/// Two containers in one slice, each of which would have made it.
#[test]
fn a_slice_may_be_the_unit_of_a_container() {
    need_systemd!();
    let bundle = Bundle::of_sleep();
    let slice = format!("{}.slice", bundle.tag());
    let bundle = bundle.with("/linux/cgroupsPath", json!(format!("{slice}:x:{slice}")));
    bundle.call(["--systemd-cgroup", "create", bundle.id()]).ok();
    assert_eq!(show(&slice, "ActiveState"), "active");
    bundle.call(["start", bundle.id()]).ok();
    let seen = bundle.exec_probe(&[], &[]);
    let lines = seen["cgroup"].as_array().unwrap();
    assert!(lines.iter().any(|line| line.as_str().unwrap().ends_with(&slice)), "{lines:?}");
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}
