//! config-linux.md, memory policy.

use super::refused;
use crate::verdict::skip;
use harness::Bundle;
use serde_json::{Value, json};

super::rows! { "memory_policy":
    "config-linux.md, memory policy" {
        each_mode_is_the_processs: "`mode` and `nodes` are the process's policy",
        each_flag_is_the_policys: "`flags` are the policy's",
        the_policy_goes_for_exec: "the policy is the container's: of a process that joins, too",
        a_mode_is_required: "`mode` is required, and known",
        an_unknown_flag_is_refused: "a flag that is not listed is an error",
        nodes_that_are_no_list_are_refused: "`nodes` is a list with commas and ranges",
        nodes_that_a_mode_does_not_take_are_refused: "`MPOL_DEFAULT` and `MPOL_LOCAL` take no nodes",
        nodes_that_a_mode_needs_are_required: "other modes need at least one node",
        what_the_kernel_refuses_is_an_error: "nodes and flags that the kernel refuses are an error",
    }
}

/// The policies that a program with `policy` has, as `/proc/PID/numa_maps` tells them (numa(7)).
fn told(policy: Value) -> String {
    if !std::fs::exists("/proc/self/numa_maps").unwrap_or(false) {
        skip("the kernel has no NUMA");
    }
    let mut bundle = Bundle::new().with("/linux/memoryPolicy", policy);
    let seen = bundle.probe(&["read:/proc/self/numa_maps"]);
    first_policy(&seen)
}

fn first_policy(seen: &Value) -> String {
    let maps = seen["answers"]["read:/proc/self/numa_maps"].as_str().expect("maps");
    maps.split_whitespace().nth(1).expect("a policy").to_owned()
}

fn each_mode_is_the_processs() {
    for (mode, nodes, shown) in [
        ("MPOL_DEFAULT", None, "default"),
        ("MPOL_BIND", Some("0"), "bind:0"),
        ("MPOL_INTERLEAVE", Some("0"), "interleave:0"),
        ("MPOL_PREFERRED", Some("0"), "prefer:0"),
        ("MPOL_PREFERRED", None, "local"),
        ("MPOL_PREFERRED_MANY", Some("0-0"), "prefer (many):0"),
        ("MPOL_LOCAL", None, "local"),
        ("MPOL_LOCAL", Some(""), "local"),
        ("MPOL_WEIGHTED_INTERLEAVE", Some("0"), "weighted interleave:0"),
    ] {
        let told = told(json!({"mode": mode, "nodes": nodes}));
        // Some of them have a blank in their name.
        let first = shown.split(' ').next();
        assert_eq!(Some(told.as_str()), first, "{mode}");
    }
}

fn each_flag_is_the_policys() {
    for (flag, shown) in [
        ("MPOL_F_STATIC_NODES", "bind=static:0"),
        ("MPOL_F_RELATIVE_NODES", "bind=relative:0"),
        ("MPOL_F_NUMA_BALANCING", "bind=balancing:0"),
    ] {
        let told = told(json!({"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}));
        // Kernels before 6.14 do not tell of balancing.
        assert!(told == shown || flag == "MPOL_F_NUMA_BALANCING" && told == "bind:0", "{flag}: {told}");
    }
}

fn the_policy_goes_for_exec() {
    told(json!({"mode": "MPOL_DEFAULT"}));
    let bundle = Bundle::of_sleep().with("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "0"}));
    bundle.up();
    assert_eq!(first_policy(&bundle.exec_probe(&[], &["read:/proc/self/numa_maps"])), "bind:0");
}

fn policy_refused(policy: Value) {
    refused(Bundle::of_shell("true"), "/linux/memoryPolicy", policy);
}

fn a_mode_is_required() {
    policy_refused(json!({"nodes": "0"}));
    for mode in ["BIND", "MPOL_X", "mpol_bind", ""] {
        policy_refused(json!({"mode": mode, "nodes": "0"}));
    }
}

fn an_unknown_flag_is_refused() {
    for flag in ["MPOL_F_X", "STATIC_NODES", ""] {
        policy_refused(json!({"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}));
    }
}

fn nodes_that_are_no_list_are_refused() {
    for nodes in ["x", "1-0", "0,", "-1", "0-9876543210"] {
        policy_refused(json!({"mode": "MPOL_BIND", "nodes": nodes}));
    }
}

fn nodes_that_a_mode_does_not_take_are_refused() {
    for mode in ["MPOL_DEFAULT", "MPOL_LOCAL"] {
        policy_refused(json!({"mode": mode, "nodes": "0"}));
    }
}

fn nodes_that_a_mode_needs_are_required() {
    for mode in ["MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY"] {
        policy_refused(json!({"mode": mode}));
        policy_refused(json!({"mode": mode, "nodes": ""}));
    }
}

fn what_the_kernel_refuses_is_an_error() {
    policy_refused(json!({"mode": "MPOL_BIND", "nodes": "1023"}));
    let both = ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"];
    policy_refused(json!({"mode": "MPOL_BIND", "nodes": "0", "flags": both}));
    policy_refused(json!({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}));
}
