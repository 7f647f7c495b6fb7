use super::*;
use crate::act::{Act, Write};
use crate::error::Error;
use std::collections::BTreeMap;

const BASE: &str = "/linux/resources";

fn resources(json: &str) -> LinuxResources {
    serde_json::from_str(json).unwrap()
}

fn paths(entries: &[(&str, &str)]) -> Paths {
    let map: BTreeMap<_, _> = entries.iter().map(|(name, path)| ((*name).to_owned(), (*path).into())).collect();
    Paths::from(map)
}

fn unified() -> Paths {
    paths(&[("", "/u")])
}

fn legacy() -> Paths {
    let names = ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "net_cls", "net_prio", "rdma"];
    paths(&names.map(|name| (name, "/v1")))
}

/// Each write as `file=value`; those that go together in brackets; what comes before entering with `<`; what may be
/// absent with `?`, what is written instead after `|`.
fn shown(limits: &Limits) -> Vec<String> {
    fn one(write: &Write) -> String {
        let file = write.path.file_name().unwrap().to_str().unwrap();
        let otherwise = write.otherwise.as_ref().map(|other| format!("|{}", one(other))).unwrap_or_default();
        format!("{file}={}{}{otherwise}", write.value, if write.optional { "?" } else { "" })
    }
    let act = |act: &Act| match act {
        Act::Write(write) => one(write),
        Act::Together(writes) => format!("[{}]", writes.iter().map(one).collect::<Vec<_>>().join(" ")),
        Act::RefuseBelowUsage { limits, .. } => format!("usage<{limits:?}"),
        other => format!("{other:?}"),
    };
    let before = limits.before.iter().map(|one| format!("<{}", act(one)));
    before.chain(limits.acts.iter().map(act)).collect()
}

fn planned(paths: &Paths, json: &str) -> Result<Vec<String>> {
    plan(paths, None, &resources(json), BASE).map(|limits| shown(&limits))
}

/// Both versions' writes of a config.
#[track_caller]
fn both(json: &str, v1: &[&str], v2: &[&str]) {
    assert_eq!(planned(&legacy(), json).unwrap(), v1, "v1 {json}");
    assert_eq!(planned(&unified(), json).unwrap(), v2, "v2 {json}");
}

