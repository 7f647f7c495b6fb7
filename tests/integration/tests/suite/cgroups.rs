//! Limits, as the cgroup's files show them. Files of both versions are looked up; a controller that the
//! machine lacks is a skip.

use harness::{Bundle, host, need_cofferdam, need_root, skip};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

macro_rules! need_controller {
    ($name:literal) => {
        need_root!();
        if host::hierarchy($name).is_none() {
            skip!("no {} controller here", $name);
        }
    };
}

fn up(resources: &str, value: Value) -> Bundle {
    let bundle = Bundle::of_sleep().with(&format!("/linux/resources/{resources}"), value);
    bundle.create().ok();
    bundle
}

#[test]
fn tcp_buffers_have_a_limit_on_v1() {
    need_cofferdam!("runc ignores it");
    need_controller!("memory");
    if host::pure_v2() {
        skip!("cgroup v2 counts TCP buffers as memory");
    }
    let bundle = up("memory", json!({"kernelTCP": 33_554_432}));
    let limit = || bundle.cgroup_file("memory", "memory.kmem.tcp.limit_in_bytes", "");
    assert_eq!(limit(), "33554432");
    bundle.call(["update", "--kernel-memory-tcp", "16M", bundle.id()]).ok();
    assert_eq!(limit(), "16777216");
    bundle.call(["update", "--kernel-memory-tcp", "-1", bundle.id()]).ok();
    assert!(limit().parse::<u64>().is_ok_and(|limit| limit > 1 << 60));
}

#[test]
fn the_configs_devices_come_first_in_the_list_and_in_order() {
    need_cofferdam!("runc ignores it");
    need_controller!("devices");
    let rule = |kind: &str, major: u32, minor: u32| json!({"allow": true, "type": kind, "major": major, "minor": minor, "access": "rw"});
    let rules = json!([{"allow": false, "access": "rwm"}, rule("c", 10, 229), rule("b", 8, 20), rule("c", 9, 1)]);
    let bundle = up("devices", rules);
    let list = bundle.cgroup_file("devices", "devices.list", "");
    assert!(list.starts_with("c 10:229 rw\nb 8:20 rw\nc 9:1 rw\n"), "{list}");
}

#[test]
fn process_limits_hold() {
    need_controller!("pids");
    let bundle = up("pids", json!({"limit": 7}));
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "7");
    bundle.call(["start", bundle.id()]).ok();
    let outcome = bundle.exec(&["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait"]);
    assert!(outcome.err.contains("fork"), "{outcome}");
}

#[test]
fn one_process_is_enough() {
    need_controller!("pids");
    let mut bundle = Bundle::new().with("/linux/resources/pids", json!({"limit": 1}));
    if harness::programs::is_cofferdam() {
        bundle.probe(&[]);
    } else {
        // A runtime with threads of its own needs more.
        bundle.set("/linux/resources/pids/limit", json!(64));
        bundle.probe(&[]);
    }
}

#[test]
fn exec_is_in_the_cgroup_too() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let seen = bundle.exec_probe(&[], &[]);
    let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap().to_owned();
    for line in seen["cgroup"].as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(line.ends_with(&path) || (!host::pure_v2() && line.starts_with("0:")), "{line}");
    }
}

#[test]
fn a_cgroup_with_processes_in_it_is_refused() {
    need_root!();
    need_cofferdam!("Debian's runc warns only");
    let first = Bundle::of_sleep();
    first.up();
    let second = Bundle::of_sleep().with("/linux/cgroupsPath", first.config["linux"]["cgroupsPath"].clone());
    second.create().fails().says("container's cgroup is not empty");
    assert_eq!(first.status(), "running");
}

#[test]
fn the_cgroup_is_shown_and_cannot_be_written() {
    need_root!();
    let mut bundle = Bundle::new();
    bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
    let procs = if host::pure_v2() { "/sys/fs/cgroup/cgroup.procs" } else { "/sys/fs/cgroup/freezer/cgroup.procs" };
    let write = format!("write:{procs}=1");
    let seen = bundle.probe(&["list:/sys/fs/cgroup", &format!("read:{procs}"), &write]);
    assert_eq!(seen["answers"][format!("read:{procs}")], "1", "{:#}", seen["answers"]);
    assert!(seen["answers"][&write].as_str().unwrap().contains("Read-only"), "{:#}", seen["answers"]);
    if !host::pure_v2() {
        let listed = seen["answers"]["list:/sys/fs/cgroup"].as_array().unwrap();
        for top in host::hierarchies() {
            assert!(
                listed.contains(&json!(top.file_name().unwrap().to_str().unwrap())) || top.ends_with("unified"),
                "{top:?}"
            );
        }
    }
}

