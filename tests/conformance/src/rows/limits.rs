//! config-linux.md: the limits of block devices, network and RDMA, v2 files by name, and what rows of limits look with.

use crate::verdict::skip;
use harness::{Bundle, host};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

super::rows! { "limits":
    "config-linux.md, block IO" {
        block_weight: "`blockIO.weight`",
        block_leaf_weight: "`blockIO.leafWeight`",
        block_weight_of_a_device: "`blockIO.weightDevice`",
        block_weight_of_a_device_needs_one: "an entry of `weightDevice` needs `weight` or `leafWeight`",
        block_bytes_read: "`throttleReadBpsDevice`: bytes a second",
        block_bytes_written: "`throttleWriteBpsDevice`: bytes a second",
        block_reads: "`throttleReadIOPSDevice`: reads a second",
        block_writes: "`throttleWriteIOPSDevice`: writes a second",
        a_block_device_that_is_not_there: "a limit of a device that is not there is refused",
    }
    "config-linux.md, network" {
        network_class: "`network.classID` tags packets; without the controller it is refused",
        network_priorities: "`network.priorities`; without the controller it is refused",
    }
    "config-linux.md, RDMA" {
        rdma_needs_a_limit: "an entry of `rdma` needs `hcaHandles` or `hcaObjects`",
        rdma: "`rdma` limits; without the controller it is refused",
    }
    "config-linux.md, unified" {
        unified_files_are_written: "`unified` names files of the v2 cgroup, whose controllers are enabled",
        unified_files_of_no_controller_are_refused: "an error if the controller is not there",
        unified_files_unknown_to_us_are_written: "a file that the runtime does not know is written all the same: it is the kernel that says no",
        unified_names_are_no_paths: "a name with a slash is none",
        what_v2_has_nothing_like_is_refused: "what can't be turned into something of v2 is an error: real-time \
            bandwidth, leaf weights",
        memory_that_v2_has_nothing_like_is_refused: "and so are `swappiness` and `disableOOMKiller`",
        unified_lines: "a value of several lines is several settings",
    }
    "config-linux.md, intelRdt" {
        rdt_without_resctrl_is_refused: "an error if there is no resctrl file system",
    }
}

/// A created container with a limit.
#[track_caller]
pub(super) fn limited(section: &str, value: Value) -> Bundle {
    let bundle = Bundle::of_sleep().with(&format!("/linux/resources/{section}"), value);
    bundle.create().ok();
    bundle
}

/// A limit that can't be.
#[track_caller]
pub(super) fn refused(section: &str, value: Value) {
    Bundle::of_sleep().with(&format!("/linux/resources/{section}"), value).create().fails();
}

/// What v1 alone can do: `file` shows `shown` there.
#[track_caller]
pub(super) fn only_v1(section: &str, value: Value, file: &str, shown: &str) {
    need_v1();
    let bundle = limited(section, value);
    let found = bundle.cgroup_file(section, file, "");
    assert!(found.lines().any(|line| line == shown), "{found}");
}

/// Skips where the controller is missing.
pub(super) fn need(controller: &str) {
    if host::hierarchy(controller).is_none() {
        skip(&format!("no {controller} controller"));
    }
}

/// Skips on v2.
pub(super) fn need_v1() {
    if host::pure_v2() {
        skip("cgroup v2");
    }
}

fn need_v2() {
    if !host::pure_v2() {
        skip("cgroup v1");
    }
}

/// The controller of block devices.
fn block() -> &'static str {
    let name = if host::pure_v2() { "io" } else { "blkio" };
    need(name);
    name
}

/// Major and minor number of a block device that is `fit`.
fn device_that(fit: impl Fn(&Path) -> bool) -> Option<(u64, u64)> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten().map(|entry| entry.path());
    devices.filter(|path| fit(path)).find_map(|path| {
        let text = fs::read_to_string(path.join("dev")).ok()?;
        let (major, minor) = text.trim().split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    })
}

fn device() -> (u64, u64) {
    let has_size = |path: &Path| fs::read_to_string(path.join("size")).is_ok_and(|size| size.trim() != "0");
    device_that(has_size).unwrap_or_else(|| skip("no block device"))
}

/// A device whose I/O scheduler knows weights.
fn device_with_weights() -> (u64, u64) {
    let weighs = |path: &Path| {
        let scheduler = fs::read_to_string(path.join("queue/scheduler")).unwrap_or_default();
        scheduler.contains("[bfq]") || scheduler.contains("[cfq]")
    };
    device_that(weighs).unwrap_or_else(|| skip("no block device whose I/O scheduler has weights"))
}

