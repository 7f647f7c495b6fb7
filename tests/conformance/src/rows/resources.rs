//! config-linux.md: the limits of memory, CPU, processes and huge pages, as the files of the container's cgroup show
//! them under their v1 or their v2 names.

use super::limits::{limited, need, need_v1, only_v1, refused};
use harness::{Bundle, host};
use serde_json::json;
use std::fs;

super::rows! { "resources":
    "config-linux.md, memory" {
        memory_limit: "`memory.limit` is a limit in bytes",
        memory_without_a_limit: "-1 is no limit",
        memory_reservation: "`memory.reservation` is the soft limit",
        memory_and_swap: "`memory.swap` limits memory and swap together",
        memory_swap_below_the_limit: "less memory with swap than without can't be",
        memory_kernel_limits_are_passed_over: "`kernel` and `kernelTCP`, which no kernel has any more, stop nobody",
        memory_swappiness: "`memory.swappiness`, 0 to 100",
        memory_swappiness_above_100: "`memory.swappiness` above 100 is refused",
        memory_without_the_oom_killer: "`memory.disableOOMKiller`",
        memory_with_a_hierarchy: "`memory.useHierarchy`",
        memory_below_the_usage_is_refused: "with `checkBeforeUpdate`, a limit below the usage is refused",
    }
    "config-linux.md, CPU" {
        cpu_shares: "`cpu.shares` is a share of the time",
        cpu_quota_and_period: "`cpu.quota` is the time in a `cpu.period`",
        cpu_without_a_quota: "`cpu.quota` -1 is no limit",
        cpu_burst: "`cpu.burst`",
        cpu_burst_above_the_quota: "`cpu.burst` is no larger than the quota",
        cpu_idle: "`cpu.idle` 1 is SCHED_IDLE",
        cpu_idle_is_0_or_1: "`cpu.idle` is 0 or 1",
        cpu_real_time: "`cpu.realtimeRuntime` and `cpu.realtimePeriod`",
        cpu_list: "`cpu.cpus` is what the container runs on",
        cpu_that_is_not_there: "`cpu.cpus` that the machine has not are refused",
        memory_nodes: "`cpu.mems` is the memory nodes",
    }
    "config-linux.md, PIDs" {
        pids_limit: "`pids.limit` is the number of tasks",
        pids_without_a_limit: "`pids.limit` -1 is no limit",
        pids_limit_of_0: "`pids.limit` 0 is a limit",
        pids_without_a_word: "`pids` without a limit changes nothing",
    }
    "config-linux.md, huge page limits" {
        huge_pages: "`hugepageLimits` limits what is reserved, where the kernel can",
        a_page_size_that_is_none: "`pageSize` is a number and KB, MB or GB",
        a_page_size_that_the_machine_has_not: "`pageSize` names a size of the machine",
    }
}

fn memory_limit() {
    need("memory");
    let bundle = limited("memory", json!({"limit": 67_108_864}));
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
}

fn memory_without_a_limit() {
    need("memory");
    let bundle = limited("memory", json!({"limit": -1}));
    let found = bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max");
    assert!(found == "max" || found.parse::<u64>().is_ok_and(|limit| limit > 1 << 60), "{found}");
}

