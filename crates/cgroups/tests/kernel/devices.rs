//! Devices allowed and denied by the kernel.

use crate::bench::{Ground, Inmate, on_each_layout, planned};
use rustix::fs::{Mode, OFlags, open};
use std::os::fd::AsFd;

const USUAL: &str = r#"{"devices":[{"allow":false,"access":"rwm"}]}"#;
/// A device that no container gets by itself: /dev/kmsg.
const MORE: &str =
    r#"{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":11,"access":"r"}]}"#;
const ALL: &str = r#"{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"access":"rwm"}]}"#;

/// Whether a process in the cgroup can do that.
fn can(ground: &Ground, script: &str) -> bool {
    Inmate::enter(&ground.paths, script).end() == Some(0)
}

fn filters(ground: &Ground) -> usize {
    let path = ground.paths.unified().unwrap();
    let cgroup = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    sys::bpf::attached(cgroup.as_fd(), &mut [0; 64]).unwrap()
}

#[test]
fn what_is_allowed_and_what_not() {
    on_each_layout("devices", |layout, path| {
        let node = format!("/tmp/cofferdam-test-{}-{}", std::process::id(), path.len());
        let make = format!("mknod {node} b 7 200 && rm {node}");
        let usual = Ground::new(layout, path, USUAL);
        assert!(can(&usual, "exec < /dev/null > /dev/zero"));
        assert!(can(&usual, "exec 4<> /dev/ptmx"));
        assert!(!can(&usual, "exec < /dev/kmsg"));
        assert!(can(&usual, &make), "making any node is allowed");
        drop(usual);
        let more = Ground::new(layout, path, MORE);
        assert!(can(&more, "exec < /dev/kmsg"));
        assert!(!can(&more, "exec > /dev/kmsg"), "only reading is allowed");
        drop(more);
        let all = Ground::new(layout, path, ALL);
        assert!(can(&all, "exec < /dev/kmsg"));
        if all.paths.is_unified() {
            assert_eq!(filters(&all), 0, "what denies nothing needs no filter");
        }
    });
}

#[test]
fn one_filter_however_often_it_is_set() {
    on_each_layout("filters", |layout, path| {
        let ground = Ground::new(layout, path, USUAL);
        if !ground.paths.is_unified() {
            return;
        }
        // `hack/security --full`: kernels of 6.17 to 7.1 wrote past what they were told (SECURITY C20).
        let rounds = if std::env::var_os("COFFERDAM_SECURITY_FULL").is_some() { 10_000 } else { 200 };
        for round in 0..rounds {
            let rules = if round % 2 == 0 { MORE } else { USUAL };
            planned(layout, path, rules).confine(&ground.paths, None, false).unwrap();
            assert_eq!(filters(&ground), 1);
        }
        assert!(!can(&ground, "exec < /dev/kmsg"));
        planned(layout, path, ALL).confine(&ground.paths, None, false).unwrap();
        assert_eq!(filters(&ground), 0);
        assert!(can(&ground, "exec < /dev/kmsg"));
    });
}

#[test]
fn filters_of_others_are_replaced_too() {
    on_each_layout("others", |layout, path| {
        let ground = Ground::new(layout, path, ALL);
        if !ground.paths.is_unified() {
            return;
        }
        let cgroup = open(ground.paths.unified().unwrap(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        // mov r0, 0; exit: nothing is allowed.
        let program = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]].map(u64::from_ne_bytes);
        for _ in 0..3 {
            let filter = sys::bpf::load(&program).unwrap();
            sys::bpf::attach(cgroup.as_fd(), filter.as_fd(), None).unwrap();
        }
        assert_eq!(filters(&ground), 3);
        planned(layout, path, USUAL).confine(&ground.paths, None, false).unwrap();
        assert_eq!(filters(&ground), 1);
        assert!(can(&ground, "exec < /dev/null"));
    });
}

#[test]
fn a_container_in_a_limited_host_is_no_error() {
    on_each_layout("nested", |layout, path| {
        let host = Ground::new(layout, path, USUAL);
        let inner = Ground::new(layout, &format!("{path}/inner"), USUAL);
        assert!(can(&inner, "exec < /dev/null"));
        drop(inner);
        if host.paths.get("devices").is_some() {
            let plan = planned(layout, &format!("{path}/inner"), MORE);
            let paths = plan.create().unwrap();
            let text = plan.confine(&paths, None, false).unwrap_err().to_string();
            assert!(text.contains("the cgroup above does not allow it either"), "{text}");
            paths.remove().unwrap();
        }
    });
}
