//! SECURITY C6: what hides a file and what a program reads is the host's own device, never what an image calls by its name.
//!
//! Controls: runc 1.1.5 masks with the image's `/dev/null` (CVE-2025-31133); the mutants `c06-`.

use harness::view::answer;
use harness::{Bundle, Call, need_root, programs};
use rig::exchange::exchanging;
use rig::{Canary, Obstacle, Trap, trap};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What an image has as `/dev/null`; nothing is mounted at its `/dev`.
const NULLS: [&str; 8] = ["link", "magic", "pattern", "file", "fifo", "zero", "loop", "folder"];

/// Masks of a file of procfs, of one of the image, and of a folder.
const MASKED: [&str; 3] = ["/proc/keys", "/etc/secret", "/etc/folder"];

fn hostile(null: &str) -> (Bundle, Canary) {
    let canary = Canary::new();
    let mut bundle = Bundle::new().with("/linux/maskedPaths", json!(MASKED));
    let mut mounts = bundle.config["mounts"].clone();
    mounts.as_array_mut().unwrap().retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
    bundle.set("/mounts", mounts);
    fill(&bundle);
    make(null, &bundle.rootfs("dev/null"), &canary);
    (bundle, canary)
}

/// What is to be masked.
fn fill(bundle: &Bundle) {
    fs::create_dir_all(bundle.rootfs("etc/folder")).unwrap();
    for file in ["etc/secret", "etc/folder/secret"] {
        fs::write(bundle.rootfs(file), "a secret\n").unwrap();
    }
}

/// Makes what an image has as its null device.
fn make(null: &str, at: &Path, canary: &Canary) {
    match null {
        "link" => Obstacle::Link.make(at, &canary.path("null")),
        "magic" => Obstacle::Magic.make(at, &canary.path("null")),
        "pattern" => Obstacle::Link.make(at, Path::new("/proc/sys/kernel/core_pattern")),
        "file" => Obstacle::File.make(at, Path::new("/")),
        "fifo" => Obstacle::Fifo.make(at, Path::new("/")),
        "loop" => Obstacle::Loop.make(at, Path::new("/")),
        "folder" => fs::create_dir(at).unwrap(),
        device => {
            let minor = if device == "null" { 3 } else { 5 };
            mknodat(CWD, at, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(1, minor)).unwrap();
        }
    }
}

/// Fails the test unless what is masked shows the null device, or an empty folder that stays so.
#[track_caller]
fn masked(null: &str, seen: &Value) {
    for file in ["stat:/proc/keys", "stat:/etc/secret"] {
        let device = answer(seen, file);
        assert_eq!(
            (&device["kind"], &device["major"], &device["minor"]),
            (&json!("character"), &json!(1), &json!(3)),
            "{null}: {file}"
        );
    }
    assert_eq!(answer(seen, "list:/etc/folder"), &json!([]), "{null}");
    assert_ne!(answer(seen, "write:/etc/folder/x=y"), "ok", "{null}");
}

#[test]
fn an_images_null_device_masks_nothing() {
    need_root!();
    for null in NULLS {
        let (mut bundle, canary) = hostile(null);
        let questions = ["/probe", "stat:/proc/keys", "stat:/etc/secret", "list:/etc/folder", "write:/etc/folder/x=y"];
        bundle.set("/process/args", json!(questions));
        let outcome = bundle.run();
        if outcome.code == 0 {
            masked(null, &harness::bundle::seen(&outcome));
        } else {
            outcome.fails();
        }
        canary.assert_same();
        bundle.assert_nothing_left();
    }
}

/// The standard streams are the caller's, or the host's null device; nothing of the image, and nobody else's afterwards.
#[test]
fn standard_streams_are_the_callers() {
    need_root!();
    let owner = || fs::metadata("/dev/null").map(|null| (null.uid(), null.gid(), null.mode())).unwrap();
    let before = owner();
    for null in NULLS {
        let (mut bundle, canary) = hostile(null);
        bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        let outcome = bundle.run();
        if outcome.code == 0 {
            let streams = &harness::bundle::seen(&outcome)["descriptors"];
            assert_eq!(streams["0"], "/dev/null", "{null}: {streams}");
            for stream in ["1", "2"] {
                assert!(streams[stream].as_str().unwrap().contains("/call-"), "{null}: {streams}");
            }
        }
        assert_eq!(owner(), before, "{null}");
        canary.assert_same();
    }
}