#[test]
fn the_cgroup_without_a_namespace_shows_only_the_own_part() {
    need_root!();
    let mut bundle = Bundle::new();
    let procs = if host::pure_v2() { "/sys/fs/cgroup/cgroup.procs" } else { "/sys/fs/cgroup/freezer/cgroup.procs" };
    let seen = bundle.probe(&[&format!("read:{procs}")]);
    assert_eq!(seen["answers"][format!("read:{procs}")], "1", "{:#}", seen["answers"]);
}

#[test]
fn running_out_of_memory_ends_the_program() {
    need_controller!("memory");
    let bundle = Bundle::of_shell("tail /dev/zero; echo $?")
        .with("/linux/resources/memory", json!({"limit": 33_554_432, "swap": 33_554_432}));
    let outcome = bundle.run();
    assert!(outcome.code == 137 || outcome.out.contains("137"), "{outcome}");
    bundle.assert_nothing_left();
}

#[test]
fn update_changes_limits_and_keeps_the_others() {
    need_controller!("memory");
    let bundle = up("memory", json!({"limit": 67_108_864}));
    bundle.call(["start", bundle.id()]).ok();
    bundle.call(["update", "--memory", "96m", "--pids-limit", "30", bundle.id()]).ok();
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "100663296");
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "30");
    bundle.call(["update", bundle.id(), "--cpu-quota", "70000", "--cpu-period", "100000"]).ok();
    if host::pure_v2() {
        assert_eq!(bundle.cgroup_file("cpu", "", "cpu.max"), "70000 100000");
    } else {
        assert_eq!(bundle.cgroup_file("cpu", "cpu.cfs_quota_us", ""), "70000");
    }
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "100663296");
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "30");
}

#[test]
fn update_takes_json_from_a_file_and_from_stdin() {
    need_controller!("memory");
    let bundle = up("memory", json!({"limit": 67_108_864}));
    let limit = |bytes: u32| json!({"memory": {"limit": bytes}, "pids": {"limit": 12}}).to_string();
    fs::write(bundle.folder().join("r.json"), limit(50_331_648)).unwrap();
    bundle.call(["update", "-r", "r.json", bundle.id()]).ok();
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "50331648");
    bundle.call(["update", "--resources=-", bundle.id()]).input(&limit(41_943_040)).ok();
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "41943040");
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "12");
}

#[test]
fn update_leaves_devices_alone() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    for _ in 0..3 {
        bundle.call(["update", "--pids-limit", "50", bundle.id()]).ok();
    }
    bundle.exec(&["sh", "-c", "head -c 1 /dev/zero >/dev/null"]).ok();
    let denied = bundle.exec(&["sh", "-c", "mknod /dev/d b 7 0 && cat /dev/d"]);
    assert!(denied.err.contains("not permitted"), "{denied}");
}

#[test]
fn events_tell_the_figures() {
    need_controller!("memory");
    let bundle = up("memory", json!({"limit": 67_108_864}));
    bundle.call(["start", bundle.id()]).ok();
    let outcome = bundle.call(["events", "--stats", bundle.id()]).ok();
    assert!(
        outcome.out.starts_with(&format!("{{\"type\":\"stats\",\"id\":\"{}\",\"data\":", bundle.id())),
        "{outcome}"
    );
    let event: Value = serde_json::from_str(&outcome.out).unwrap();
    let data = &event["data"];
    assert_eq!(data["memory"]["usage"]["limit"], 67_108_864);
    assert_eq!(data["pids"]["current"], 1);
    assert!(
        data["memory"]["raw"].is_object() && data["cpu"]["usage"].is_object() && data["blkio"].is_object(),
        "{data:#}"
    );
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.call(["events", "--stats", bundle.id()]).fails().says("is not running");
}

