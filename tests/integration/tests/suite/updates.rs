//! `update`: what cannot be is refused and changes nothing, what holds is remembered.

use harness::{Bundle, Outcome, host, need_cofferdam, need_root, skip};
use serde_json::{Value, json};
use std::fs;

fn up(resources: Value) -> Bundle {
    let bundle = Bundle::of_sleep().with("/linux/resources", resources);
    bundle.up();
    bundle
}

fn update(bundle: &Bundle, change: &Value) -> Outcome {
    bundle.call(["update", "-r", "-", bundle.id()]).input(&change.to_string()).outcome()
}

/// The container's limits as its state has them.
fn remembered(bundle: &Bundle) -> Value {
    let state = fs::read_to_string(bundle.state_folder().join(bundle.id()).join("state.json")).unwrap();
    serde_json::from_str::<Value>(&state).unwrap()["resources"].clone()
}

/// A change is JSON as that of a config, but there is no config that would have been looked through.
#[test]
fn changes_that_cannot_be_are_refused_by_name() {
    need_root!();
    need_cofferdam!("it takes some of them");
    let bundle = up(json!({"pids": {"limit": 50}}));
    let mut refused = vec![
        (json!({"memory": {"limit": -2}}), "/memory/limit"),
        (json!({"memory": {"limit": 67_108_864, "swap": 33_554_432}}), "/memory/swap"),
        (json!({"memory": {"swappiness": 101}}), "/memory/swappiness"),
        (json!({"cpu": {"idle": 2}}), "/cpu/idle"),
        (json!({"blockIO": {"weight": 9}}), "/blockIO/weight"),
        (json!({"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}}), "/blockIO/weightDevice/0"),
        (json!({"hugepageLimits": [{"pageSize": "2", "limit": 0}]}), "/hugepageLimits/0"),
        (json!({"hugepageLimits": [{"pageSize": "2MB", "limit": -1}]}), "/hugepageLimits/0"),
        (json!({"network": {"priorities": [{"name": "a b", "priority": 1}]}}), "/network/priorities/0"),
        (json!({"rdma": {"mlx5 1": {"hcaHandles": 3}}}), "/rdma"),
        (json!({"rdma": {"mlx5_1": {}}}), "/rdma"),
    ];
    if host::pure_v2() {
        refused.extend([
            (json!({"unified": {"a/pids.max": "1"}}), "/unified"),
            (json!({"unified": {"max": "1"}}), "/unified"),
            (json!({"memory": {"swap": 33_554_432}}), "/memory/swap"),
            (json!({"cpu": {"realtimePeriod": 1_000_000}}), "/cpu/realtimePeriod"),
            (json!({"blockIO": {"leafWeight": 100}}), "/blockIO/leafWeight"),
        ]);
    } else {
        refused.push((json!({"unified": {"pids.max": "1"}}), "/unified"));
        refused.push((json!({"cpu": {"shares": 1}}), "/cpu/shares"));
        refused.push((json!({"cpu": {"shares": 1_000_000}}), "/cpu/shares"));
    }
    for (mut change, place) in refused {
        // What is in order is not done either.
        change["pids"] = json!({"limit": 20});
        update(&bundle, &change).fails().says(place);
        if host::hierarchy("pids").is_some() {
            assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "50", "{change}");
        }
    }
    assert_eq!(bundle.status(), "running");
}

/// Of what is said device by device, an update changes the devices that it names.
#[test]
fn devices_are_remembered_one_by_one() {
    need_root!();
    need_cofferdam!("its state is its own");
    let Some((major, minor)) = host::disk().filter(|_| host::hierarchy("blkio").or(host::hierarchy("io")).is_some())
    else {
        skip!("no disk, or no controller of block devices");
    };
    let rate = |rate: u32| json!([{"major": major, "minor": minor, "rate": rate}]);
    let bundle =
        up(json!({"blockIO": {"throttleReadBpsDevice": rate(1_048_576), "throttleReadIOPSDevice": rate(100)}}));
    let change = json!({"throttleReadBpsDevice": rate(2_097_152), "throttleWriteBpsDevice": rate(3_145_728)});
    update(&bundle, &json!({ "blockIO": change })).ok();
    update(&bundle, &json!({"cpu": {"shares": 512}})).ok();
    let now = remembered(&bundle);
    assert_eq!(now["blockIO"]["throttleReadBpsDevice"], rate(2_097_152));
    assert_eq!(now["blockIO"]["throttleWriteBpsDevice"], rate(3_145_728));
    assert_eq!(now["blockIO"]["throttleReadIOPSDevice"], rate(100));
    assert_eq!(now["cpu"]["shares"], 512);
}

#[test]
fn files_of_v2_are_remembered_one_by_one() {
    need_root!();
    need_cofferdam!("its state is its own");
    if !host::pure_v2() || host::hierarchy("pids").is_none() {
        skip!("cgroup v1, or no controller of processes");
    }
    let bundle = up(json!({"unified": {"pids.max": "50", "cgroup.max.depth": "7"}}));
    update(&bundle, &json!({"unified": {"pids.max": "40", "cgroup.max.descendants": "9"}})).ok();
    let all = json!({"pids.max": "40", "cgroup.max.depth": "7", "cgroup.max.descendants": "9"});
    assert_eq!(remembered(&bundle)["unified"], all);
    assert_eq!(bundle.cgroup_file("pids", "", "pids.max"), "40");
}

#[test]
fn huge_pages_are_counted_and_limited_anew() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let limit = |bytes: u64| json!({"hugepageLimits": [{"pageSize": "2MB", "limit": bytes}]});
    if host::hierarchy("hugetlb").is_none() || !update(&bundle, &limit(4_194_304)).err.is_empty() {
        skip!("no hugetlb controller here, or no huge pages of 2 MB");
    }
    update(&bundle, &limit(6_291_456)).ok();
    assert_eq!(bundle.cgroup_file("hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"), "6291456");
    let events = bundle.call(["events", "--stats", bundle.id()]).ok();
    let event: Value = serde_json::from_str(&events.out).unwrap();
    assert!(event["data"]["hugetlb"]["2MB"].is_object(), "{event:#}");
    if harness::programs::is_cofferdam() {
        assert_eq!(remembered(&bundle)["hugepageLimits"], limit(6_291_456)["hugepageLimits"]);
    }
}

/// Two limits that hang together: the one that an update does not name is the one of before.
#[test]
fn a_quota_stays_when_its_period_changes() {
    need_root!();
    if host::hierarchy("cpu").is_none() {
        skip!("no cpu controller here");
    }
    let bundle = up(json!({"cpu": {"quota": 50_000, "period": 100_000}}));
    let file = |name: &str| bundle.cgroup_file("cpu", name, "cpu.max");
    let now = || {
        if host::pure_v2() { file("") } else { ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map(file).join(" ") }
    };
    bundle.call(["update", "--cpu-period", "200000", bundle.id()]).ok();
    assert_eq!(now(), "50000 200000");
    bundle.call(["update", "--cpu-quota", "60000", bundle.id()]).ok();
    assert_eq!(now(), "60000 200000");
}

/// Unlimited memory takes the limit of memory and swap away, too.
#[test]
fn memory_without_a_limit_has_none_of_swap() {
    need_root!();
    if host::hierarchy("memory").is_none() {
        skip!("no memory controller here");
    }
    let bundle = up(json!({"memory": {"limit": 67_108_864, "swap": 134_217_728}}));
    let file = if host::pure_v2() { "memory.swap.max" } else { "memory.memsw.limit_in_bytes" };
    let swap = || fs::read_to_string(bundle.cgroup("memory").join(file)).ok().map(|text| text.trim().to_owned());
    if swap().is_none() {
        skip!("this kernel does not account for swap");
    }
    bundle.call(["update", "--memory-swap", "100663296", bundle.id()]).ok();
    assert_eq!(swap().as_deref(), Some(if host::pure_v2() { "33554432" } else { "100663296" }));
    bundle.call(["update", "--memory", "-1", bundle.id()]).ok();
    let unlimited = |limit: &str| limit == "max" || limit.parse::<u64>().is_ok_and(|limit| limit > 1 << 60);
    assert!(swap().is_some_and(|limit| unlimited(&limit)), "{:?}", swap());
    assert!(unlimited(&bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max")));
}