fn memory_reservation() {
    need("memory");
    let bundle = limited("memory", json!({"limit": 67_108_864, "reservation": 33_554_432}));
    assert_eq!(bundle.cgroup_file("memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
}

fn memory_and_swap() {
    need("memory");
    let bundle = Bundle::of_sleep();
    let bundle = bundle.with("/linux/resources/memory", json!({"limit": 67_108_864, "swap": 100_663_296}));
    bundle.create().ok();
    let found = bundle.cgroup_file("memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
    assert_eq!(found, if host::pure_v2() { "33554432" } else { "100663296" });
}

fn memory_swap_below_the_limit() {
    need("memory");
    refused("memory", json!({"limit": 67_108_864, "swap": 33_554_432}));
}

fn memory_kernel_limits_are_passed_over() {
    need("memory");
    let bundle = limited("memory", json!({"limit": 67_108_864, "kernel": 33_554_432, "kernelTCP": 33_554_432}));
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
}

fn memory_swappiness() {
    need("memory");
    only_v1("memory", json!({"swappiness": 17}), "memory.swappiness", "17");
}

fn memory_swappiness_above_100() {
    need("memory");
    refused("memory", json!({"swappiness": 101}));
}

fn memory_without_the_oom_killer() {
    need("memory");
    only_v1("memory", json!({"disableOOMKiller": true}), "memory.oom_control", "oom_kill_disable 1");
}

fn memory_with_a_hierarchy() {
    need("memory");
    need_v1();
    let bundle = limited("memory", json!({"limit": 67_108_864, "useHierarchy": true}));
    assert_eq!(bundle.cgroup_file("memory", "memory.use_hierarchy", ""), "1");
}

fn memory_below_the_usage_is_refused() {
    need("memory");
    let bundle = Bundle::of_shell("dd if=/dev/zero of=/dev/shm/full bs=1M count=24 2>/dev/null; echo full; sleep 1000");
    let limit = |bytes: u32| json!({"memory": {"limit": bytes, "swap": bytes, "checkBeforeUpdate": true}}).to_string();
    let bundle = bundle.with("/linux/resources/memory", json!({"limit": 67_108_864, "swap": 67_108_864}));
    let running = bundle.call(["create", bundle.id()]).begin();
    harness::eventually("created", || bundle.call(["state", bundle.id()]).outcome().out.contains("\"created\""));
    bundle.call(["start", bundle.id()]).ok();
    harness::eventually("it is full", || running.out().contains("full"));
    bundle.call(["update", "-r", "-", bundle.id()]).input(&limit(8_388_608)).fails();
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
    assert_eq!(bundle.status(), "running");
    bundle.call(["update", "-r", "-", bundle.id()]).input(&limit(50_331_648)).ok();
    assert_eq!(bundle.cgroup_file("memory", "memory.limit_in_bytes", "memory.max"), "50331648");
}

fn cpu_shares() {
    need("cpu");
    let bundle = limited("cpu", json!({"shares": 512}));
    let found = bundle.cgroup_file("cpu", "cpu.shares", "cpu.weight");
    // v2 has weights; how a share becomes one is not specified: two ways are known.
    assert!(if host::pure_v2() { ["20", "59"].contains(&&*found) } else { found == "512" }, "{found}");
}

fn cpu_quota_and_period() {
    need("cpu");
    let bundle = limited("cpu", json!({"quota": 30_000, "period": 60_000}));
    if host::pure_v2() {
        assert_eq!(bundle.cgroup_file("cpu", "", "cpu.max"), "30000 60000");
    } else {
        assert_eq!(bundle.cgroup_file("cpu", "cpu.cfs_quota_us", ""), "30000");
        assert_eq!(bundle.cgroup_file("cpu", "cpu.cfs_period_us", ""), "60000");
    }
}

fn cpu_without_a_quota() {
    need("cpu");
    let bundle = limited("cpu", json!({"quota": -1, "period": 60_000}));
    let found = bundle.cgroup_file("cpu", "cpu.cfs_quota_us", "cpu.max");
    assert_eq!(found, if host::pure_v2() { "max 60000" } else { "-1" });
}

fn cpu_burst() {
    need("cpu");
    let bundle = limited("cpu", json!({"quota": 30_000, "period": 60_000, "burst": 10_000}));
    assert_eq!(bundle.cgroup_file("cpu", "cpu.cfs_burst_us", "cpu.max.burst"), "10000");
}

fn cpu_burst_above_the_quota() {
    need("cpu");
    refused("cpu", json!({"quota": 30_000, "period": 60_000, "burst": 40_000}));
}

fn cpu_idle() {
    need("cpu");
    for idle in [0, 1] {
        let bundle = limited("cpu", json!({"idle": idle}));
        assert_eq!(bundle.cgroup_file("cpu", "cpu.idle", "cpu.idle"), idle.to_string());
    }
}

fn cpu_idle_is_0_or_1() {
    need("cpu");
    refused("cpu", json!({"idle": 2}));
}

fn cpu_real_time() {
    need("cpu");
    if !host::hierarchy("cpu").is_some_and(|top| top.join("cpu.rt_runtime_us").exists()) {
        crate::verdict::skip("no real-time group scheduling");
    }
    let wanted = json!({"realtimeRuntime": 1000, "realtimePeriod": 500_000});
    only_v1("cpu", wanted.clone(), "cpu.rt_runtime_us", "1000");
    only_v1("cpu", wanted, "cpu.rt_period_us", "500000");
}

fn cpu_list() {
    need("cpuset");
    let mut bundle = Bundle::new().with("/linux/resources/cpu", json!({"cpus": "0"}));
    assert_eq!(bundle.probe(&[])["status"]["Cpus_allowed_list"], "0");
}

fn cpu_that_is_not_there() {
    need("cpuset");
    refused("cpu", json!({"cpus": "4000"}));
}

fn memory_nodes() {
    need("cpuset");
    let bundle = limited("cpu", json!({"cpus": "0", "mems": "0"}));
    assert_eq!(bundle.cgroup_file("cpuset", "cpuset.mems", "cpuset.mems"), "0");
}

fn pids_limit() {
    need("pids");
    let bundle = limited("pids", json!({"limit": 53}));
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "53");
}

fn pids_without_a_limit() {
    need("pids");
    let bundle = limited("pids", json!({"limit": -1}));
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "max");
}

/// The program itself is there already: it can't fork.
fn pids_limit_of_0() {
    need("pids");
    let bundle = Bundle::of_shell("true & echo forked").with("/linux/resources/pids", json!({"limit": 0}));
    let outcome = bundle.run();
    assert!(!outcome.out.contains("forked"), "{outcome}");
}

fn pids_without_a_word() {
    need("pids");
    let bundle = limited("pids", json!({}));
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "max");
}

fn huge_pages() {
    need("hugetlb");
    let bundle = limited("hugepageLimits", json!([{"pageSize": "2MB", "limit": 4_194_304}]));
    let folder = bundle.cgroup("hugetlb");
    let mut found = ["hugetlb.2MB.rsvd", "hugetlb.2MB"].iter().flat_map(|file| {
        ["max", "limit_in_bytes"].map(|end| fs::read_to_string(folder.join(format!("{file}.{end}"))).ok())
    });
    assert_eq!(found.find_map(|found| found).as_deref().map(str::trim), Some("4194304"));
}

fn a_page_size_that_is_none() {
    need("hugetlb");
    for size in ["", "MB", "2", "2mb", "02MB", "2MB/../../x"] {
        refused("hugepageLimits", json!([{"pageSize": size, "limit": 4_194_304}]));
    }
}

fn a_page_size_that_the_machine_has_not() {
    need("hugetlb");
    refused("hugepageLimits", json!([{"pageSize": "3MB", "limit": 4_194_304}]));
}
