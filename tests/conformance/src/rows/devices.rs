//! config-linux.md: devices, default devices, default file systems; runtime-linux.md: links in `/dev`, descriptors.

use harness::Bundle;
use harness::bundle::seen;
use harness::terminal::{Receiver, read_all};
use harness::view::{answer, mount};
use serde_json::{Value, json};
use std::fs;

super::rows! { "devices":
    "config-linux.md, devices" {
        characters: "`c` is a character device",
        unbuffered: "`u` is a character device, too",
        blocks: "`b` is a block device",
        pipes: "`p` is a FIFO, without numbers",
        anywhere: "`path` may be outside of `/dev`",
        an_unknown_type_is_refused: "`type` is one of c, b, u, p",
        members_are_required: "`type` and `path` are required",
        numbers_are_required: "`major` and `minor` are required unless `type` is `p`",
        what_is_there_and_matches_stays: "a device that is there already is no error",
        what_is_there_and_does_not_match_is_refused: "a file that is there and is not that device is an error",
        the_mode: "`fileMode` is the mode, whatever the caller's umask",
        the_owner: "`uid` and `gid` are the owner's",
        owners_are_the_containers: "`uid` and `gid` are ids in the container",
        in_a_user_namespace: "devices are there in a user namespace, too",
        devices_not_listed_stay_shut: "a device that is not listed can't be opened",
    }
    "config-linux.md, default devices" {
        default_devices: "null, zero, full, random, urandom and tty are there",
        default_devices_work: "they can be used, by everybody, where no other device is allowed",
        default_devices_in_a_user_namespace: "they are there in a user namespace, too",
        default_devices_without_a_mount_at_dev: "they are there where nothing is mounted at `/dev`",
        a_default_device_that_is_listed: "a default device that is listed is as listed",
        ptmx: "`/dev/ptmx` is the container's own",
        console: "`/dev/console` is the terminal, if there is one",
        dev_of_the_host: "a `/dev` of the host's that is bound is left as it is",
    }
    "config-linux.md, default filesystems" {
        default_file_systems: "proc, sysfs, devpts and tmpfs can be had at /proc, /sys, /dev/pts and /dev/shm",
    }
    "runtime-linux.md, dev symbolic links" {
        links_to_the_standard_streams: "fd, stdin, stdout and stderr are links into `/proc/self/fd`",
    }
    "runtime-linux.md, file descriptors" {
        only_the_standard_streams: "only stdin, stdout and stderr are open",
    }
}

/// The numbers of a device, as the probe tells of it.
fn numbers(device: &Value) -> [Value; 3] {
    [device["kind"].clone(), device["major"].clone(), device["minor"].clone()]
}

/// A bundle with that device, which the container may use.
fn with(device: &Value) -> Bundle {
    let kind = if device["type"] == "b" { "b" } else { "c" };
    let allow = json!({"allow": true, "type": kind, "major": device["major"], "access": "rwm"});
    let bundle = Bundle::new().with("/linux/devices", json!([device]));
    if device["major"].is_null() { bundle } else { bundle.with("/linux/resources/devices/-", allow) }
}

/// The device at `path` as the container sees it.
#[track_caller]
fn made(path: &str, mut device: Value) -> Value {
    device["path"] = json!(path);
    let question = format!("stat:{path}");
    let seen = with(&device).probe(&[&question]);
    answer(&seen, &question).clone()
}

