//! What comes of a config with a runtime: what the probe sees, less what differs from one run to the next.

use crate::generate::Change;
use harness::Bundle;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What the probe is asked beyond what it tells by itself.
const QUESTIONS: &[&str] = &[
    "list:/",
    "list:/dev",
    "list:/one",
    "list:/two/below",
    "list:/mnt",
    "read:/file",
    "stat:/file",
    "stat:/one",
    "stat:/two",
    "stat:/mnt",
    "stat:/dev/null",
    "stat:/dev/added",
    "stat:/opt/node",
    "stat:/dev/fd",
    "stat:/dev/ptmx",
    "stat:/dev/console",
    "stat:/dev/shm",
    "open:/proc/kcore",
    "open:/proc/timer_list",
    "open:/etc/passwd",
    "list:/proc/acpi",
    "list:/home",
    "write:/etc/new=x",
    "write:/one/new=x",
    "write:/two/below/new=x",
    "write:/mnt/new=x",
    "write:/proc/sys/kernel/domainname=x",
    "write:/home/new=x",
    "write:/dev/null=x",
    "write:/tmp/new=x",
    "stat:/tmp/new",
    "stat:/made/here",
    "read:/proc/sys/net/core/somaxconn",
    "read:/proc/sys/kernel/msgmax",
    "read:/proc/sys/net/ipv4/ip_forward",
    "read:/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "read:/sys/fs/cgroup/pids/pids.max",
    "read:/sys/fs/cgroup/cpu/cpu.shares",
    "read:/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "read:/sys/fs/cgroup/cpuset/cpuset.cpus",
    "read:/sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
    "read:/sys/fs/cgroup/devices/devices.list",
    "read:/proc/self/uid_map",
    "read:/proc/self/gid_map",
    "read:/proc/self/loginuid",
    "read:/proc/self/setgroups",
];

/// Runs a container of the config with these changes.
pub(crate) fn seen(runtime: &Path, changes: &[Change]) -> Value {
    let mut bundle = Bundle::new();
    furnish(&bundle);
    let arguments: Vec<&str> = ["/probe"].iter().chain(QUESTIONS).copied().collect();
    bundle.set("/process/args", json!(arguments));
    for (pointer, value) in changes.iter().flatten() {
        bundle.set(pointer, value.clone());
    }
    let outcome = bundle.call_of(runtime, ["run", bundle.id()]).outcome();
    bundle.assert_nothing_left();
    let text = outcome.out.replace(bundle.tag(), "TAG");
    match serde_json::from_str(&text) {
        Ok(found) => json!({"code": outcome.code, "seen": steady(found)}),
        Err(_) => json!({"refused": outcome.err.lines().last().unwrap_or("without a word")}),
    }
}

/// What the config's changes may refer to.
fn furnish(bundle: &Bundle) {
    for folder in ["source/below", "rootfs/one", "rootfs/two/below", "rootfs/mnt"] {
        fs::create_dir_all(bundle.folder().join(folder)).expect("a folder");
    }
    fs::write(bundle.folder().join("source/inside"), "inside").expect("a file");
    fs::write(bundle.folder().join("plain"), "plain").expect("a file");
    fs::write(bundle.rootfs("file"), "of the root").expect("a file");
    fs::write(bundle.rootfs("one/covered"), "covered").expect("a file");
}

/// Takes out numbers that the kernel gives anew each time.
fn steady(mut seen: Value) -> Value {
    if let Some(namespaces) = seen["namespaces"].as_object_mut() {
        for (kind, link) in namespaces {
            *link = json!(if json!(own_namespace(kind)) == *link { "the caller's" } else { "its own" });
        }
    }
    // What devices may be used is a set.
    let devices = &mut seen["answers"]["read:/sys/fs/cgroup/devices/devices.list"];
    if let Some(text) = devices.as_str() {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        *devices = json!(lines);
    }
    // So is an environment.
    if let Some(variables) = seen["env"].as_array_mut() {
        variables.sort_by_key(Value::to_string);
    }
    seen["mounts"] = by_target(&seen["mounts"]);
    let stacks = seen["mounts"].as_object_mut().into_iter().flat_map(|targets| targets.values_mut());
    for mount in stacks.filter_map(Value::as_array_mut).flatten() {
        for key in ["id", "parent", "device"] {
            mount[key].take();
        }
        let propagation = mount["propagation"].as_str().unwrap_or_default();
        let words: Vec<&str> = propagation.split(' ').map(|word| word.split(':').next().unwrap_or_default()).collect();
        mount["propagation"] = json!(words.join(" "));
    }
    forget(&mut seen);
    seen
}

/// What is mounted at each target, the lowest first. In which order mounts of different places are listed is no matter.
fn by_target(mounts: &Value) -> Value {
    let mut targets: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for mount in mounts.as_array().into_iter().flatten() {
        let stack = targets.entry(mount["target"].as_str().unwrap_or_default()).or_default();
        // What is mounted on another one has that for its parent.
        let above = stack.iter().position(|other| other["parent"] == mount["id"]);
        stack.insert(above.unwrap_or(stack.len()), mount);
    }
    json!(targets)
}

/// The caller's own namespace of a kind, as the probe tells of the container's.
fn own_namespace(kind: &str) -> Option<String> {
    Some(fs::read_link(format!("/proc/self/ns/{kind}")).ok()?.to_string_lossy().into_owned())
}

/// Keys whose values no two runs share, at any depth.
const PASSING: &[&str] = &[
    "pid",
    "device",
    "inode",
    "Pid",
    "Tgid",
    "Ngid",
    "PPid",
    "NSpid",
    "NStgid",
    "NSpgid",
    "NSsid",
    "FDSize",
    "VmPeak",
    "VmSize",
    "VmHWM",
    "VmRSS",
    "VmData",
    "VmStk",
    "VmExe",
    "VmLib",
    "VmPTE",
    "VmSwap",
    "RssAnon",
    "RssFile",
    "RssShmem",
    "voluntary_ctxt_switches",
    "nonvoluntary_ctxt_switches",
    "SigQ",
    "HugetlbPages",
    "size",
    "session",
];

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, _| !PASSING.contains(&key.as_str()));
            members.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::String(text) => {
            if let Some((kind, _)) = text.split_once(":[") {
                *text = kind.to_owned();
            }
        }
        _ => {}
    }
}
