//! SECURITY C20: kernels write as much of an argument as they know of, not as much as they were told; so what they are
//! given is always as large as any kernel's (GO-2026-6238).

use harness::{Bundle, need_root, skip};
use rig::host_print::assert_nothing_left;
use serde_json::json;
use std::fs;
use std::path::Path;

/// The size of the kernel's `union bpf_attr` in Linux 7.1, and more.
const ATTRIBUTE: u64 = 168;

/// The sizes that a command's calls of bpf(2) told.
fn sizes(bundle: &Bundle, arguments: &[&str]) -> Vec<u64> {
    let file = bundle.folder().join("trace");
    bundle
        .under_strace(&["-o", file.to_str().unwrap(), "-e", "trace=bpf", "-e", "raw=bpf"], arguments.iter().copied())
        .ok();
    let text = fs::read_to_string(&file).unwrap();
    let last = |line: &str| {
        let arguments = line.split_once("bpf(")?.1.split_once(')')?.0;
        let size = arguments.rsplit(", ").next()?;
        u64::from_str_radix(size.trim_start_matches("0x"), 16).ok()
    };
    text.lines().filter_map(last).collect()
}

#[test]
fn a_bpf_attribute_is_whole() {
    need_root!();
    if !harness::host::pure_v2() {
        skip!("device rules are BPF programs on cgroup v2 alone; the calls are tested in crates/cgroups/tests/kernel");
    }
    let bundle = Bundle::of_sleep();
    let rules = json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]);
    let bundle = bundle.with("/linux/resources/devices", rules);
    // Of a cgroup that is there already it is asked whether it has rules.
    fs::create_dir(Path::new("/sys/fs/cgroup").join(format!("cofferdam-test-{}", bundle.tag()))).unwrap();
    let found = sizes(&bundle, &["run", "--detach", bundle.id()]);
    assert!(found.len() >= 3, "{found:?}");
    assert!(found.iter().all(|size| *size >= ATTRIBUTE), "{found:?}");
}

/// What a container may open of `/dev/kmsg`, which no container gets by itself.
const LOOK: &str = "/bin/head -c 0 /dev/kmsg";

#[test]
fn rules_hold_however_often_they_are_made() {
    need_root!();
    let with = |more: bool| {
        let mut rules = vec![json!({"allow": false, "access": "rwm"})];
        rules.extend(more.then(|| json!({"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"})));
        json!(rules)
    };
    let rounds = rig::rounds(30, 10_000).min(if harness::host::is_user_mode() { 10 } else { 10_000 });
    for round in 0..rounds {
        let bundle = Bundle::of_shell(&format!("mknod /dev/kmsg c 1 11; {LOOK} && echo open; true"))
            .with_capability("CAP_SYSLOG")
            .with("/linux/resources/devices", with(round % 2 == 0));
        let outcome = bundle.run();
        assert_eq!(outcome.code, 0, "{outcome}");
        assert_eq!(outcome.out == "open\n", round % 2 == 0, "round {round}: {outcome}");
        assert_nothing_left(&bundle);
    }
}