#[track_caller]
fn is_refused(device: &Value) {
    let bundle = Bundle::new().with("/linux/devices", json!([device]));
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn characters() {
    let found = made("/dev/x", json!({"type": "c", "major": 10, "minor": 229}));
    assert_eq!(numbers(&found), [json!("character"), json!(10), json!(229)]);
}

fn unbuffered() {
    let found = made("/dev/x", json!({"type": "u", "major": 10, "minor": 229}));
    assert_eq!(numbers(&found), [json!("character"), json!(10), json!(229)]);
}

fn blocks() {
    let found = made("/dev/x", json!({"type": "b", "major": 7, "minor": 300}));
    assert_eq!(numbers(&found), [json!("block"), json!(7), json!(300)]);
}

fn pipes() {
    assert_eq!(made("/dev/x", json!({"type": "p"}))["kind"], "fifo");
}

fn anywhere() {
    let found = made("/opt/new/x", json!({"type": "c", "major": 1, "minor": 3}));
    assert_eq!(numbers(&found), [json!("character"), json!(1), json!(3)]);
}

fn an_unknown_type_is_refused() {
    for kind in ["a", "d", ""] {
        is_refused(&json!({"path": "/dev/x", "type": kind, "major": 1, "minor": 3}));
    }
}

fn members_are_required() {
    is_refused(&json!({"path": "/dev/x", "major": 1, "minor": 3}));
    is_refused(&json!({"type": "c", "major": 1, "minor": 3}));
}

fn numbers_are_required() {
    is_refused(&json!({"path": "/dev/x", "type": "c", "minor": 3}));
    is_refused(&json!({"path": "/dev/x", "type": "b", "major": 1}));
}

fn what_is_there_and_matches_stays() {
    let device = json!({"path": "/opt/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666});
    let mut bundle = Bundle::new().with("/linux/devices", json!([device]));
    let first = answer(&bundle.probe(&["stat:/opt/x"]), "stat:/opt/x").clone();
    assert_eq!(numbers(&first), [json!("character"), json!(1), json!(3)]);
    assert_eq!(answer(&bundle.probe(&["stat:/opt/x"]), "stat:/opt/x"), &first);
}

fn what_is_there_and_does_not_match_is_refused() {
    let device = json!({"path": "/opt/x", "type": "c", "major": 1, "minor": 3});
    let bundle = Bundle::new().with("/linux/devices", json!([device]));
    fs::create_dir(bundle.rootfs("opt")).expect("a folder");
    fs::write(bundle.rootfs("opt/x"), "a file").expect("a file");
    bundle.create().fails();
    bundle.assert_nothing_left();
    fs::remove_file(bundle.rootfs("opt/x")).expect("the file");
    let other = json!({"path": "/opt/x", "type": "c", "major": 1, "minor": 5});
    Bundle::run(&bundle).ok();
    bundle.with("/linux/devices", json!([other])).create().fails();
}

fn the_mode() {
    let device = json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o626});
    let bundle =
        Bundle::new().with("/linux/devices", json!([device])).with("/process/args", json!(["/probe", "stat:/dev/x"]));
    let seen = seen(&bundle.call_after("umask 077", ["run", bundle.id()]).ok());
    assert_eq!(answer(&seen, "stat:/dev/x")["mode"], 0o626);
}

fn the_owner() {
    let found = made("/dev/x", json!({"type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 7, "gid": 8}));
    assert_eq!((&found["uid"], &found["gid"]), (&json!(7), &json!(8)));
    let found = made("/dev/x", json!({"type": "c", "major": 1, "minor": 3, "fileMode": 0o600}));
    assert_eq!((&found["uid"], &found["gid"]), (&json!(0), &json!(0)));
}

fn owners_are_the_containers() {
    let device = json!({"path": "/dev/x", "type": "p", "fileMode": 0o600, "uid": 7, "gid": 8});
    let seen = Bundle::new().in_user_namespace().with("/linux/devices", json!([device])).probe(&["stat:/dev/x"]);
    let found = answer(&seen, "stat:/dev/x");
    assert_eq!((&found["uid"], &found["gid"]), (&json!(7), &json!(8)), "{found}");
}

fn in_a_user_namespace() {
    let device = json!({"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666});
    let seen = with(&device).in_user_namespace().probe(&["stat:/dev/zero", "open:/dev/zero"]);
    assert_eq!(numbers(answer(&seen, "stat:/dev/zero")), [json!("character"), json!(1), json!(5)]);
    assert_eq!(answer(&seen, "open:/dev/zero"), "ok");
}

fn devices_not_listed_stay_shut() {
    // The kernel's log.
    let script = "mknod /dev/log c 1 11 && cat /dev/log; cat /there";
    let bundle = Bundle::of_shell(script);
    let device = bundle.rootfs("there");
    let node = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(rustix::fs::CWD, device, node, 0o666.into(), rustix::fs::makedev(1, 11)).expect("a device");
    let outcome = bundle.run();
    assert!(outcome.code != 0 && outcome.out.is_empty() && outcome.err.contains("not permitted"), "{outcome}");
}

const DEFAULT: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

#[track_caller]
fn has_default_devices(mut bundle: Bundle) {
    let questions = DEFAULT.map(|(name, ..)| format!("stat:/dev/{name}"));
    let seen = bundle.probe(&questions.each_ref().map(String::as_str));
    for ((name, major, minor), question) in DEFAULT.iter().zip(&questions) {
        let found = answer(&seen, question);
        assert_eq!(numbers(found), [json!("character"), json!(major), json!(minor)], "{name}");
        assert_eq!(found["mode"], 0o666, "{name}");
    }
}

fn default_devices() {
    has_default_devices(Bundle::new());
}

fn default_devices_work() {
    let script = "echo x >/dev/null && head -c 2 /dev/zero | wc -c && head -c 2 /dev/random | wc -c && \
                  head -c 2 /dev/urandom | wc -c && head -c 2 /dev/full | wc -c && echo x >/dev/full";
    let outcome = Bundle::of_shell(script).with("/process/user/uid", json!(1000)).run();
    assert!(outcome.code == 1 && outcome.out == "2\n2\n2\n2\n" && outcome.err.contains("No space left"), "{outcome}");
}

fn default_devices_in_a_user_namespace() {
    has_default_devices(Bundle::new().in_user_namespace());
}

fn default_devices_without_a_mount_at_dev() {
    let bundle = Bundle::new().without_mounts(&["tmpfs", "devpts", "mqueue"]);
    has_default_devices(bundle);
}

fn a_default_device_that_is_listed() {
    let found = made("/dev/null", json!({"type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 7}));
    assert_eq!((&found["mode"], &found["uid"]), (&json!(0o600), &json!(7)));
}

fn ptmx() {
    let outcome = Bundle::of_shell("ls /dev/pts; exec 3<>/dev/ptmx && ls /dev/pts").run().ok();
    assert_eq!(outcome.out, "ptmx\n0\nptmx\n");
}

fn console() {
    let question = "stat:/dev/console";
    assert!(answer(&Bundle::new().probe(&[question]), question).is_null());
    let bundle = Bundle::new().with("/process/terminal", json!(true));
    let bundle = bundle.with("/process/args", json!(["/probe", question, "stat:/dev/pts/0"]));
    let receiver = Receiver::listen(&bundle.folder().join("console"));
    let creating = bundle.call(["create", "--console-socket", "console", bundle.id()]).begin();
    let (descriptors, _) = receiver.receive();
    creating.outcome().ok();
    bundle.call(["start", bundle.id()]).ok();
    let seen: Value = serde_json::from_str(&read_all(&descriptors[0])).expect("JSON");
    assert_eq!(mount(&seen, "/dev/console")["kind"], "devpts");
    assert_eq!(answer(&seen, question)["inode"], answer(&seen, "stat:/dev/pts/0")["inode"]);
}

fn dev_of_the_host() {
    let names = || -> Vec<_> { fs::read_dir("/dev").expect("/dev").flatten().map(|entry| entry.file_name()).collect() };
    let before = names();
    let mut bundle = Bundle::new().without_mounts(&["tmpfs", "devpts", "mqueue"]);
    bundle.set("/mounts/-", json!({"destination": "/dev", "source": "/dev", "options": ["rbind"]}));
    let seen = bundle.probe(&["stat:/dev/null", "open:/dev/null"]);
    assert_eq!(answer(&seen, "open:/dev/null"), "ok");
    assert_eq!(names(), before);
}

fn default_file_systems() {
    let seen = Bundle::new().probe(&[]);
    for (path, kind) in [("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs")] {
        assert_eq!(mount(&seen, path)["kind"], kind, "{path}");
    }
}

fn links_to_the_standard_streams() {
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    let questions = links.map(|(name, _)| format!("stat:/dev/{name}"));
    let seen = Bundle::new().probe(&questions.each_ref().map(String::as_str));
    for ((_, target), question) in links.iter().zip(&questions) {
        assert_eq!(answer(&seen, question)["link"], *target);
    }
}

fn only_the_standard_streams() {
    let bundle = Bundle::new();
    let opens = "exec 3</ 4</etc 5</proc 6</etc/passwd 7</sys/fs/cgroup 8</dev 9<.";
    let seen = seen(&bundle.call_after(opens, ["run", bundle.id()]).ok());
    let kept: Vec<&String> = seen["descriptors"].as_object().expect("descriptors").keys().collect();
    assert_eq!(kept, ["0", "1", "2"], "{}", seen["descriptors"]);
}
