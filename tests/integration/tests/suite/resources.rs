//! What is rarely asked for of `linux.resources`, and what can't be had: config-linux.md, control groups.

use harness::{Bundle, host, need_root, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const BASE: &str = "/linux/resources";

macro_rules! need_controller {
    ($name:literal) => {
        need_root!();
        if host::hierarchy($name).is_none() {
            skip!("no {} controller here", $name);
        }
    };
}

fn with(resources: Value) -> Bundle {
    let mut bundle = Bundle::of_sleep();
    let Value::Object(resources) = resources else { panic!("no object: {resources}") };
    for (name, value) in resources {
        bundle.set(&format!("{BASE}/{name}"), value);
    }
    bundle
}

fn up(resources: Value) -> Bundle {
    let bundle = with(resources);
    bundle.create().ok();
    bundle
}

/// What a file of the container's cgroups says, if one of them has it.
fn find(bundle: &Bundle, name: &str) -> Option<String> {
    let mut files = bundle.footprint().cgroups.into_iter().map(|cgroup| cgroup.join(name));
    files.find_map(|path| fs::read_to_string(path).ok()).map(|text| text.trim().to_owned())
}

/// The same of the file that has this name on v1 or that one on v2.
#[track_caller]
fn read(bundle: &Bundle, v1: &str, v2: &str) -> String {
    let name = if host::pure_v2() { v2 } else { v1 };
    find(bundle, name).unwrap_or_else(|| panic!("no {name} in {:?}", bundle.footprint().cgroups))
}

/// These resources are refused in words that name the place, and nothing is left.
#[track_caller]
fn refused(resources: Value, place: &str) {
    let bundle = with(resources);
    let outcome = bundle.create().fails();
    if harness::programs::is_cofferdam() {
        outcome.says(&format!("{BASE}{place}"));
    }
    bundle.assert_nothing_left();
}

#[test]
fn time_that_was_not_used_may_be_used_later() {
    need_controller!("cpu");
    let bundle = up(json!({"cpu": {"quota": 50_000, "period": 100_000, "burst": 20_000}}));
    assert_eq!(read(&bundle, "cpu.cfs_burst_us", "cpu.max.burst"), "20000");
    bundle.call(["update", "--cpu-burst", "30000", bundle.id()]).ok();
    assert_eq!(read(&bundle, "cpu.cfs_burst_us", "cpu.max.burst"), "30000");
    bundle.call(["update", "--cpu-burst", "0", bundle.id()]).ok();
    assert_eq!(read(&bundle, "cpu.cfs_burst_us", "cpu.max.burst"), "0");
    refused(json!({"cpu": {"quota": 50_000, "period": 100_000, "burst": 50_001}}), "/cpu/burst");
}

#[test]
fn an_idle_container() {
    need_controller!("cpu");
    let bundle = up(json!({"cpu": {"idle": 1}}));
    assert_eq!(read(&bundle, "cpu.idle", "cpu.idle"), "1");
    bundle.call(["update", "--cpu-idle", "0", "--cpu-share", "512", bundle.id()]).ok();
    assert_eq!(read(&bundle, "cpu.idle", "cpu.idle"), "0");
    assert_ne!(read(&bundle, "cpu.shares", "cpu.weight"), "0");
    refused(json!({"cpu": {"idle": 2}}), "/cpu/idle");
}

#[test]
fn huge_pages_in_use_and_reserved() {
    need_root!();
    let page = 2 << 20;
    let limit = json!({"hugepageLimits": [{"pageSize": "2MB", "limit": 3 * page}]});
    if find(&up(json!({})), "hugetlb.2MB.max").or(find(&up(json!({})), "hugetlb.2MB.limit_in_bytes")).is_none() {
        skip!("no hugetlb controller here, or no huge pages of 2 MB");
    }
    let bundle = up(limit);
    let read = |kind: &str| {
        let names = [format!("hugetlb.2MB{kind}.max"), format!("hugetlb.2MB{kind}.limit_in_bytes")];
        names.iter().find_map(|name| find(&bundle, name))
    };
    assert_eq!(read("").as_deref(), Some("6291456"));
    assert!(read(".rsvd").is_none_or(|limit| limit == "6291456"));
    refused(json!({"hugepageLimits": [{"pageSize": "3MB", "limit": page}]}), "/hugepageLimits/0");
}

#[test]
fn sizes_of_huge_pages_that_are_none() {
    need_root!();
    for size in ["", "2", "02MB", "2mb", "2MB/../../memory", "../2MB"] {
        refused(json!({"hugepageLimits": [{"pageSize": size, "limit": 0}]}), "/hugepageLimits/0/pageSize");
    }
}

#[test]
fn remote_memory_access() {
    need_root!();
    refused(json!({"rdma": {"mlx5_1": {}}}), "/rdma");
    refused(json!({"rdma": {"mlx5 1": {"hcaHandles": 3}}}), "/rdma");
    // Without the controller there is nothing to write to; with it, no device of that name.
    refused(json!({"rdma": {"nosuch0": {"hcaHandles": 3, "hcaObjects": 10_000}}}), "/rdma");
}

#[test]
fn a_limit_below_the_usage_is_refused_where_that_is_asked_for() {
    need_controller!("memory");
    if !host::pure_v2() {
        skip!("on cgroup v1 the kernel itself refuses, if it can't swap");
    }
    let bundle = Bundle::of_shell("head -c 20000000 /dev/zero > /dev/shm/x; echo > /dev/shm/done; exec sleep 1000")
        .with("/linux/resources/memory", json!({"limit": 100_000_000}));
    bundle.up();
    harness::eventually("memory in use", || bundle.exec(&["cat", "/dev/shm/done"]).code == 0);
    let update = |limit: u32| {
        let text = json!({"memory": {"limit": limit, "checkBeforeUpdate": true}}).to_string();
        bundle.call(["update", "-r", "-", bundle.id()]).input(&text).outcome()
    };
    update(8_388_608).fails();
    assert_eq!(read(&bundle, "", "memory.max"), "99999744");
    update(67_108_864).ok();
    assert_eq!(read(&bundle, "", "memory.max"), "67108864");
    assert_eq!(bundle.status(), "running");
}

#[test]
fn swap_below_the_memory_is_refused() {
    need_root!();
    refused(json!({"memory": {"limit": 67_108_864, "swap": 33_554_432}}), "/memory/swap");
    refused(json!({"memory": {"limit": -2}}), "/memory/limit");
    if host::pure_v2() && host::hierarchy("memory").is_some() {
        refused(json!({"memory": {"swap": 33_554_432}}), "/memory/swap");
    }
}

#[test]
fn what_v1_alone_has_of_memory() {
    need_controller!("memory");
    refused(json!({"memory": {"swappiness": 101}}), "/memory/swappiness");
    // On v2 it is ignored, with a warning.
    let bundle = up(json!({"memory": {"swappiness": 13, "disableOOMKiller": true, "limit": 67_108_864}}));
    if !host::pure_v2() {
        assert_eq!(read(&bundle, "memory.swappiness", ""), "13");
        assert!(read(&bundle, "memory.oom_control", "").starts_with("oom_kill_disable 1"));
    }
}

#[test]
fn kernel_memory_is_a_warning_and_said_once() {
    need_root!();
    let bundle = with(json!({"memory": {"kernel": 1_000_000}}));
    let outcome = bundle.create().ok();
    if harness::programs::is_cofferdam() {
        assert_eq!(outcome.err.to_lowercase().matches("kernel memory").count(), 1, "{outcome}");
    }
}

#[test]
fn keys_of_unified_that_cannot_be() {
    need_root!();
    for key in ["../pids.max", "a/pids.max", "", "..", "."] {
        refused(json!({"unified": {key: "1"}}), "/unified");
    }
    // A controller that is not there; on v1 there is none at all.
    refused(json!({"unified": {"nosuch.max": "1"}}), "/unified");
    refused(json!({"unified": {"pids.max": "nonsense"}}), "/unified");
}

#[test]
fn any_key_of_unified_is_written() {
    need_controller!("pids");
    if !host::pure_v2() {
        skip!("cgroup v1");
    }
    let bundle = up(json!({"unified": {"cgroup.max.depth": "7", "pids.max": "5"}, "pids": {"limit": 3}}));
    assert_eq!(find(&bundle, "cgroup.max.depth").as_deref(), Some("7"));
    assert_eq!(find(&bundle, "pids.max").as_deref(), Some("5"), "it wins");
}

#[test]
fn network_classes_and_priorities() {
    need_root!();
    for (network, controller, place) in [
        (json!({"classID": 1_048_577}), "net_cls", "/network/classID"),
        (json!({"priorities": [{"name": "lo", "priority": 5}]}), "net_prio", "/network/priorities/0"),
    ] {
        if host::pure_v2() || host::hierarchy(controller).is_none() {
            refused(json!({ "network": network }), place);
            continue;
        }
        let bundle = up(json!({ "network": network }));
        let (file, text) = match controller {
            "net_cls" => ("net_cls.classid", "1048577"),
            _ => ("net_prio.ifpriomap", "lo 5"),
        };
        assert!(find(&bundle, file).unwrap().lines().any(|line| line == text));
    }
}

#[test]
fn no_process_but_init() {
    need_controller!("pids");
    let bundle = Bundle::of_shell("echo one; sleep 1; true").with("/linux/resources/pids", json!({"limit": 0}));
    if !harness::programs::is_cofferdam() {
        skip!("another runtime's threads need more");
    }
    let outcome = bundle.run();
    assert!(outcome.out == "one\n" && outcome.err.contains("fork"), "{outcome}");
}

#[test]
fn rates_of_block_devices() {
    need_root!();
    let Some((major, minor)) = host::disk().filter(|_| host::hierarchy("blkio").or(host::hierarchy("io")).is_some())
    else {
        skip!("no disk, or no controller of block devices");
    };
    let rate = |rate: u32| json!([{"major": major, "minor": minor, "rate": rate}]);
    let bundle = up(json!({"blockIO": {
        "throttleReadBpsDevice": rate(1_048_576), "throttleWriteBpsDevice": rate(2_097_152),
        "throttleReadIOPSDevice": rate(100), "throttleWriteIOPSDevice": rate(200),
    }}));
    if host::pure_v2() {
        let expected = format!("{major}:{minor} rbps=1048576 wbps=2097152 riops=100 wiops=200");
        assert_eq!(find(&bundle, "io.max").as_deref(), Some(expected.as_str()));
    } else {
        for (file, rate) in [("read_bps", 1_048_576), ("write_bps", 2_097_152), ("read_iops", 100), ("write_iops", 200)]
        {
            let found = find(&bundle, &format!("blkio.throttle.{file}_device"));
            assert_eq!(found, Some(format!("{major}:{minor} {rate}")), "{file}");
        }
    }
}

#[test]
fn weights_that_cannot_be() {
    need_root!();
    refused(json!({"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}}), "/blockIO/weightDevice/0");
    refused(json!({"blockIO": {"weight": 9}}), "/blockIO/weight");
    refused(json!({"blockIO": {"leafWeight": 1001}}), "/blockIO/leafWeight");
    refused(json!({"cpu": {"cpus": "9999"}}), "/cpu/cpus");
    if host::pure_v2() {
        refused(json!({"blockIO": {"leafWeight": 100}}), "/blockIO/leafWeight");
        refused(json!({"cpu": {"realtimePeriod": 1_000_000, "realtimeRuntime": 10_000}}), "/cpu/realtimePeriod");
    }
}

/// The files of the container's cgroup that belong to a user; `.` is itself.
fn given_to(bundle: &Bundle, user: u32) -> Vec<String> {
    let cgroups = bundle.footprint().cgroups;
    let [cgroup] = cgroups.as_slice() else { panic!("{cgroups:?}") };
    let files = fs::read_dir(cgroup).unwrap().flatten().map(|entry| entry.path());
    let of_user = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|file| file.uid() == user);
    let mut names: Vec<_> = files.filter(of_user).map(|path| name(&path)).collect();
    names.extend(Some(cgroup).filter(|path| of_user(path)).map(|_| ".".to_owned()));
    names.sort();
    names
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_cgroup_of_its_own_that_it_may_write_belongs_to_its_user() {
    need_root!();
    let mut bundle = Bundle::of_shell(
        "mkdir /sys/fs/cgroup/below && echo made; echo 0 > /sys/fs/cgroup/below/cgroup.procs && echo moved;
         echo 9 > /sys/fs/cgroup/pids.max",
    );
    bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
    bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let mounts = bundle.config["mounts"].as_array().unwrap();
    let mount = mounts.iter().position(|mount| mount["source"] == "cgroup").unwrap();
    let options = |mode: &str| json!(["nosuid", "noexec", "nodev", "relatime", mode]);
    bundle.set(&format!("/mounts/{mount}/options"), options("rw"));
    if !host::pure_v2() {
        bundle.create().ok();
        let owners = bundle.footprint().cgroups.into_iter().map(|path| fs::metadata(path).unwrap().uid());
        assert!(owners.into_iter().all(|uid| uid == 0), "v1 is never given away");
        return;
    }
    let outcome = bundle.run();
    assert!(outcome.out == "made\nmoved\n" && outcome.err.contains("pids.max: Permission denied"), "{outcome}");
    bundle.assert_nothing_left();
    bundle.create().ok();
    let given = given_to(&bundle, 1000);
    let delegated = fs::read_to_string("/sys/kernel/cgroup/delegate").unwrap();
    assert!(given.contains(&".".to_owned()) && given.contains(&"cgroup.procs".to_owned()), "{given:?}");
    assert!(given.iter().all(|name| name == "." || delegated.lines().any(|one| one == name)), "{given:?}");
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.set(&format!("/mounts/{mount}/options"), options("ro"));
    bundle.create().ok();
    assert!(given_to(&bundle, 1000).is_empty());
}
