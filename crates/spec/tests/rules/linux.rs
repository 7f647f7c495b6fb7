use crate::config::*;
use serde_json::{Value, json};

#[test]
fn small_sections() {
    for (change, pointer, words) in [
        (("/linux/rootfsPropagation", json!("public")), "/linux/rootfsPropagation", "rprivate"),
        (("/linux/personality", json!({"domain": "LINUX64"})), "/linux/personality/domain", "LINUX32"),
        (("/linux/personality", json!({"domain": "LINUX", "flags": ["X"]})), "/linux/personality/flags/0", "no flags"),
        (("/linux/personality", json!({})), "/linux/personality/domain", "is required"),
        (("/linux/maskedPaths/0", json!("proc")), "/linux/maskedPaths/0", "absolute"),
        (("/linux/readonlyPaths", json!(["/a", ""])), "/linux/readonlyPaths/1", "absolute"),
        (("/linux/intelRdt", json!({"closID": ".."})), "/linux/intelRdt/closID", "invalid intelRdt.ClosID"),
        (("/linux/intelRdt", json!({"closID": "a/b"})), "/linux/intelRdt/closID", "invalid intelRdt.ClosID"),
        (
            ("/linux/intelRdt", json!({"schemata": ["L3:0=f", "L3:0=f\nMB:0=1"]})),
            "/linux/intelRdt/schemata/1",
            "single line",
        ),
        (("/linux/intelRdt", json!({"closID": "mon_groups"})), "/linux/intelRdt/closID", "resctrl's own"),
        (("/linux/intelRdt", json!({"closID": "a\n"})), "/linux/intelRdt/closID", "invalid intelRdt.ClosID"),
        (("/linux/intelRdt", json!({"memBwSchema": "L3:0=f"})), "/linux/intelRdt/memBwSchema", "must begin with MB:"),
        (("/linux/intelRdt", json!({"memBwSchema": "MB:\n"})), "/linux/intelRdt/memBwSchema", "single line"),
    ] {
        refused(&[change], pointer, words);
    }
    let inside = [("/linux/namespaces", namespaces(&["uts"]))];
    refused(&inside, "/linux/maskedPaths", "unable to restrict sys entries without a private MNT namespace");
    for propagation in ["", "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"]
    {
        accepted(&[("/linux/rootfsPropagation", json!(propagation))], 0);
    }
    accepted(&[("/linux/intelRdt", json!({"closID": "/", "schemata": ["L3:0=f"]}))], 0);
    accepted(&[("/linux/intelRdt", json!({"closID": "", "l3CacheSchema": "", "memBwSchema": ""}))], 0);
    accepted(&[("/linux/intelRdt", json!({"enableCMT": true, "l3CacheSchema": "L3CODE:0=f"}))], 1);
    accepted(&[("/linux/personality", json!({"domain": "LINUX32", "flags": []}))], 0);
}

#[test]
fn network_devices() {
    let devices = |value: Value| [("/linux/netDevices", value)];
    for (value, place, words) in [
        (json!({"a/b": {}}), "/a~1b", "invalid network device name"),
        (json!({"..": {"name": "eth0"}}), "/..", "invalid network device name"),
        (json!({"": {}}), "/", "invalid network device name"),
        (json!({"eth0": {"name": "far too long a name"}}), "/eth0/name", "invalid network device name"),
        (json!({"eth0": {"name": "sixteen-bytes-xx"}}), "/eth0/name", "invalid network device name"),
        (json!({"eth0": {"name": "a:b"}}), "/eth0/name", "invalid network device name"),
        (json!({"eth0": {"name": "."}}), "/eth0/name", "invalid network device name"),
        (json!({"eth0": {"name": "eth%s"}}), "/eth0/name", "for %d, once"),
        (json!({"eth0": {"name": "eth%d%d"}}), "/eth0/name", "for %d, once"),
        (json!({"eth%": {}}), "/eth%", "for %d, once"),
        (json!({"a": {"name": "c"}, "c": {}}), "/c", "must differ"),
        (json!({"b": {"name": "c"}, "a": {"name": "c"}}), "/b/name", "must differ"),
    ] {
        refused(&devices(value), &format!("/linux/netDevices{place}"), words);
    }
    let outside = [("/linux/namespaces", namespaces(&["uts", "mount"])), ("/linux/netDevices", json!({"eth0": {}}))];
    refused(&outside, "/linux/netDevices", "unable to move network devices without a NET namespace");
    accepted(&devices(json!({"eth0": {}, "a": {"name": "eth%d"}, "b": {"name": "eth%d"}, "c": {"name": ""}})), 0);
    accepted(&devices(json!({"fifteen-bytes-x": {"name": "%dx"}, "d": null})), 0);
    accepted(&devices(json!({})), 0);
}

