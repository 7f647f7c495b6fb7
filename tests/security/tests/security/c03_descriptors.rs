//! SECURITY C3: no descriptor and no working directory of the host comes into a container.

use harness::{Bundle, Call, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;

/// A call of the runtime whose caller leaks descriptors of the host: its root, folders, files, at 3 to 9.
fn leaking(bundle: &Bundle, arguments: &[&str]) -> Call {
    let opens = "exec 3</ 4</etc 5</proc 6</etc/passwd 7</sys/fs/cgroup 8</dev 9<.";
    bundle.call_after(opens, arguments.iter().copied())
}

fn kept(seen: &Value) -> Vec<&str> {
    seen["descriptors"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn exec_has_them_too() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let seen = harness::bundle::seen(&leaking(&bundle, &["exec", bundle.id(), "/probe"]).ok());
    assert_eq!(kept(&seen), ["0", "1", "2"], "{}", seen["descriptors"]);
}

#[test]
fn descriptors_are_preserved_when_told() {
    need_root!();
    let bundle = Bundle::new();
    let seen = harness::bundle::seen(&leaking(&bundle, &["run", "--preserve-fds", "4", bundle.id()]).ok());
    assert_eq!(kept(&seen), ["0", "1", "2", "3", "4", "5", "6"], "{}", seen["descriptors"]);
    assert_eq!(seen["descriptors"]["6"], "/etc/passwd");
}

#[test]
fn a_preserved_descriptor_that_is_none_is_an_error() {
    need_root!();
    need_cofferdam!("Debian's runc hands its own over");
    let bundle = Bundle::new();
    bundle.call(["run", "--preserve-fds", "3", bundle.id()]).fails();
    bundle.assert_nothing_left();
}

#[test]
fn a_working_directory_outside_is_refused() {
    need_root!();
    for number in 0..24 {
        for rest in ["", "/../.."] {
            let cwd = format!("/proc/self/fd/{number}{rest}");
            let mut bundle = Bundle::new().with("/process/cwd", json!(cwd));
            bundle.set("/process/args", json!(["/probe", "stat:."]));
            let outcome = leaking(&bundle, &["run", bundle.id()]).outcome();
            if outcome.code == 0 {
                inside(&harness::bundle::seen(&outcome));
            }
            bundle.assert_nothing_left();
        }
    }
}

/// The working directory is one that the container's root leads to.
#[track_caller]
fn inside(seen: &Value) {
    let cwd = seen["cwd"].as_str().unwrap_or_default();
    assert!(cwd.starts_with('/') && !cwd.contains("unreachable"), "{cwd}");
    assert_eq!(seen["root"]["inode"], seen["above"]["inode"]);
}

#[test]
fn exec_into_a_working_directory_outside_is_refused() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    for number in 0..24 {
        let cwd = format!("/proc/self/fd/{number}");
        let outcome = leaking(&bundle, &["exec", "--cwd", &cwd, bundle.id(), "/probe"]).outcome();
        if outcome.code == 0 {
            inside(&harness::bundle::seen(&outcome));
        }
    }
}

#[test]
fn a_program_outside_is_refused() {
    need_root!();
    for number in 3..16 {
        let program = format!("/proc/self/fd/{number}/bin/true");
        let bundle = Bundle::new().with("/process/args", json!([program]));
        let outcome = leaking(&bundle, &["run", bundle.id()]).outcome();
        assert_ne!(outcome.code, 0, "{outcome}");
        bundle.assert_nothing_left();
    }
}

#[test]
fn init_that_waits_for_start_holds_nothing_of_the_host() {
    need_root!();
    need_cofferdam!("the kinds are ours");
    let bundle = Bundle::of_sleep();
    leaking(&bundle, &["create", bundle.id()]).ok();
    let folder = format!("/proc/{}/fd", bundle.pid());
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let target = fs::read_link(entry.path()).unwrap();
        let target = target.to_str().unwrap();
        let own =
            ["/dev/null", "/memfd:", "socket:", "pipe:", "anon_inode:"].iter().any(|kind| target.starts_with(kind))
                || target == "/"
                || target == "/proc"
                || target.starts_with(bundle.folder().join("call").to_str().unwrap());
        assert!(own, "{} -> {target}", entry.path().display());
    }
}