/// What is masked in the container of that init is hidden by a null device or an empty folder, and its standard input is
/// the host's null device. What is not so.
fn unmasked(pid: u32) -> Option<String> {
    let own = |path: &str| Path::new("/proc").join(pid.to_string()).join(path);
    let mut wrong = Vec::new();
    for file in ["root/proc/keys", "root/etc/secret"] {
        let seen = fs::symlink_metadata(own(file)).unwrap();
        if !seen.file_type().is_char_device() || seen.rdev() != makedev(1, 3) {
            wrong.push(file);
        }
    }
    if fs::read_dir(own("root/etc/folder")).unwrap().next().is_some() {
        wrong.push("root/etc/folder");
    }
    let [host, stdin] = [PathBuf::from("/dev/null"), own("fd/0")].map(|path| fs::metadata(path).unwrap());
    if (host.dev(), host.ino()) != (stdin.dev(), stdin.ino()) {
        wrong.push("fd/0");
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

/// Whoever shares the image exchanges its null device for something else, at every moment.
#[test]
fn an_images_null_device_that_is_exchanged_masks_nothing() {
    need_root!();
    let rounds = rig::rounds(20, 1_700);
    for null in ["link", "pattern", "file"] {
        let mut trap = Trap::new();
        trap.bundle.set("/linux/maskedPaths", json!(MASKED));
        let mut mounts = trap.bundle.config["mounts"].clone();
        mounts.as_array_mut().unwrap().retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
        trap.bundle.set("/mounts", mounts);
        fill(&trap.bundle);
        let [one, other] = ["dev/null", "etc/null"].map(|path| trap.bundle.rootfs(path));
        make("null", &one, &trap.canary);
        make(null, &other, &trap.canary);
        let mut made = 0;
        let times = exchanging(&one, &other, || {
            for round in 0..rounds {
                let one = trap.spring(|_, pid| unmasked(pid));
                made += usize::from(one.unwrap_or_else(|why| panic!("{null}, round {round}: {why}")));
            }
        });
        println!("{null}: {made} of {rounds} made, exchanged {times} times");
        assert!(times > rounds && made > 0, "{null}: {made} made, exchanged {times} times");
        trap.assert_harmless();
    }
}

/// A device of the config that is something else in the image is not taken for it.
#[test]
fn a_device_that_is_another_file_is_refused() {
    need_root!();
    let cases: Vec<(Obstacle, bool)> = Obstacle::ALL.into_iter().flat_map(|one| [(one, false), (one, true)]).collect();
    trap::each(&cases, |trap, (obstacle, owned)| {
        let owner = if *owned { 1000 } else { 0 };
        let device = json!({"path": "/etc/device", "type": "c", "major": 1, "minor": 5, "uid": owner, "gid": owner});
        trap.bundle.set("/linux/devices", json!([device]));
        trap.place("/etc/device", *obstacle, "zero");
        if trap.spring(|_, _| None)? { Err("it came up".to_owned()) } else { Ok(false) }
    });
}

/// Where the host's own null device is none, nothing is masked by what is there.
#[test]
fn a_host_without_its_null_device_is_refused() {
    need_root!();
    let bundle = Trap::new().bundle;
    let file = bundle.folder().join("file");
    let script = format!("mount --bind {} /dev/null && exec \"$@\"", file.display());
    let made = Call::new(&programs::find("unshare").expect("unshare"), bundle.folder())
        .args(["--mount", "sh", "-c", &script, "sh"])
        .args([programs::runtime().as_os_str(), "--root".as_ref(), bundle.state_folder().as_os_str()])
        .args(["create", bundle.id()])
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
        .outcome();
    made.fails().says("/dev/null");
    bundle.assert_nothing_left();
}