#[test]
fn events_stream_until_the_end() {
    need_controller!("memory");
    let bundle = Bundle::of_sleep();
    bundle.up();
    let stream = bundle.call(["events", "--interval", "100ms", bundle.id()]).begin();
    harness::eventually("three events", || stream.out().lines().count() >= 3);
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.delete().ok();
    let outcome = stream.outcome().ok();
    assert!(outcome.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{outcome}");
}

#[test]
fn events_tell_of_running_out_of_memory() {
    need_controller!("memory");
    let bundle = Bundle::of_shell("sleep .5; tail /dev/zero; sleep 1000")
        .with("/linux/resources/memory", json!({"limit": 33_554_432, "swap": 33_554_432}));
    bundle.create().ok();
    let stream = bundle.call(["events", "--interval", "100ms", bundle.id()]).begin();
    bundle.call(["start", bundle.id()]).ok();
    let wanted = format!("{{\"type\":\"oom\",\"id\":\"{}\"}}", bundle.id());
    harness::eventually("an oom event", || stream.out().lines().any(|line| line == wanted));
    bundle.call(["delete", "--force", bundle.id()]).ok();
    stream.outcome();
}

#[test]
fn memory_that_is_too_little_for_a_container_is_said_to_be() {
    need_controller!("memory");
    need_cofferdam!("it says less");
    let bundle = Bundle::of_sleep().with("/linux/resources/memory", json!({"limit": 65_536, "swap": 65_536}));
    let outcome = bundle.create().fails();
    // On v1 the runtime's own mounts of it may fail for want of memory before the kernel kills.
    assert!(outcome.err.contains("OOM-killed") || outcome.err.contains("cannot allocate memory"), "{outcome}");
    bundle.assert_nothing_left();
}

/// What v1 can't express: a part of what is allowed by a wider rule, taken back.
#[test]
fn a_hole_in_a_wider_rule_is_refused_on_v1() {
    need_controller!("devices");
    need_cofferdam!("it says less");
    let rule = |allow: bool, minor: Value, access: &str| json!({"allow": allow, "type": "c", "major": 10, "minor": minor, "access": access});
    let mut wide = rule(true, json!(0), "rw");
    wide.as_object_mut().unwrap().remove("minor");
    let rules = json!([{"allow": false, "access": "rwm"}, wide, rule(false, json!(229), "w")]);
    let bundle = Bundle::of_sleep().with("/linux/resources/devices", rules);
    if host::pure_v2() {
        bundle.create().ok();
        return;
    }
    bundle.create().fails().says("/linux/resources/devices").says("cannot punch hole");
    bundle.assert_nothing_left();
}

/// v1 gives a cgroup only devices that the one above it has.
#[test]
fn devices_that_the_cgroup_above_has_not_are_refused_on_v1() {
    need_controller!("devices");
    need_cofferdam!("it says less");
    let Some(top) = host::hierarchy("devices").filter(|_| !host::pure_v2()) else { skip!("cgroup v2") };
    let bundle = Bundle::of_sleep();
    let above = format!("{}-above", bundle.tag());
    let folder = top.join(&above);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("devices.deny"), "a").unwrap();
    for rule in ["c *:* m", "b *:* m", "c 1:* rwm", "c 5:* rwm", "c 136:* rwm", "c 10:200 rwm", "c 10:229 r"] {
        fs::write(folder.join("devices.allow"), rule).unwrap();
    }
    let asks = |access: &str| {
        let rule = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": access});
        json!([{"allow": false, "access": "rwm"}, rule])
    };
    let bundle =
        bundle.with("/linux/cgroupsPath", json!(format!("/{above}/c"))).with("/linux/resources/devices", asks("rw"));
    bundle.create().fails().says("/linux/resources/devices").says("the cgroup above does not allow it either");
    let bundle = bundle.with("/linux/resources/devices", asks("r"));
    bundle.create().ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    for hierarchy in host::hierarchies() {
        let _made_by_create = fs::remove_dir(hierarchy.join(&above));
    }
    bundle.assert_nothing_left();
}

#[test]
fn hybrid_machines_have_all_hierarchies_used() {
    need_root!();
    if host::pure_v2() || !Path::new("/sys/fs/cgroup/unified").exists() {
        skip!("no hybrid of cgroup v1 and v2");
    }
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let cgroups = bundle.footprint().cgroups;
    for controller in ["memory", "cpu", "pids", "freezer", "devices", "cpuset", "blkio"] {
        assert!(
            cgroups.iter().any(|path| path.starts_with(Path::new("/sys/fs/cgroup").join(controller))),
            "{controller}: {cgroups:?}"
        );
    }
}

/// Limits may be set before there is a process. Those of a cgroup that was there are not, for a config that is refused.
#[test]
fn a_config_that_is_refused_changes_no_limit_of_a_cgroup_that_was_there() {
    need_cofferdam!("Debian's runc has other words");
    need_controller!("pids");
    // On v2 the controllers are on from then on.
    drop(up("pids", json!({"limit": 20})));
    for (pointer, value, words) in [
        ("/annotations", json!({"once": "1", "twice": "2"}), "/annotations/twice is given twice"),
        ("/mounts/-", json!({"destination": "/proc/sys", "type": "tmpfs"}), "inside /proc"),
        ("/linux/sysctl", json!({"kernel.nonesuch": "1"}), "kernel.nonesuch"),
    ] {
        let bundle = Bundle::of_sleep().with("/linux/resources/pids", json!({"limit": 20})).with(pointer, value);
        let config = bundle.folder().join("config.json");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, text.replace("\"once\"", "\"twice\"")).unwrap();
        let cgroup = bundle.cgroup("pids");
        fs::create_dir(&cgroup).unwrap();
        fs::write(cgroup.join("pids.max"), "7").unwrap();
        bundle.create().fails().says(words);
        let limit = fs::read_to_string(cgroup.join("pids.max")).unwrap();
        fs::remove_dir(&cgroup).unwrap();
        assert_eq!(limit, "7\n", "{pointer}");
        bundle.assert_nothing_left();
    }
}
