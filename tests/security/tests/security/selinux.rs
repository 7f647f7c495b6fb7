//! SECURITY C8, seen from inside with SELinux enforced: the label is the process's, for `run` and for every `exec`, what
//! it denies is denied, and what is mounted for the container carries the label that it is to have.
//!
//! The policy is the least one that denies something (`src/policy.cil`), loaded into a kernel that ends with the tests:
//! `hack/uml --lsm selinux` (`hack/test v2`). Controls: each question is also asked without a label; the mutants
//! `labels-selinux`.

use harness::view::answer;
use harness::{Bundle, host, need_cofferdam, need_root, programs, skip};
use rig::host_print::assert_nothing_left;
use rustix::fs::{XattrFlags, setxattr};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

/// What a container's process is; with a comma, as the labels have that engines choose.
const LABEL: &str = "u:r:confined:s0:c1,c2";
/// What that may not read.
const SECRET: &str = "u:object_r:secret:s0:c0,c2";
/// What all processes are that no label is asked for.
const HOST: &str = "u:r:host:s0";

/// Loads the policy, once, and enforces it. Why not, where it can't.
fn enforced() -> Result<(), &'static str> {
    static DONE: OnceLock<Result<(), &str>> = OnceLock::new();
    *DONE.get_or_init(|| {
        // The kernel keeps a policy until it ends: none of a machine that goes on afterwards gets this one.
        if !host::is_user_mode() || !host::has_security_module("selinux") {
            return Err("the kernel has no SELinux that is ours to set up; that of hack/uml --lsm selinux has");
        }
        let compiler = programs::find("secilc").ok_or("secilc is not there")?;
        let folder = std::env::temp_dir();
        let [source, policy, files] = ["policy.cil", "policy", "files"].map(|name| folder.join(name));
        fs::write(&source, include_str!("../../src/policy.cil")).unwrap();
        let compiled = Command::new(compiler).arg("-o").arg(&policy).arg("-f").args([&files, &source]).status();
        assert!(compiled.unwrap().success(), "the policy is not compiled");
        fs::write("/sys/fs/selinux/load", fs::read(policy).unwrap()).expect("the policy is loaded");
        fs::write("/sys/fs/selinux/enforce", "1").expect("SELinux is enforced");
        Ok(())
    })
}

macro_rules! need_policy {
    () => {
        need_root!();
        if let Err(why) = enforced() {
            skip!("{why}");
        }
    };
}

const QUESTIONS: [&str; 2] = ["open:/forbidden", "open:/etc/passwd"];

fn bundle() -> Bundle {
    let bundle = Bundle::of_sleep();
    fs::write(bundle.rootfs("forbidden"), "").unwrap();
    setxattr(bundle.rootfs("forbidden"), "security.selinux", SECRET.as_bytes(), XattrFlags::empty()).unwrap();
    bundle
}

/// The label that the process saw of itself.
fn label(seen: &Value) -> &str {
    seen["attr/current"].as_str().unwrap_or_default().trim_end_matches('\0')
}

/// The process has the label, and may not do what that denies.
#[track_caller]
fn is_confined(seen: &Value) {
    assert_eq!(label(seen), LABEL);
    harness::view::refused(seen, "open:/forbidden", "Permission denied");
    assert_eq!(answer(seen, "open:/etc/passwd"), "ok");
}

/// The process has no label of its own, and may do all.
#[track_caller]
fn is_free(seen: &Value) {
    assert_eq!(label(seen), HOST);
    assert_eq!(answer(seen, "open:/forbidden"), "ok");
}

#[test]
fn a_label_holds_from_run_on() {
    need_policy!();
    for no_new_privileges in [true, false] {
        let mut bundle = bundle().with("/process/noNewPrivileges", json!(no_new_privileges));
        is_free(&bundle.probe(&QUESTIONS));
        bundle.set("/process/selinuxLabel", json!(LABEL));
        is_confined(&bundle.probe(&QUESTIONS));
        assert_nothing_left(&bundle);
    }
}