/// Which of some files every new cgroup of a controller has.
fn file_of(controller: &str, names: &[&'static str]) -> &'static str {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let folder = bundle.cgroup(controller);
    let found = names.iter().find(|name| folder.join(name).exists());
    found.copied().unwrap_or_else(|| skip("the kernel has no I/O scheduler with weights"))
}

fn block_weight() {
    let controller = block();
    let file = file_of(controller, &["blkio.weight", "blkio.bfq.weight", "io.bfq.weight", "io.weight"]);
    let bundle = limited("blockIO", json!({"weight": 500}));
    let found = bundle.cgroup_file(controller, file, file);
    // io.weight has a range of its own.
    let expected = if file == "io.weight" { "4950" } else { "500" };
    assert!(found.split_whitespace().any(|word| word == expected), "{found}");
}

fn block_leaf_weight() {
    let controller = block();
    need_v1();
    let file = file_of(controller, &["blkio.leaf_weight"]);
    let bundle = limited("blockIO", json!({"leafWeight": 500}));
    assert_eq!(bundle.cgroup_file(controller, file, ""), "500");
}

fn block_weight_of_a_device() {
    let controller = block();
    let names = ["blkio.weight_device", "blkio.bfq.weight_device", "io.bfq.weight", "io.weight"];
    let (file, (major, minor)) = (file_of(controller, &names), device_with_weights());
    let bundle = limited("blockIO", json!({"weightDevice": [{"major": major, "minor": minor, "weight": 500}]}));
    let found = bundle.cgroup_file(controller, file, file);
    assert!(found.lines().any(|line| line.starts_with(&format!("{major}:{minor} "))), "{found}");
}

fn block_weight_of_a_device_needs_one() {
    block();
    let (major, minor) = device();
    refused("blockIO", json!({"weightDevice": [{"major": major, "minor": minor}]}));
}

#[track_caller]
fn throttled(key: &str, v1: &str, v2: &str) {
    let (controller, (major, minor)) = (block(), device());
    let bundle = limited("blockIO", json!({key: [{"major": major, "minor": minor, "rate": 1_048_576}]}));
    let found = bundle.cgroup_file(controller, v1, "io.max");
    let expected = if host::pure_v2() { format!("{v2}=1048576") } else { "1048576".to_owned() };
    let of_device = format!("{major}:{minor} ");
    let line = found.lines().find(|line| line.starts_with(&of_device)).unwrap_or_default();
    assert!(line.split(' ').any(|word| word == expected), "{found}");
}

fn block_bytes_read() {
    throttled("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps");
}

fn block_bytes_written() {
    throttled("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps");
}

fn block_reads() {
    throttled("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops");
}

fn block_writes() {
    throttled("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops");
}

fn a_block_device_that_is_not_there() {
    block();
    refused("blockIO", json!({"throttleReadBpsDevice": [{"major": 4000, "minor": 7, "rate": 1_048_576}]}));
}

fn network_class() {
    let wanted = json!({"classID": 1_048_577});
    if host::pure_v2() || host::hierarchy("net_cls").is_none() {
        return refused("network", wanted);
    }
    assert_eq!(limited("network", wanted).cgroup_file("net_cls", "net_cls.classid", ""), "1048577");
}

fn network_priorities() {
    let wanted = json!({"priorities": [{"name": "lo", "priority": 5}]});
    if host::pure_v2() || host::hierarchy("net_prio").is_none() {
        return refused("network", wanted);
    }
    let found = limited("network", wanted).cgroup_file("net_prio", "net_prio.ifpriomap", "");
    assert!(found.lines().any(|line| line == "lo 5"), "{found}");
}

fn rdma_needs_a_limit() {
    refused("rdma", json!({"mlx5_1": {}}));
}

fn rdma() {
    let wanted = json!({"mlx5_1": {"hcaHandles": 3, "hcaObjects": 1000}});
    let device = fs::read_dir("/sys/class/infiniband").into_iter().flatten().flatten().next();
    let Some(device) = device.filter(|_| host::hierarchy("rdma").is_some()) else {
        return refused("rdma", wanted);
    };
    let name = device.file_name().to_string_lossy().into_owned();
    let bundle = limited("rdma", json!({name.clone(): wanted["mlx5_1"]}));
    let found = bundle.cgroup_file("rdma", "rdma.max", "rdma.max");
    assert!(found.lines().any(|line| line == format!("{name} hca_handle=3 hca_object=1000")), "{found}");
}

fn unified_files_are_written() {
    need_v2();
    let bundle = limited("unified", json!({"pids.max": "9", "memory.high": "50331648", "cgroup.max.depth": "7"}));
    assert_eq!(bundle.cgroup_file("pids", "", "pids.max"), "9");
    assert_eq!(bundle.cgroup_file("memory", "", "memory.high"), "50331648");
    assert_eq!(bundle.cgroup_file("pids", "", "cgroup.max.depth"), "7");
}

fn unified_files_of_no_controller_are_refused() {
    refused("unified", json!({"nonesuch.max": "9"}));
    if !host::pure_v2() {
        refused("unified", json!({"memory.high": "50331648"}));
    }
}

fn unified_files_unknown_to_us_are_written() {
    need_v2();
    // Written, as the kernel's answer shows: there is no such file.
    refused("unified", json!({"memory.nonesuch": "9"}));
}

fn unified_names_are_no_paths() {
    refused("unified", json!({"../cgroup.max.depth": "7"}));
}

fn what_v2_has_nothing_like_is_refused() {
    need_v2();
    refused("cpu", json!({"realtimeRuntime": 1000, "realtimePeriod": 500_000}));
    refused("blockIO", json!({"leafWeight": 500}));
}

fn memory_that_v2_has_nothing_like_is_refused() {
    need_v2();
    refused("memory", json!({"swappiness": 17}));
    refused("memory", json!({"disableOOMKiller": true}));
}

fn unified_lines() {
    need_v2();
    let (controller, (major, minor)) = (block(), device());
    let text = format!("{major}:{minor} rbps=1048576\n{major}:{minor} wbps=2097152");
    let bundle = limited("unified", json!({"io.max": text}));
    let found = bundle.cgroup_file(controller, "", "io.max");
    assert!(found.contains("rbps=1048576") && found.contains("wbps=2097152"), "{found}");
}

fn rdt_without_resctrl_is_refused() {
    if Path::new("/sys/fs/resctrl/schemata").exists() {
        skip("this machine has resctrl");
    }
    let bundle = Bundle::of_sleep();
    let name = format!("rdt-{}", bundle.tag());
    let bundle = bundle.with("/linux/intelRdt", json!({"closID": name, "l3CacheSchema": "L3:0=1"}));
    bundle.create().fails();
    bundle.assert_nothing_left();
}
