//! Limits set, read back, changed; usage measured.

use crate::bench::{Ground, Inmate, on_each_layout, planned};
use cgroups::{Error, Layout, merge};
use spec::oci::LinuxResources;

/// Whether a layout has a controller.
fn has(layout: &Layout, v1: &str, v2: &str) -> bool {
    let named = |list: &[String], name: &str| list.iter().any(|one| one == name);
    match layout {
        Layout::Unified(unified) => named(&unified.controllers, v2),
        Layout::Legacy { hierarchies, unified } => {
            hierarchies.iter().any(|hierarchy| named(&hierarchy.controllers, v1))
                || unified.as_ref().is_some_and(|unified| named(&unified.controllers, v2))
        }
    }
}

fn resources(json: &str) -> LinuxResources {
    serde_json::from_str(json).unwrap()
}

#[test]
fn read_back() {
    on_each_layout("limits", |layout, path| {
        let whole = [
            ("memory", "memory", r#""memory":{"limit":33554432,"reservation":25165824}"#),
            ("cpu", "cpu", r#""cpu":{"shares":100,"quota":500000,"period":1000000,"burst":1000}"#),
            ("pids", "pids", r#""pids":{"limit":20}"#),
            ("hugetlb", "hugetlb", r#""hugepageLimits":[{"pageSize":"2MB","limit":4194304}]"#),
        ];
        let parts: Vec<_> = whole.iter().filter(|(v1, v2, _)| has(layout, v1, v2)).map(|(_, _, json)| *json).collect();
        let ground = Ground::new(layout, path, &format!("{{{}}}", parts.join(",")));
        for (v1, v2, file1, value1, file2, value2) in [
            ("memory", "memory", "memory.limit_in_bytes", "33554432", "memory.max", "33554432"),
            ("memory", "memory", "memory.soft_limit_in_bytes", "25165824", "memory.low", "25165824"),
            ("cpu", "cpu", "cpu.shares", "100", "cpu.weight", "17"),
            ("cpu", "cpu", "cpu.cfs_quota_us", "500000", "cpu.max", "500000 1000000"),
            ("cpu", "cpu", "cpu.cfs_period_us", "1000000", "cpu.max", "500000 1000000"),
            ("cpu", "cpu", "cpu.cfs_burst_us", "1000", "cpu.max.burst", "1000"),
            ("pids", "pids", "pids.max", "20", "pids.max", "20"),
            ("hugetlb", "hugetlb", "hugetlb.2MB.limit_in_bytes", "4194304", "hugetlb.2MB.max", "4194304"),
        ] {
            if !has(layout, v1, v2) {
                println!("part skipped: no controller {v1}");
                continue;
            }
            let expected = if ground.paths.get(v1).is_some() { value1 } else { value2 };
            assert_eq!(ground.read(v1, file1, file2).as_deref(), Some(expected), "{file1} or {file2}");
        }
    });
}

#[test]
fn what_a_host_has_not_is_an_error_only_where_it_is_asked() {
    on_each_layout("missing", |layout, path| {
        for (v1, v2, json, place) in [
            (
                "hugetlb",
                "hugetlb",
                r#"{"hugepageLimits":[{"pageSize":"2MB","limit":0}]}"#,
                "/linux/resources/hugepageLimits/0",
            ),
            ("memory", "memory", r#"{"memory":{"limit":9000000}}"#, "/linux/resources/memory/limit"),
            ("pids", "pids", r#"{"pids":{"limit":9}}"#, "/linux/resources/pids/limit"),
        ] {
            if has(layout, v1, v2) {
                continue;
            }
            let error = cgroups::plan(layout, Some(path.as_ref()), "id", Some(&resources(json))).unwrap_err();
            assert_eq!(error.place(), Some(place));
        }
        let ground =
            Ground::new(layout, path, r#"{"memory":{"limit":-1,"swap":-1},"pids":{"limit":-1},"cpu":{"quota":-1}}"#);
        assert!(!ground.paths.is_empty());
    });
}

#[test]
fn a_cpuset_is_inherited_all_the_way_and_kept_where_it_is_given() {
    on_each_layout("cpuset", |layout, path| {
        if !has(layout, "cpuset", "cpuset") {
            return;
        }
        let inherited = Ground::new(layout, &format!("{path}/a/b"), "{}");
        if let Some(directory) = inherited.paths.get("cpuset") {
            let root = std::fs::read_to_string(directory.ancestors().nth(3).unwrap().join("cpuset.cpus")).unwrap();
            assert_eq!(inherited.read("cpuset", "cpuset.cpus", ""), Some(root.trim().to_owned()));
        }
        let own = Ground::new(layout, &format!("{path}/a/c"), r#"{"cpu":{"cpus":"0"}}"#);
        assert_eq!(own.read("cpuset", "cpuset.cpus", "cpuset.cpus").as_deref(), Some("0"));
        let inmate = own.run("sleep 100");
        let status = std::fs::read_to_string(format!("/proc/{}/status", inmate.pid())).unwrap();
        assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
        drop(inmate);
        let mut parents = own.directories();
        drop((own, inherited));
        for directory in &mut parents {
            while directory.pop() && directory.to_str().unwrap().contains("cofferdam") {
                std::fs::remove_dir(&directory).unwrap();
            }
        }
    });
}

#[test]
fn memory_goes_up_and_down_in_whatever_order_the_kernel_takes() {
    on_each_layout("updown", |layout, path| {
        if !has(layout, "memory", "memory") {
            return;
        }
        let ground = Ground::new(layout, path, r#"{"memory":{"limit":33554432}}"#);
        let mut stored = resources(r#"{"memory":{"limit":33554432}}"#);
        let mib = |count: u64| count << 20;
        let swaps = ground.read("memory", "memory.memsw.limit_in_bytes", "memory.swap.max").is_some();
        let v1 = ground.paths.get("memory").is_some();
        for (limit, swap) in [(30, 50), (60, 80), (20, 25), (100, 100), (10, 400)] {
            let change = format!(r#"{{"memory":{{"limit":{},"swap":{}}}}}"#, mib(limit), mib(swap));
            let change = resources(&if swaps { change } else { format!(r#"{{"memory":{{"limit":{}}}}}"#, mib(limit)) });
            ground.paths.update(&stored, &change).unwrap();
            stored = merge(&stored, &change);
            let read = |v1, v2| ground.read("memory", v1, v2).unwrap().parse::<u64>().unwrap();
            assert_eq!(read("memory.limit_in_bytes", "memory.max"), mib(limit));
            if swaps {
                let expected = if v1 { mib(swap) } else { mib(swap - limit) };
                assert_eq!(read("memory.memsw.limit_in_bytes", "memory.swap.max"), expected);
            }
        }
        ground.paths.update(&stored, &resources(r#"{"memory":{"limit":-1}}"#)).unwrap();
        let open = ground.read("memory", "memory.limit_in_bytes", "memory.max").unwrap();
        assert!(open == "max" || open.parse::<u64>().unwrap() > 1 << 60, "{open}");
    });
}

#[test]
fn quota_and_period_by_halves() {
    on_each_layout("halves", |layout, path| {
        if !has(layout, "cpu", "cpu") {
            return;
        }
        let mut stored = resources(r#"{"cpu":{"quota":500000,"period":1000000}}"#);
        let ground = Ground::new(layout, path, &serde_json::to_string(&stored).unwrap());
        for (change, quota, period) in [
            (r#"{"cpu":{"period":900000}}"#, 500_000, 900_000),
            (r#"{"cpu":{"quota":600000}}"#, 600_000, 900_000),
            (r#"{"cpu":{"quota":-1}}"#, -1, 900_000),
            (r#"{"cpu":{"period":100000,"quota":5000}}"#, 5000, 100_000),
            (r#"{"pids":{"limit":-1}}"#, 5000, 100_000),
        ] {
            let change = resources(change);
            ground.paths.update(&stored, &change).unwrap();
            stored = merge(&stored, &change);
            if ground.paths.get("cpu").is_some() {
                assert_eq!(ground.read("cpu", "cpu.cfs_quota_us", ""), Some(quota.to_string()));
                assert_eq!(ground.read("cpu", "cpu.cfs_period_us", ""), Some(period.to_string()));
            } else {
                let quota = if quota < 0 { "max".to_owned() } else { quota.to_string() };
                assert_eq!(ground.read("cpu", "", "cpu.max"), Some(format!("{quota} {period}")));
            }
        }
        let error = ground.paths.update(&stored, &resources(r#"{"cpu":{"period":100}}"#)).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        // Idle and shares exclude each other in the kernel, in either order.
        for change in [r#"{"cpu":{"idle":1}}"#, r#"{"cpu":{"idle":0,"shares":200}}"#] {
            ground.paths.update(&stored, &resources(change)).unwrap();
        }
        assert!(["200", "29"].contains(&ground.read("cpu", "cpu.shares", "cpu.weight").unwrap().as_str()));
    });
}

#[test]
fn a_limit_below_the_usage_is_refused() {
    on_each_layout("below", |layout, path| {
        if !has(layout, "memory", "memory") {
            return;
        }
        let ground = Ground::new(layout, path, r#"{"memory":{"limit":100000000}}"#);
        let mut inmate = ground.run("x=$(head -c 20000000 /dev/zero | tr '\\0' x); touch /proc/self/comm; sleep 100");
        crate::bench::wait_until("it uses memory", || ground.paths.stats().unwrap().memory.usage.usage > 20_000_000);
        let change = resources(r#"{"memory":{"limit":4096000,"checkBeforeUpdate":true}}"#);
        let text = ground.paths.update(&resources("{}"), &change).unwrap_err().to_string();
        let v1 = ground.paths.get("memory").is_some();
        assert!(
            text.contains(if v1 { "(current usage: " } else { "rejecting memory limit 4096000 <= usage " }),
            "{text}"
        );
        assert!(inmate.is_running());
    });
}

#[test]
fn measured() {
    on_each_layout("stats", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let inmate = ground.run("x=$(head -c 100000 /dev/zero | tr '\\0' x); while :; do :; done");
        crate::bench::wait_until("it loops alone", || {
            let stats = ground.paths.stats().unwrap();
            stats.cpu.usage.total > 1_000_000 && stats.pids.current == 1
        });
        let stats = ground.paths.stats().unwrap();
        assert_eq!(stats.pids.limit, 0);
        if has(layout, "memory", "memory") {
            assert!(stats.memory.usage.usage > 0 && !stats.memory.raw.is_empty());
        }
        let json = serde_json::to_value(&stats).unwrap();
        let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["blkio", "cpu", "cpuset", "hugetlb", "memory", "network_interfaces", "pids"];
        assert_eq!(keys, expected);
        assert_eq!(json["network_interfaces"], serde_json::Value::Null);
        if has(layout, "hugetlb", "hugetlb") {
            assert!(json["hugetlb"]["2MB"]["failcnt"].is_u64(), "{}", json["hugetlb"]);
        }
        drop(inmate);
    });
}

#[test]
fn a_limit_of_one_process_holds() {
    on_each_layout("one", |layout, path| {
        if !has(layout, "pids", "pids") {
            return;
        }
        let ground = Ground::new(layout, path, r#"{"pids":{"limit":0}}"#);
        assert_eq!(ground.read("pids", "pids.max", "pids.max").as_deref(), Some("1"));
        let mut inmate = Inmate::enter(&ground.paths, "(true) && exit 0; exit 5");
        assert_ne!(inmate.end(), Some(0), "it could fork");
    });
}

#[test]
fn unified_files_are_written() {
    on_each_layout("files", |layout, path| {
        let Layout::Unified(_) = layout else { return };
        let ground = Ground::new(layout, path, r#"{"unified":{"cgroup.max.depth":"7"}}"#);
        assert_eq!(ground.read("", "cgroup.max.depth", "cgroup.max.depth").as_deref(), Some("7"));
        drop(ground);
        let plan = planned(layout, path, r#"{"unified":{"nosuch.max":"7"}}"#);
        let paths = plan.create().unwrap();
        let text = plan.limit(&paths).unwrap_err().to_string();
        assert!(text.contains(r#"controller "nosuch" not available"#), "{text}");
        paths.remove().unwrap();
    });
}