#[test]
fn a_label_holds_for_every_exec() {
    need_policy!();
    let bundle = bundle().with("/process/selinuxLabel", json!(LABEL));
    bundle.up();
    is_confined(&bundle.exec_probe(&[], &QUESTIONS));
    is_confined(&bundle.exec_probe(&["--user", "1000"], &QUESTIONS));
    let mut process = bundle.config["process"].clone();
    process["args"] = json!(["/probe", QUESTIONS[0], QUESTIONS[1]]);
    is_confined(&harness::bundle::seen(&bundle.exec_process(&process).ok()));
    process["selinuxLabel"] = json!(null);
    is_free(&harness::bundle::seen(&bundle.exec_process(&process).ok()));
}

/// `exec --process-label` names a label where the config has none.
#[test]
fn exec_takes_a_label_of_its_own() {
    need_policy!();
    let bundle = bundle();
    bundle.up();
    is_free(&bundle.exec_probe(&[], &QUESTIONS));
    is_confined(&bundle.exec_probe(&["--process-label", LABEL], &QUESTIONS));
    for none in NO_LABELS {
        bundle.call(["exec", "--process-label", none, bundle.id(), "/bin/touch", "/started"]).fails();
    }
    assert!(!bundle.rootfs("started").exists());
}

/// What is no label, one that the policy does not have, with a category that it does not have, and one that the host may
/// not become.
const NO_LABELS: [&str; 4] = ["nonsense", "u:r:nonesuch:s0", "u:r:confined:s0:c9", SECRET];

#[test]
fn a_label_that_is_none_starts_nothing() {
    need_policy!();
    for none in NO_LABELS {
        let bundle = Bundle::new()
            .with("/process/args", json!(["/bin/touch", "/started"]))
            .with("/process/selinuxLabel", json!(none));
        let outcome = bundle.run().fails();
        // That one may be set, but not taken.
        assert!(none == SECRET || outcome.err.contains(none), "{none}: {outcome}");
        assert!(!bundle.rootfs("started").exists(), "{none}");
        assert_nothing_left(&bundle);
    }
}

/// What lies over `/proc` in the container does not catch the label: it is set, or the container refused.
#[test]
fn a_label_cannot_be_led_astray() {
    need_policy!();
    for destination in ["/proc", "/proc/self/attr", "/proc/thread-self"] {
        let mut bundle = bundle().with("/process/selinuxLabel", json!(LABEL));
        bundle.set("/mounts/-", json!({"destination": destination, "type": "tmpfs", "source": "t"}));
        bundle.set("/process/args", json!(["/bin/cat", "/forbidden"]));
        bundle.run().fails();
        assert_nothing_left(&bundle);
    }
}

#[test]
fn what_is_mounted_has_the_mount_label() {
    need_policy!();
    let mut bundle = bundle().with("/linux/maskedPaths/-", json!("/home"));
    bundle.set("/mounts/-", json!({"destination": "/run", "type": "tmpfs", "source": "t", "options": ["mode=755"]}));
    let questions = ["write:/run/file=text", "label:/run/file", "label:/run", "label:/home", "open:/run/file"];
    let free = bundle.probe(&questions);
    bundle.set("/linux/mountLabel", json!(SECRET));
    let labelled = bundle.probe(&questions);
    for place in ["label:/run/file", "label:/run", "label:/home"] {
        assert_eq!(answer(&free, place), "u:object_r:plain:s0", "{place}");
        assert_eq!(answer(&labelled, place), SECRET, "{place}");
    }
    bundle.set("/process/selinuxLabel", json!(LABEL));
    let confined = bundle.probe(&questions);
    assert_eq!(answer(&labelled, "open:/run/file"), "ok");
    harness::view::refused(&confined, "open:/run/file", "Permission denied");
    bundle.set("/linux/mountLabel", json!("u:object_r:nonesuch:s0"));
    bundle.run().fails().says("u:object_r:nonesuch:s0");
    assert_nothing_left(&bundle);
}

/// Who is confined has a keyring that is.
#[test]
fn the_session_keyring_has_the_label_of_its_process() {
    need_policy!();
    need_cofferdam!("it is not what runc's tells");
    let mut bundle = bundle();
    let keyrings = programs::compiled("security-keyrings", include_str!("../../src/keyrings.c"));
    programs::copy(&keyrings, &bundle.rootfs("keyrings"));
    bundle.set("/process/args", json!(["/keyrings", "label"]));
    assert_eq!(bundle.run().ok().out.trim(), HOST);
    bundle.set("/process/selinuxLabel", json!(LABEL));
    assert_eq!(bundle.run().ok().out.trim(), LABEL);
    assert_nothing_left(&bundle);
}