#[track_caller]
fn refused(paths: &Paths, json: &str, place: &str, words: &str) {
    let error = planned(paths, json).expect_err(json);
    assert_eq!(error.place(), Some(format!("{BASE}{place}").as_str()), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn nothing_asked_nothing_written() {
    for json in ["{}", r#"{"memory":{},"cpu":{},"blockIO":{},"hugepageLimits":[],"network":{},"unified":{}}"#] {
        both(json, &[], &[]);
    }
    // As dockerd writes what is not set.
    both(
        r#"{"memory":{"disableOOMKiller":false,"limit":0,"swap":0},"cpu":{"shares":0,"quota":0,"cpus":""},
            "blockIO":{"weight":0}}"#,
        &[],
        &[],
    );
}

#[test]
fn pids() {
    for (limit, value) in [(20, "20"), (0, "1"), (-1, "max"), (-7, "max")] {
        let write = format!("pids.max={value}");
        both(&format!(r#"{{"pids":{{"limit":{limit}}}}}"#), &[&write], &[&write]);
    }
    assert_eq!(planned(&Paths::default(), r#"{"pids":{"limit":-1}}"#).unwrap(), Vec::<String>::new());
    refused(&Paths::default(), r#"{"pids":{"limit":5}}"#, "/pids/limit", "no cgroup controller pids");
}

#[test]
fn memory_and_swap() {
    both(r#"{"memory":{"limit":100}}"#, &["memory.limit_in_bytes=100"], &["memory.max=100"]);
    both(
        r#"{"memory":{"limit":100,"swap":150}}"#,
        &["[memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=150]"],
        &["memory.swap.max=50", "memory.max=100"],
    );
    both(
        r#"{"memory":{"limit":100,"swap":100}}"#,
        &["[memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=100]"],
        &["memory.swap.max=0?", "memory.max=100"],
    );
    both(
        r#"{"memory":{"limit":100,"swap":-1}}"#,
        &["[memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=-1?]"],
        &["memory.swap.max=max?", "memory.max=100"],
    );
    both(
        r#"{"memory":{"limit":-1}}"#,
        &["[memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=-1?]"],
        &["memory.swap.max=max?", "memory.max=max"],
    );
    both(
        r#"{"memory":{"limit":-1,"swap":150}}"#,
        &["[memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=150]"],
        &["memory.swap.max=150", "memory.max=max"],
    );
    both(r#"{"memory":{"reservation":7}}"#, &["memory.soft_limit_in_bytes=7"], &["memory.low=7"]);
    both(r#"{"memory":{"reservation":-1}}"#, &["memory.soft_limit_in_bytes=-1"], &["memory.low=max"]);
}

#[test]
fn memory_that_cannot_be() {
    for paths in [legacy(), unified()] {
        refused(&paths, r#"{"memory":{"limit":9,"swap":8}}"#, "/memory/swap", "memory+swap limit should be >=");
        refused(&paths, r#"{"memory":{"limit":-2}}"#, "/memory/limit", "-1 for no limit");
        refused(&paths, r#"{"memory":{"limit":9,"swappiness":101}}"#, "/memory/swappiness", "valid range is 0-100");
    }
    refused(&unified(), r#"{"memory":{"swap":8}}"#, "/memory/swap", "unable to set swap limit without memory limit");
    refused(&Paths::default(), r#"{"memory":{"limit":9}}"#, "/memory/limit", "no cgroup controller memory");
    assert_eq!(planned(&Paths::default(), r#"{"memory":{"limit":-1,"swap":-1}}"#).unwrap(), Vec::<String>::new());
}

#[test]
fn what_v2_has_not_is_said_and_ignored() {
    let json = r#"{"memory":{"swappiness":10,"disableOOMKiller":true,"kernel":5,"kernelTCP":6}}"#;
    let limits = plan(&unified(), None, &resources(json), BASE).unwrap();
    let places: Vec<_> = limits.warnings.iter().map(|warning| warning.place.as_str()).collect();
    let expected = ["/memory/kernel", "/memory/kernelTCP", "/memory/swappiness", "/memory/disableOOMKiller"];
    assert_eq!(places, expected.map(|place| format!("{BASE}{place}")));
    assert_eq!(shown(&limits), Vec::<String>::new());
    let writes = ["memory.kmem.tcp.limit_in_bytes=6", "memory.swappiness=10", "memory.oom_control=1"];
    assert_eq!(planned(&legacy(), json).unwrap(), writes);
}

/// config-linux.md, unified: what can't be converted is an error.
#[test]
fn what_v2_has_nothing_like_is_refused() {
    for (json, place, v1) in [
        (r#"{"blockIO":{"leafWeight":20}}"#, "/blockIO/leafWeight", "blkio.leaf_weight=20"),
        (
            r#"{"blockIO":{"weightDevice":[{"major":8,"minor":0,"leafWeight":20}]}}"#,
            "/blockIO/weightDevice/0",
            "blkio.leaf_weight_device=8:0 20",
        ),
        (r#"{"cpu":{"realtimeRuntime":5}}"#, "/cpu/realtimeRuntime", "<[cpu.rt_runtime_us=5]"),
        (r#"{"cpu":{"realtimePeriod":9}}"#, "/cpu/realtimePeriod", "<[cpu.rt_period_us=9]"),
    ] {
        refused(&unified(), json, place, "cgroup v2");
        assert_eq!(planned(&legacy(), json).unwrap(), [v1]);
    }
    let both = r#"{"cpu":{"realtimeRuntime":5,"realtimePeriod":9}}"#;
    assert_eq!(planned(&legacy(), both).unwrap(), ["<[cpu.rt_period_us=9 cpu.rt_runtime_us=5]"]);
}

#[test]
fn a_limit_below_the_usage() {
    let json = r#"{"memory":{"limit":100,"swap":150,"checkBeforeUpdate":true}}"#;
    let v2 = [r#"usage<[(150, "memory+swap"), (100, "memory")]"#, "memory.swap.max=50", "memory.max=100"];
    assert_eq!(planned(&unified(), json).unwrap(), v2);
    // v1's kernel refuses by itself.
    assert_eq!(planned(&legacy(), json).unwrap(), ["[memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=150]"]);
}

#[test]
fn cpu_time() {
    both(r#"{"cpu":{"shares":1024}}"#, &["cpu.shares=1024"], &["cpu.weight=100"]);
    both(
        r#"{"cpu":{"quota":5000,"period":10000}}"#,
        &["[cpu.cfs_period_us=10000 cpu.cfs_quota_us=5000]"],
        &["cpu.max=5000 10000"],
    );
    both(r#"{"cpu":{"quota":5000}}"#, &["cpu.cfs_quota_us=5000"], &["cpu.max=5000"]);
    both(r#"{"cpu":{"period":9000}}"#, &["cpu.cfs_period_us=9000"], &["cpu.max=max 9000"]);
    both(r#"{"cpu":{"quota":-1}}"#, &["cpu.cfs_quota_us=-1"], &["cpu.max=max"]);
    both(
        r#"{"cpu":{"quota":5000,"period":10000,"burst":40}}"#,
        &["[cpu.cfs_period_us=10000 cpu.cfs_quota_us=5000 cpu.cfs_burst_us=40]"],
        &["[cpu.max=5000 10000 cpu.max.burst=40]"],
    );
    both(r#"{"cpu":{"burst":0}}"#, &["cpu.cfs_burst_us=0?"], &["cpu.max.burst=0?"]);
    both(r#"{"cpu":{"idle":1}}"#, &["cpu.idle=1"], &["cpu.idle=1"]);
    both(r#"{"cpu":{"idle":0,"shares":1024}}"#, &["[cpu.shares=1024 cpu.idle=0?]"], &["[cpu.weight=100 cpu.idle=0?]"]);
    refused(&unified(), r#"{"cpu":{"idle":2}}"#, "/cpu/idle", "0 or 1");
    refused(&legacy(), r#"{"cpu":{"shares":1}}"#, "/cpu/shares", "the minimum allowed cpu-shares is 2");
    refused(&legacy(), r#"{"cpu":{"shares":300000}}"#, "/cpu/shares", "the maximum allowed cpu-shares is 262144");
}

#[test]
fn cpusets_come_before_anybody_enters() {
    let writes = ["<cpuset.cpus=0-1", "<cpuset.mems=0"];
    both(r#"{"cpu":{"cpus":"0-1","mems":"0"}}"#, &writes, &writes);
}

#[test]
fn block_devices() {
    both(
        r#"{"blockIO":{"weight":750,"weightDevice":[{"major":8,"minor":1,"weight":10}]}}"#,
        &["blkio.weight=750|blkio.bfq.weight=750", "blkio.weight_device=8:1 10|blkio.bfq.weight_device=8:1 10"],
        &["io.bfq.weight=750|io.weight=7475", "io.bfq.weight=8:1 10|io.weight=8:1 1"],
    );
    both(
        r#"{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}],
            "throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":2}],
            "throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":3}],
            "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":0}]}}"#,
        &[
            "blkio.throttle.read_bps_device=8:0 1",
            "blkio.throttle.write_bps_device=8:0 2",
            "blkio.throttle.read_iops_device=8:0 3",
            "blkio.throttle.write_iops_device=8:0 0",
        ],
        &["io.max=8:0 rbps=1", "io.max=8:0 wbps=2", "io.max=8:0 riops=3", "io.max=8:0 wiops=max"],
    );
    refused(&unified(), r#"{"blockIO":{"weight":9}}"#, "/blockIO/weight", "10 to 1000");
    refused(&unified(), r#"{"blockIO":{"weightDevice":[{"weight":1001}]}}"#, "/blockIO/weightDevice/0", "10 to 1000");
}

#[test]
fn huge_pages() {
    both(
        r#"{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}"#,
        &["hugetlb.2MB.limit_in_bytes=4194304", "hugetlb.2MB.rsvd.limit_in_bytes=4194304?"],
        &["hugetlb.2MB.max=4194304", "hugetlb.2MB.rsvd.max=4194304?"],
    );
    let json = r#"{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"../x","limit":1}]}"#;
    refused(&unified(), json, "/hugepageLimits/1", "page size");
    refused(&unified(), r#"{"hugepageLimits":[{"pageSize":"2MB","limit":-1}]}"#, "/hugepageLimits/0", "limit -1");
    // A hybrid host has what v1 lacks on its v2 side.
    let hybrid = paths(&[("", "/u"), ("memory", "/m")]);
    let planned =
        plan(&hybrid, Some(&["hugetlb".to_owned()]), &resources(r#"{"hugepageLimits":[{"pageSize":"2MB"}]}"#), BASE);
    assert_eq!(shown(&planned.unwrap())[0], "hugetlb.2MB.max=0");
    let error = plan(&hybrid, Some(&[]), &resources(r#"{"hugepageLimits":[{"pageSize":"2MB"}]}"#), BASE).unwrap_err();
    assert!(matches!(error, Error::NoController { controller, .. } if controller == "hugetlb"));
}

#[test]
fn rdma_and_network() {
    let rdma = r#"{"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000},"a":{"hcaObjects":1}}}"#;
    let writes = ["rdma.max=a hca_object=1", "rdma.max=mlx5_1 hca_handle=3 hca_object=10000"];
    both(rdma, &writes, &writes);
    refused(&unified(), r#"{"rdma":{"a":{}}}"#, "/rdma", "neither");
    refused(&unified(), r#"{"rdma":{"a b":{"hcaObjects":1}}}"#, "/rdma", "name");
    let network = r#"{"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500}]}}"#;
    assert_eq!(planned(&legacy(), network).unwrap(), ["net_cls.classid=1048577", "net_prio.ifpriomap=eth0 500"]);
    refused(&unified(), network, "/network/classID", "no cgroup controller net_cls");
    refused(&legacy(), r#"{"network":{"priorities":[{"name":"a\nb"}]}}"#, "/network/priorities/0", "name");
}

#[test]
fn unified_files() {
    let json = r#"{"memory":{"limit":5},"unified":{"memory.max":"9","io.max":"8:0 rbps=1\n8:1 rbps=2\n"}}"#;
    let writes = ["memory.max=5", "io.max=8:0 rbps=1", "io.max=8:1 rbps=2", "memory.max=9"];
    assert_eq!(planned(&unified(), json).unwrap(), writes);
    refused(
        &legacy(),
        r#"{"unified":{"memory.max":"9"}}"#,
        "/unified",
        "invalid configuration: cannot use unified on cgroup v1",
    );
    refused(&unified(), r#"{"unified":{"../x.y":"9"}}"#, "/unified/..~1x.y", "must be a file name (no slashes)");
    for key in ["nodot", ".x", "x.", "..", "."] {
        let json = format!(r#"{{"unified":{{"{key}":"9"}}}}"#);
        refused(&unified(), &json, &format!("/unified/{key}"), "CONTROLLER.PARAMETER");
    }
}

#[test]
fn limits_that_threads_can_have() {
    let suits = |json: &str| plan(&unified(), None, &resources(json), BASE).unwrap().suit_threads();
    assert!(suits(r#"{"pids":{"limit":3},"cpu":{"shares":5},"memory":{}}"#));
    for json in
        [r#"{"memory":{"limit":5}}"#, r#"{"blockIO":{"weight":50}}"#, r#"{"hugepageLimits":[{"pageSize":"2MB"}]}"#]
    {
        assert!(!suits(json), "{json}");
    }
}
