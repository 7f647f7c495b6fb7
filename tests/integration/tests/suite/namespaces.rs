//! Namespaces: new, joined, shared with the host.

use harness::{Bundle, need_cofferdam, need_root, skip};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn own(kind: &str) -> String {
    fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_hostname_needs_a_namespace_of_its_own() {
    need_root!();
    let before = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let mut bundle = Bundle::new();
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "uts");
    bundle.set("/hostname", json!("stolen"));
    bundle.create().fails().says("hostname");
    bundle.assert_nothing_left();
    bundle.remove("/hostname");
    assert_eq!(bundle.probe(&[])["namespaces"]["uts"], own("uts"));
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

#[test]
fn a_domain_name_is_set() {
    need_root!();
    need_cofferdam!("domainname is newer");
    let mut bundle = Bundle::new().with("/domainname", json!("example.org"));
    assert_eq!(bundle.probe(&[])["domainname"], "example.org");
}

#[test]
fn namespaces_of_another_container_are_joined() {
    need_root!();
    let first = Bundle::of_sleep();
    first.up();
    let path = |kind: &str| format!("/proc/{}/ns/{kind}", first.pid());
    let mut second = Bundle::new().with(
        "/linux/namespaces",
        json!([
            {"type": "mount"}, {"type": "pid", "path": path("pid")}, {"type": "network", "path": path("net")},
            {"type": "ipc", "path": path("ipc")}, {"type": "uts", "path": path("uts")},
        ]),
    );
    second.remove("/hostname");
    let seen = second.probe(&[]);
    for kind in ["ipc", "net", "pid", "uts"] {
        assert_eq!(seen["namespaces"][kind], fs::read_link(path(kind)).unwrap().to_str().unwrap(), "{kind}");
    }
    assert_ne!(seen["namespaces"]["mnt"], fs::read_link(path("mnt")).unwrap().to_str().unwrap());
    assert_eq!(first.status(), "running");
    second.assert_nothing_left();
}

#[test]
fn a_user_namespace_maps_ids() {
    need_root!();
    let mut bundle = Bundle::new().in_user_namespace();
    let seen = bundle.probe(&["read:/proc/self/uid_map", "stat:/dev/null", "stat:/etc/passwd"]);
    assert_ne!(seen["namespaces"]["user"], own("user"));
    assert_eq!(seen["status"]["Uid"], "0 0 0 0");
    let map: Vec<&str> = seen["answers"]["read:/proc/self/uid_map"].as_str().unwrap().split_whitespace().collect();
    assert_eq!(map, ["0", "100000", "65536"]);
    let null = &seen["answers"]["stat:/dev/null"];
    assert_eq!((&null["kind"], &null["major"], &null["minor"]), (&json!("character"), &json!(1), &json!(3)));
    assert_eq!(seen["status"]["CapEff"], own_set(&bundle));
    bundle.assert_nothing_left();
}

/// The effective set that the config asks for, as the kernel prints it.
fn own_set(bundle: &Bundle) -> String {
    let numbers = [
        ("CAP_AUDIT_WRITE", 29),
        ("CAP_CHOWN", 0),
        ("CAP_DAC_OVERRIDE", 1),
        ("CAP_FOWNER", 3),
        ("CAP_KILL", 5),
        ("CAP_MKNOD", 27),
        ("CAP_NET_BIND_SERVICE", 10),
        ("CAP_SETGID", 6),
        ("CAP_SETUID", 7),
        ("CAP_SYS_CHROOT", 18),
    ];
    let listed = bundle.config["process"]["capabilities"]["effective"].as_array().unwrap();
    let number = |name: &Value| numbers.iter().find(|(known, _)| name == known).map(|(_, number)| 1_u64 << number);
    format!("{:016x}", listed.iter().filter_map(number).sum::<u64>())
}

#[test]
fn a_user_namespace_takes_exec_and_joining() {
    need_root!();
    let mut bundle = Bundle::new().in_user_namespace();
    bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.up();
    let init = fs::read_link(format!("/proc/{}/ns/user", bundle.pid())).unwrap();
    let seen = bundle.exec_probe(&[], &[]);
    assert_eq!(seen["namespaces"]["user"], init.to_str().unwrap());
    assert_eq!(seen["status"]["Uid"], "0 0 0 0");
}

#[test]
fn a_time_namespace_belongs_to_the_user_namespace_made_with_it() {
    need_root!();
    need_cofferdam!("time namespaces are newer");
    if !Path::new("/proc/self/ns/time").exists() {
        skip!("the kernel has no time namespaces");
    }
    let mut first = Bundle::new().in_user_namespace();
    first.set("/linux/namespaces/-", json!({"type": "time"}));
    first.set("/linux/timeOffsets", json!({"boottime": {"secs": 1337}}));
    first.set("/process/args", json!(["/bin/sleep", "1000"]));
    first.up();
    let path = |kind: &str| format!("/proc/{}/ns/{kind}", first.pid());
    // Only who has rights over its owner may join it.
    let mut second = Bundle::new();
    for kind in ["user", "time"] {
        second.set("/linux/namespaces/-", json!({"type": kind, "path": path(kind)}));
    }
    let seen = second.probe(&[]);
    assert_eq!(seen["namespaces"]["time"], fs::read_link(path("time")).unwrap().to_str().unwrap());
}

/// Who shares memory may enter no time namespace, and where a PID namespace is joined, the process that goes in has the
/// memory of the one before it, which may be on its way out still: so it is tried often.
#[test]
fn who_joins_a_pid_namespace_may_have_a_time_namespace() {
    need_root!();
    need_cofferdam!("time namespaces are newer");
    if !Path::new("/proc/self/ns/time").exists() {
        skip!("the kernel has no time namespaces");
    }
    let time = |bundle: &mut Bundle| {
        bundle.set("/linux/namespaces/-", json!({"type": "time"}));
        bundle.set("/linux/timeOffsets", json!({"boottime": {"secs": 1337}}));
    };
    let mut first = Bundle::of_sleep();
    time(&mut first);
    first.up();
    let path = |kind: &str| format!("/proc/{}/ns/{kind}", first.pid());
    let link = |kind: &str| json!(fs::read_link(path(kind)).unwrap());
    let seen = first.exec_probe(&[], &[]);
    assert_eq!((&seen["namespaces"]["pid"], &seen["namespaces"]["time"]), (&link("pid"), &link("time")));

    let mut guest = Bundle::of_sleep().in_user_namespace();
    time(&mut guest);
    guest.up();
    let theirs = fs::read_link(format!("/proc/{}/ns/time", guest.pid())).unwrap();
    for _ in 0..10 {
        assert_eq!(guest.exec_probe(&[], &[])["namespaces"]["time"], json!(theirs));
    }

    for joins_time in [true; 10].into_iter().chain([false]) {
        let mut second = Bundle::new();
        second.set("/linux/namespaces/0", json!({"type": "pid", "path": path("pid")}));
        if joins_time {
            second.set("/linux/namespaces/-", json!({"type": "time", "path": path("time")}));
        } else {
            time(&mut second);
        }
        let seen = second.probe(&["read:/proc/self/timens_offsets"]);
        assert_eq!(seen["namespaces"]["pid"], link("pid"));
        assert_eq!(seen["namespaces"]["time"] == link("time"), joins_time);
        let offsets = seen["answers"]["read:/proc/self/timens_offsets"].as_str().unwrap();
        assert!(offsets.contains("1337"), "{offsets}");
    }
}

#[test]
fn the_loopback_device_is_up() {
    need_root!();
    let mut bundle = Bundle::new();
    let flags = bundle.probe(&["read:/sys/class/net/lo/flags"]);
    assert_eq!(flags["answers"]["read:/sys/class/net/lo/flags"], "0x9", "lo is not up");
}

#[test]
fn a_network_that_belongs_to_another_user_namespace_is_joined() {
    need_root!();
    need_cofferdam!("Debian's runc enters the user namespace first");
    let network = Bundle::of_sleep();
    network.up();
    let user = Bundle::new().in_user_namespace().with("/process/args", json!(["/bin/sleep", "1000"]));
    user.up();
    let path = |bundle: &Bundle, kind: &str| format!("/proc/{}/ns/{kind}", bundle.pid());
    let network = path(&network, "net");
    let user = path(&user, "user");
    let link = |path: &str| json!(fs::read_link(path).unwrap());
    for joins_user in [true, false] {
        for limit in [None, Some(1)] {
            let mut bundle = if joins_user { Bundle::new() } else { Bundle::new().in_user_namespace() };
            if joins_user {
                bundle.set("/linux/namespaces/-", json!({"type": "user", "path": user}));
            }
            bundle.set("/linux/namespaces/1", json!({"type": "network", "path": network}));
            bundle.set("/linux/resources/pids", json!({"limit": limit.unwrap_or(-1)}));
            // Only the owner of the network may mount one.
            let seen = bundle.without_mounts(&["sysfs", "cgroup"]).probe(&[]);
            assert_eq!(seen["namespaces"]["net"], link(&network));
            assert_eq!(seen["namespaces"]["user"] == link(&user), joins_user);
            assert_eq!(seen["status"]["Uid"], "0 0 0 0");
        }
    }
}

#[test]
fn a_user_namespace_may_have_no_root() {
    need_root!();
    need_cofferdam!("Debian's runc needs a root");
    // The group of its terminals is not mapped.
    let mut bundle = Bundle::new().in_user_namespace().without_mounts(&["devpts"]);
    bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.set("/process/user", json!({"uid": 1005, "gid": 1006, "additionalGids": [1007]}));
    for maps in ["/linux/uidMappings", "/linux/gidMappings"] {
        bundle.set(maps, json!([{"containerID": 1000, "hostID": 101_000, "size": 10}]));
    }
    bundle.up();
    let seen = bundle.exec_probe(&[], &["stat:/dev/shm"]);
    assert_eq!(seen["status"]["Uid"], "1005 1005 1005 1005");
    assert_eq!(seen["status"]["Gid"], "1006 1006 1006 1006");
    assert_eq!(seen["status"]["Groups"], "1007");
    assert_eq!(seen["namespaces"]["user"], json!(fs::read_link(format!("/proc/{}/ns/user", bundle.pid())).unwrap()));
}