/// runc's words, which its users' tests look for.
#[test]
fn memory_policies() {
    let policy = |mode: &str, nodes: &str| [("/linux/memoryPolicy", json!({"mode": mode, "nodes": nodes}))];
    let at = "/linux/memoryPolicy/";
    refused(&policy("INTERLEAVE", "0"), &format!("{at}mode"), "invalid memory policy mode");
    refused(&policy("MPOL_DEFAULT", "0-7"), &format!("{at}nodes"), "mode requires 0 nodes but got 8");
    refused(&policy("MPOL_LOCAL", "1"), &format!("{at}nodes"), "mode requires 0 nodes but got 1");
    refused(&policy("MPOL_BIND", ""), &format!("{at}nodes"), "requires at least one node but got 0");
    refused(&policy("MPOL_BIND", "0-9876543210"), &format!("{at}nodes"), "invalid memory policy nodes");
    refused(&[("/linux/memoryPolicy", json!({"nodes": "0"}))], &format!("{at}mode"), "invalid memory policy mode");
    let flag = json!({"mode": "MPOL_PREFERRED", "flags": ["MPOL_F_RELATIVE_NODES", "badflag"]});
    refused(&[("/linux/memoryPolicy", flag)], &format!("{at}flags/1"), "invalid memory policy flag");
    accepted(&policy("MPOL_PREFERRED", ""), 0);
    accepted(&policy("MPOL_INTERLEAVE", "0,2-3"), 0);
    accepted(&[("/linux/memoryPolicy", json!({"mode": "MPOL_DEFAULT"}))], 0);
}

#[test]
fn seccomp_rules() {
    let rule = |value: Value| ("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [value]}));
    let at = |name: &str| format!("/linux/seccomp/syscalls/0/{name}");
    for (value, pointer, words) in [
        (json!({"names": [], "action": "SCMP_ACT_LOG"}), at("names"), "at least one"),
        (json!({"action": "SCMP_ACT_LOG"}), at("names"), "is required"),
        (json!({"names": ["x"], "action": 7}), at("action"), "not text"),
        (json!({"names": ["x"], "action": "ERRNO"}), at("action"), "did you mean SCMP_ACT_ERRNO?"),
        (
            json!({"names": ["x"], "action": "SCMP_ACT_LOG", "errnoRet": 1}),
            at("errnoRet"),
            "SCMP_ACT_ERRNO and SCMP_ACT_TRACE only",
        ),
        (json!({"names": ["x"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}), at("errnoRet"), "4095"),
        (
            json!({"names": ["read", "write"], "action": "SCMP_ACT_NOTIFY"}),
            at("action"),
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
        (
            json!({"names": ["x"], "action": "SCMP_ACT_LOG", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}),
            at("args/0/index"),
            "0 to 5",
        ),
        (
            json!({"names": ["x"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 0, "op": "EQUAL"}]}),
            at("args/0/op"),
            "SCMP_CMP_EQ",
        ),
    ] {
        refused(&[rule(value)], &pointer, words);
    }
    let notify = json!({"names": ["read"], "action": "SCMP_ACT_NOTIFY"});
    refused(&[rule(notify.clone())], "/linux/seccomp/listenerPath", "seccomp listenerPath is not set");
    accepted(&[rule(notify), ("/linux/seccomp/listenerPath", json!("/run/s"))], 0);
    accepted(&[rule(json!({"names": ["no_such_call"], "action": "SCMP_ACT_TRACE", "errnoRet": 65535}))], 0);
}

#[test]
fn seccomp_as_a_whole() {
    let whole = |value: Value| [("/linux/seccomp", value)];
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_NOTIFY"})),
        "/linux/seccomp/defaultAction",
        "SCMP_ACT_NOTIFY cannot be used as default action",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1})),
        "/linux/seccomp/defaultErrnoRet",
        "only",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "listenerMetadata": "x"})),
        "/linux/seccomp/listenerMetadata",
        "without listenerPath",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "listenerPath": "x"})),
        "/linux/seccomp/listenerPath",
        "absolute",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "architectures": ["SCMP_ARCH_X"]})),
        "/linux/seccomp/architectures/0",
        "must be one of S",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "flags": ["X"]})),
        "/linux/seccomp/flags/0",
        "must be one of S",
    );
    refused(
        &whole(json!({"syscalls": [{"names": ["x"], "action": "SCMP_ACT_LOG"}]})),
        "/linux/seccomp/defaultAction",
        "is required",
    );
    accepted(&whole(json!({})), 0);
}
