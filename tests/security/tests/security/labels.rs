//! SECURITY C8, seen from inside with a security module that is on: the label is the process's, for `run` and for every
//! `exec`, and what it denies is denied. `hack/uml` has the kernel for it (`hack/test v2`). Here AppArmor; `selinux` is
//! the other.

use harness::{Bundle, host, need_root, programs, skip};
use rig::host_print::assert_nothing_left;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// A profile that lets all be done but with `/forbidden`; loaded until it is dropped.
struct Profile {
    name: String,
    path: std::path::PathBuf,
}

impl Profile {
    fn load(bundle: &Bundle) -> Option<Self> {
        let name = bundle.tag().to_owned();
        let path = bundle.folder().join("profile");
        let rules = "file, capability, network, signal, ptrace, mount, umount, pivot_root, unix, deny /forbidden rwx,";
        fs::write(&path, format!("profile {name} flags=(attach_disconnected) {{ {rules} }}\n")).unwrap();
        let profile = Profile { name, path };
        profile.parse("-r").then_some(profile)
    }

    fn parse(&self, option: &str) -> bool {
        let parser = programs::find("apparmor_parser");
        parser
            .is_some_and(|parser| Command::new(parser).args([option, "-K"]).arg(&self.path).status().unwrap().success())
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.parse("-R");
    }
}

macro_rules! loaded {
    ($bundle:expr) => {{
        if !host::has_security_module("apparmor") {
            skip!("the kernel has no AppArmor; that of hack/uml has");
        }
        let Some(profile) = Profile::load($bundle) else { skip!("apparmor_parser can't load a profile here") };
        profile
    }};
}

fn bundle() -> Bundle {
    let bundle = Bundle::of_sleep();
    fs::write(bundle.rootfs("forbidden"), "").unwrap();
    bundle
}

/// The process has the profile, and cannot do what that denies.
#[track_caller]
fn is_confined(seen: &Value, profile: &Profile) {
    let label = seen["attr/current"].as_str().unwrap_or_default();
    assert_eq!(label.split_whitespace().next(), Some(profile.name.as_str()), "{label}");
    assert!(label.contains("(enforce)"), "{label}");
    assert!(
        seen["answers"]["open:/forbidden"].as_str().is_some_and(|said| said.contains("Permission denied")),
        "{seen:#}"
    );
    assert_eq!(seen["answers"]["open:/etc/passwd"], "ok");
}

const QUESTIONS: [&str; 2] = ["open:/forbidden", "open:/etc/passwd"];

#[test]
fn a_profile_holds_from_run_on() {
    need_root!();
    let mut bundle = bundle();
    let profile = loaded!(&bundle);
    bundle.set("/process/apparmorProfile", json!(profile.name));
    for no_new_privileges in [true, false] {
        bundle.set("/process/noNewPrivileges", json!(no_new_privileges));
        is_confined(&bundle.probe(&QUESTIONS), &profile);
    }
    assert_nothing_left(&bundle);
}

#[test]
fn a_profile_holds_for_every_exec() {
    need_root!();
    let mut bundle = bundle();
    let profile = loaded!(&bundle);
    bundle.set("/process/apparmorProfile", json!(profile.name));
    bundle.up();
    is_confined(&bundle.exec_probe(&[], &QUESTIONS), &profile);
    is_confined(&bundle.exec_probe(&["--user", "1000"], &QUESTIONS), &profile);
    let mut process = bundle.config["process"].clone();
    process["args"] = json!(["/probe", QUESTIONS[0], QUESTIONS[1]]);
    is_confined(&harness::bundle::seen(&bundle.exec_process(&process).ok()), &profile);
}

/// `exec --apparmor` names another profile than the config's.
#[test]
fn exec_takes_a_profile_of_its_own() {
    need_root!();
    let bundle = bundle();
    let profile = loaded!(&bundle);
    bundle.up();
    is_confined(&bundle.exec_probe(&["--apparmor", &profile.name], &QUESTIONS), &profile);
    bundle.call(["exec", "--apparmor", "no-such-profile", bundle.id(), "/bin/true"]).fails();
}

/// What lies over `/proc` in the container does not catch the label: it is set, or the container refused.
#[test]
fn a_label_cannot_be_led_astray() {
    need_root!();
    for (destination, options) in
        [("/proc", "size=1m"), ("/proc/self/attr", "size=1m"), ("/proc/thread-self", "size=1m")]
    {
        let mut bundle = bundle();
        let profile = loaded!(&bundle);
        bundle.set("/process/apparmorProfile", json!(profile.name));
        let mount = json!({"destination": destination, "type": "tmpfs", "source": "t", "options": [options]});
        bundle.set("/mounts/-", mount);
        bundle.set("/process/args", json!(["/bin/cat", "/forbidden"]));
        let outcome = bundle.run();
        assert_ne!(outcome.code, 0, "{destination}: {outcome}");
        assert_nothing_left(&bundle);
    }
}
