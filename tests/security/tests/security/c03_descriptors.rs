//! SECURITY C3: no descriptor and no working directory of the host comes into a container: CVE-2024-21626.
//!
//! Controls: `a_shell_that_leaks_is_noticed`; the mutants `c03-`. Debian's runc 1.1.5 has the fixes.

use harness::bundle::seen;
use harness::{Bundle, need_cofferdam, need_root};
use rig::attackers::leaking;
use rig::rounds;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

fn kept(seen: &Value) -> Vec<u32> {
    let mut numbers: Vec<u32> =
        seen["descriptors"].as_object().unwrap().keys().map(|key| key.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// The numbers of descriptors that are tried.
fn numbers() -> std::ops::Range<usize> {
    0..rounds(10, 65)
}

#[test]
fn run_and_exec_hand_on_only_the_standard_streams() {
    need_root!();
    let bundle = Bundle::new();
    assert_eq!(kept(&seen(&leaking(&bundle, &["run", bundle.id()]).ok())), [0, 1, 2]);
    let bundle = Bundle::of_sleep();
    leaking(&bundle, &["create", bundle.id()]).ok();
    leaking(&bundle, &["start", bundle.id()]).ok();
    assert_eq!(kept(&seen(&leaking(&bundle, &["exec", bundle.id(), "/probe"]).ok())), [0, 1, 2]);
    let listed = fs::read_dir(format!("/proc/{}/fd", bundle.pid())).unwrap().flatten();
    assert_eq!(listed.filter(|entry| entry.file_name().to_str().unwrap().parse::<u32>().unwrap() > 2).count(), 0);
}

#[test]
fn descriptors_are_preserved_when_told_and_no_more() {
    need_root!();
    for count in [0_u32, 1, 5] {
        let bundle = Bundle::new();
        let seen = seen(&leaking(&bundle, &["run", "--preserve-fds", &count.to_string(), bundle.id()]).ok());
        assert_eq!(kept(&seen), (0..3 + count).collect::<Vec<_>>(), "{}", seen["descriptors"]);
    }
}

#[test]
fn a_preserved_descriptor_that_is_none_is_an_error() {
    need_root!();
    need_cofferdam!("Debian's runc hands its own over");
    let bundle = Bundle::new();
    bundle.call(["run", "--preserve-fds", "3", bundle.id()]).fails();
    bundle.assert_nothing_left();
}

/// Ways that lead through a descriptor: as they are, and by the link `/w` of the image.
fn each_way(bundle: &mut Bundle, rests: &[&str], mut each: impl FnMut(&mut Bundle, &str)) {
    for number in numbers() {
        for rest in rests {
            let outside = format!("/proc/self/fd/{number}{rest}");
            drop(fs::remove_file(bundle.rootfs("w")));
            symlink(&outside, bundle.rootfs("w")).unwrap();
            each(bundle, &outside);
            each(bundle, "/w");
        }
    }
}

#[test]
fn a_working_directory_outside_is_refused() {
    need_root!();
    let mut bundle = Bundle::new();
    each_way(&mut bundle, &["", "/../../.."], |bundle, way| {
        bundle.set("/process/cwd", json!(way));
        // Even one that the program is given leads nowhere outside.
        inside_or_refused(&leaking(bundle, &["run", "--preserve-fds", "38", bundle.id()]).outcome());
    });
    bundle.assert_nothing_left();
}

/// Either nothing was run, or its working directory is one that the container's root leads to.
#[track_caller]
fn inside_or_refused(outcome: &harness::Outcome) {
    if outcome.code != 0 {
        return;
    }
    let seen = seen(outcome);
    let cwd = seen["cwd"].as_str().unwrap_or_default();
    assert!(cwd.starts_with('/') && !cwd.contains("unreachable"), "{cwd}");
    assert_eq!(seen["root"]["inode"], seen["above"]["inode"]);
}

#[test]
fn exec_into_a_working_directory_outside_is_refused() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    bundle.up();
    each_way(&mut bundle, &["", "/../../.."], |bundle, way| {
        inside_or_refused(
            &leaking(bundle, &["exec", "--preserve-fds", "38", "--cwd", way, bundle.id(), "/probe"]).outcome(),
        );
    });
}

#[test]
fn a_program_outside_is_refused() {
    need_root!();
    let mut bundle = Bundle::new();
    each_way(&mut bundle, &["/usr/bin/true", "/../../usr/bin/true"], |bundle, way| {
        bundle.set("/process/args", json!([way]));
        leaking(bundle, &["run", bundle.id()]).fails();
    });
}

/// All that init holds while it waits for `start`: the standard streams, and the sockets that it hears by.
#[test]
fn init_that_waits_for_start_holds_nothing_of_the_host() {
    need_root!();
    need_cofferdam!("the kinds are ours");
    for preserved in [0_u32, 2] {
        let bundle = Bundle::of_sleep();
        leaking(&bundle, &["create", "--preserve-fds", &preserved.to_string(), bundle.id()]).ok();
        let mut sockets = 0;
        for entry in fs::read_dir(format!("/proc/{}/fd", bundle.pid())).unwrap().flatten() {
            let target = fs::read_link(entry.path()).unwrap();
            if entry.file_name().to_str().unwrap().parse::<u32>().unwrap() >= 3 + preserved {
                assert!(target.to_str().unwrap().starts_with("socket:"), "{}", target.display());
                sockets += 1;
            }
        }
        assert!(sockets <= 2, "{sockets} sockets");
    }
}

/// The positive control: what a program without care hands on is seen.
#[test]
fn a_shell_that_leaks_is_noticed() {
    need_root!();
    let bundle = Bundle::new();
    let seen = seen(&leaking(&bundle, &["run", "--preserve-fds", "38", bundle.id()]).ok());
    assert!(kept(&seen).len() > 30, "{}", seen["descriptors"]);
    let targets: Vec<&str> = seen["descriptors"].as_object().unwrap().values().filter_map(Value::as_str).collect();
    assert!(targets.contains(&"/etc/passwd"), "{targets:?}");
}
