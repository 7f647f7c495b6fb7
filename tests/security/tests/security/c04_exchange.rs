//! SECURITY C4: where a mount goes is looked up once, beneath the root, whoever exchanges parts of the path meanwhile.
//!
//! Controls: the mutants `c04-`. The moments are left to luck here; `swaps` meets each.

use harness::{host, need_cofferdam, need_root};
use rig::exchange::exchanging;
use rig::{Trap, rounds, trap};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

/// What the link `/way` says; `CANARY` is a folder of the host.
const LINKS: [&str; 9] = [
    "CANARY",
    "CANARY/nonesuch/at/all",
    "CANARY/null",
    "../../../../../../../../../../../..CANARY",
    "/proc/self/rootCANARY",
    "/proc/1/rootCANARY",
    "/proc/thread-self/root/..CANARY",
    "/proc/self/cwd/../../../../../../..CANARY",
    "/way",
];

/// Where something is mounted.
const DESTINATIONS: [&str; 4] = ["/way", "/way/in", "/way/pts/../in/deep", "/way/../../../../../../../../wayward"];

#[derive(Debug)]
struct Case {
    link: &'static str,
    destination: &'static str,
    mount: (&'static str, &'static str, &'static str),
}

/// Type, source, option.
const MOUNTS: [(&str, &str, &str); 3] =
    [("tmpfs", "t", "nosuid"), ("bind", "volume", "rbind"), ("bind", "file", "bind")];

#[test]
fn no_link_leads_a_mount_out_of_the_root() {
    need_root!();
    let mut cases = Vec::new();
    for link in LINKS {
        for destination in DESTINATIONS {
            cases.extend(MOUNTS.map(|mount| Case { link, destination, mount }));
        }
    }
    let made = trap::each(&cases, |trap, case| {
        let text = case.link.replace("CANARY", trap.canary.folder().to_str().unwrap());
        let way = trap.bundle.rootfs("way");
        trap::remove(&way);
        // Made by the case before.
        trap::remove(&trap.bundle.rootfs("wayward"));
        symlink(text, way).unwrap();
        let (kind, source, option) = case.mount;
        let mount = json!({"destination": case.destination, "type": kind, "source": source, "options": [option]});
        trap.bundle.set("/mounts/-", mount);
        trap.spring(|_, _| None)
    });
    assert!(made > cases.len() / 2, "only {made} of {} came up", cases.len());
}

/// Has a container made many times, with `mounts`, while `one` and `other`, of the volume, are exchanged. How often it
/// came up.
#[track_caller]
fn race(trap: &mut Trap, one: &str, other: &str, mounts: &[serde_json::Value]) -> usize {
    for mount in mounts {
        trap.bundle.set("/mounts/-", mount.clone());
    }
    let volume = trap.bundle.folder().join("volume");
    let rounds = if host::is_user_mode() { 20 } else { rounds(60, 20_000) };
    let mut made = 0;
    let times = exchanging(&volume.join(one), &volume.join(other), || {
        for round in 0..rounds {
            made += usize::from(trap.spring(|_, _| None).unwrap_or_else(|why| panic!("round {round}: {why}")));
        }
    });
    assert!(times > rounds, "exchanged only {times} times");
    trap.assert_harmless();
    made
}

#[test]
fn a_volume_that_another_container_changes_leads_no_mount_astray() {
    need_root!();
    let mut trap = Trap::new();
    let volume = trap.bundle.folder().join("volume");
    fs::create_dir_all(volume.join("a/in")).unwrap();
    fs::write(volume.join("a/null"), "").unwrap();
    symlink(trap.canary.folder(), volume.join("b")).unwrap();
    let made = race(
        &mut trap,
        "a",
        "b",
        &[
            json!({"destination": "/mnt/volume/a/in", "type": "tmpfs", "source": "t"}),
            json!({"destination": "/mnt/volume/a/fs/deep", "source": "volume", "options": ["bind"]}),
            json!({"destination": "/mnt/volume/a/null", "source": "file", "options": ["bind"]}),
        ],
    );
    assert!(made > 0, "none came up");
}

#[test]
fn a_source_that_is_exchanged_is_one_or_the_other() {
    need_root!();
    let mut trap = Trap::new();
    let volume = trap.bundle.folder().join("volume");
    fs::create_dir(volume.join("a")).unwrap();
    fs::write(volume.join("b"), "").unwrap();
    race(&mut trap, "a", "b", &[json!({"destination": "/mnt/any", "source": "volume/a", "options": ["bind", "ro"]})]);
}

/// Who joins such a container would have what is mounted as its root, and who is in it not.
#[test]
fn a_link_to_the_root_is_no_place_for_a_mount() {
    need_root!();
    need_cofferdam!("runc mounts over the root");
    let mut cases = Vec::new();
    for link in ["/", "..", "mnt/../..", "/proc/.."] {
        cases.extend(MOUNTS.map(|mount| Case { link, destination: "/way", mount }));
    }
    let made = trap::each(&cases, |trap, case| {
        let way = trap.bundle.rootfs("way");
        trap::remove(&way);
        symlink(case.link, way).unwrap();
        let (kind, source, option) = case.mount;
        let mount = json!({"destination": "/way", "type": kind, "source": source, "options": [option]});
        trap.bundle.set("/mounts/-", mount);
        trap.spring(|_, _| None)
    });
    assert_eq!(made, 0);
}
