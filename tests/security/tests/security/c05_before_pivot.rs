//! SECURITY C5: what a runtime makes in an image before it is `/` is made in the image, whatever links lie there.
//!
//! Controls: runc 1.1.5 makes links in the host's folder that an image's `/dev` leads to, and removes its `ptmx`
//! (CVE-2026-41579); the mutants `c05-`.

use harness::{need_root, programs, skip};
use rig::{Obstacle, Trap, trap};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// Where something else can lie than the runtime thinks, and what of the canary a link leads to.
const PLACES: [(&str, &str); 16] = [
    ("/dev", ""),
    ("/dev/pts", "pts"),
    ("/dev/shm", "shm"),
    ("/dev/mqueue", "mqueue"),
    ("/dev/ptmx", "ptmx"),
    ("/dev/console", "console"),
    ("/dev/null", "null"),
    ("/dev/fd", "fd"),
    ("/proc", "proc"),
    ("/sys", "sys"),
    ("/sys/fs/cgroup", "sys"),
    ("/etc", ""),
    ("/run", ""),
    ("/mnt/volume", "fs"),
    ("/mnt/file", "passwd"),
    ("/run/secrets", "self"),
];

#[derive(Debug)]
struct Case {
    place: (&'static str, &'static str),
    obstacle: Obstacle,
    dev: bool,
    terminal: bool,
    readonly: bool,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in PLACES {
        for obstacle in Obstacle::ALL {
            for bits in 0..8 {
                let [dev, terminal, readonly] = [1, 2, 4].map(|bit| bits & bit != 0);
                // What an image has beneath `/dev` is not seen where one is mounted there.
                if !(dev && place.0.starts_with("/dev/")) {
                    cases.push(Case { place, obstacle, dev, terminal, readonly });
                }
            }
        }
    }
    cases
}

impl Case {
    fn set(&self, trap: &mut Trap) {
        let bundle = &mut trap.bundle;
        bundle.set("/process/terminal", json!(self.terminal));
        bundle.set("/root/readonly", json!(self.readonly));
        if !self.dev {
            let mut mounts = bundle.config["mounts"].clone();
            mounts.as_array_mut().unwrap().retain(|mount| mount["destination"] != "/dev");
            bundle.set("/mounts", mounts);
        }
        trap.place(self.place.0, self.obstacle, self.place.1);
    }
}

#[test]
fn whatever_lies_in_the_way_nothing_of_the_host_is_touched() {
    need_root!();
    let cases = cases();
    assert!(cases.len() > 600, "{}", cases.len());
    let made = trap::each(&cases, |trap, case| {
        case.set(trap);
        trap.spring(|_, _| None)
    });
    assert!(made > cases.len() / 4, "only {made} of {} came up", cases.len());
}

/// The control: Debian's runc 1.1.5 changes the host, and the canary tells.
#[test]
fn a_runtime_that_follows_links_is_noticed() {
    need_root!();
    let is_old = |runc: &PathBuf| {
        let said = Command::new(runc).arg("--version").output();
        said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("runc version 1.1.5"))
    };
    let Some(runc) = programs::find("runc").filter(is_old) else { skip!("no runc 1.1.5 here") };
    let mut trap = Trap::new();
    let case = Case { place: ("/dev", ""), obstacle: Obstacle::Link, dev: false, terminal: false, readonly: false };
    case.set(&mut trap);
    let said = trap.bundle.call_of(&runc, ["run", trap.bundle.id()]).outcome();
    drop(trap.bundle.call_of(&runc, ["delete", "--force", trap.bundle.id()]).outcome());
    let changes = trap.canary.changes();
    assert!(changes.iter().any(|change| change.contains("/ptmx:")), "{changes:#?}, but {said}");
}
