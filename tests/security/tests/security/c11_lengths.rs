//! SECURITY C11: what is long comes through whole or is an error, and never shifts what comes after: CVE-2021-43784.
//!
//! Controls: the mutants `c11-`. Debian's runc 1.1.5 has the fix.

use harness::bundle::seen;
use harness::{Bundle, Outcome, need_cofferdam, need_root};
use rig::rounds;
use serde_json::{Value, json};
use std::fs;

/// Around the limits of 12, 16, 17 and 20 bits.
fn lengths() -> impl Iterator<Item = usize> {
    [12, 16, 17, 20].into_iter().flat_map(|bits| [(1 << bits) - 2, (1 << bits) - 1, 1 << bits, (1 << bits) + 1])
}

/// Text of that length that is different everywhere.
fn text(length: usize) -> String {
    (0..).flat_map(|number: u32| format!("{number},").into_bytes()).take(length).map(char::from).collect()
}

/// A process that has all its own namespaces, or an error in words.
#[track_caller]
fn sound(outcome: Outcome) -> Option<Value> {
    if outcome.code != 0 {
        outcome.fails();
        return None;
    }
    let seen = seen(&outcome);
    for kind in ["pid", "net", "ipc", "uts", "mnt"] {
        let host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        assert_ne!(seen["namespaces"][kind], host.to_str().unwrap(), "{kind}");
    }
    Some(seen)
}

#[test]
fn arguments_and_environment_come_through_whole() {
    need_root!();
    for length in lengths() {
        let long = text(length);
        let mut bundle = Bundle::new().with("/process/args", json!(["/probe", long, "last"]));
        if let Some(seen) = sound(bundle.run()) {
            assert_eq!(seen["args"], json!(["/probe", long, "last"]), "{length}");
        }
        bundle.set("/process/args", json!(["/probe"]));
        bundle.set("/process/env/-", json!(format!("LONG={long}")));
        bundle.set("/process/env/-", json!("LAST=1"));
        if let Some(seen) = sound(bundle.run()) {
            let environment = seen["env"].as_array().unwrap();
            assert!(
                environment.contains(&json!(format!("LONG={long}"))) && environment.contains(&json!("LAST=1")),
                "{length}"
            );
        } else {
            // The kernel takes 128 KiB in one string: execve(2).
            assert!(length + 5 >= 1 << 17, "{length}");
        }
    }
}

/// Thousands of short ones are as long together.
#[test]
fn many_come_through_whole() {
    need_root!();
    for count in [4095, 4096, 20_000] {
        let many: Vec<String> = (0..count).map(|number| format!("V{number}={number}")).collect();
        let mut bundle = Bundle::new();
        bundle.set(
            "/process/env",
            json!(many.iter().chain([&format!("COFFERDAM_TEST={}", bundle.tag())]).collect::<Vec<_>>()),
        );
        bundle.set(
            "/process/args",
            json!(["/probe"].into_iter().chain(many.iter().map(String::as_str)).collect::<Vec<_>>()),
        );
        let seen = sound(bundle.run()).expect("a start");
        assert_eq!(seen["args"].as_array().unwrap().len(), count + 1);
        assert_eq!(seen["args"][count], json!(many[count - 1]));
        assert_eq!(
            seen["env"].as_array().unwrap().iter().filter(|pair| pair.as_str().unwrap().starts_with('V')).count(),
            count
        );
    }
}

/// What is long in other places: too long for the kernel, an error; else without effect on the rest.
#[test]
fn no_other_long_text_shifts_anything() {
    need_root!();
    need_cofferdam!("runc has limits of its own");
    // One length of each size; of all sizes where there is time.
    for bits in [16, 12, 17, 20].into_iter().take(rounds(1, 4)) {
        let long = text(1 << bits);
        let under = format!("/{}", long.replace(',', "/"));
        for (place, value) in [
            ("/root/path", json!(under)),
            ("/hostname", json!(long)),
            ("/process/cwd", json!(under)),
            ("/process/apparmorProfile", json!(long)),
            ("/process/selinuxLabel", json!(long)),
            ("/annotations/long", json!(long)),
            ("/linux/maskedPaths/-", json!(under)),
            ("/linux/readonlyPaths/-", json!(under)),
            ("/linux/cgroupsPath", json!(format!("/cofferdam-test-long/{long}"))),
            ("/linux/sysctl", json!({ format!("kernel.{long}"): "1" })),
            ("/linux/sysctl", json!({ "kernel.domainname": long })),
            ("/linux/namespaces/0/path", json!(under)),
            ("/mounts/-", json!({"destination": under, "type": "tmpfs", "source": "tmpfs"})),
            (
                "/mounts/-",
                json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": [format!("size={long}")]}),
            ),
            ("/hooks/createContainer", json!([{"path": "/bin/true", "args": ["true", long]}])),
            ("/hooks/createContainer", json!([{"path": "/bin/true", "env": [format!("LONG={long}")]}])),
            ("/hooks/poststart", json!([{"path": "/bin/true", "args": ["true", long]}])),
        ] {
            let outcome = Bundle::new().with(place, value).run();
            assert!(outcome.err.len() < 8 << 10, "{place}: an error of {} bytes", outcome.err.len());
            sound(outcome);
        }
    }
}

/// As many mappings as the kernel takes, and more.
#[test]
fn mappings_come_through_whole() {
    need_root!();
    need_cofferdam!("runc's helper has limits of its own");
    for count in [1_u32, 5, 340, 341, 4000] {
        let maps: Vec<Value> = (0..count)
            .map(|number| json!({"containerID": number, "hostID": 100_000 + 2 * number, "size": 1}))
            .collect();
        let mut bundle = Bundle::new().in_user_namespace();
        std::os::unix::fs::chown(bundle.rootfs(""), Some(100_000), Some(100_000)).unwrap();
        bundle.set("/linux/uidMappings", json!(maps));
        bundle.set("/process/args", json!(["/probe", "read:/proc/self/uid_map"]));
        if let Some(seen) = sound(bundle.run()) {
            let map = seen["answers"]["read:/proc/self/uid_map"].as_str().unwrap();
            assert_eq!(map.lines().count(), count as usize, "{map}");
        } else {
            // A page of text is all: user_namespaces(7).
            assert!(count > 300, "{count}");
        }
    }
}
