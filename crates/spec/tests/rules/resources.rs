use crate::config::*;
use serde_json::json;

#[test]
fn resources() {
    let base = "/linux/resources";
    for (name, value, pointer, words) in [
        ("devices", json!([{"allow": true, "type": "p", "access": "r"}]), "devices/0/type", "a, b or c"),
        ("devices", json!([{"allow": true, "access": "rx"}]), "devices/0/access", "r, w and m"),
        ("devices", json!([{"allow": true, "access": "a"}]), "devices/0/access", "r, w and m"),
        ("devices", json!([{"allow": true}]), "devices/0/access", "r, w and m"),
        ("devices", json!([{"allow": true, "access": "r", "major": -2}]), "devices/0/major", "from -1"),
        ("memory", json!({"limit": -2}), "memory/limit", "from -1"),
        ("memory", json!({"limit": 9_223_372_036_854_775_808_u64}), "memory/limit", "to 9223372036854775807"),
        ("memory", json!({"limit": 1.5}), "memory/limit", "whole number"),
        ("memory", json!({"limit": "1g"}), "memory/limit", "whole number"),
        ("memory", json!({"limit": 100, "swap": 99}), "memory/swap", "memory.limit, 100"),
        ("memory", json!({"swappiness": 101}), "memory/swappiness", "from 0 to 100"),
        ("cpu", json!({"period": 999}), "cpu/period", "from 1000"),
        ("cpu", json!({"idle": 2}), "cpu/idle", "from 0 to 1"),
        ("cpu", json!({"quota": 1000, "burst": 1001}), "cpu/burst", "to 1000"),
        ("cpu", json!({"shares": -1}), "cpu/shares", "from 0 to 18446744073709551615"),
        ("pids", json!({"limit": -2}), "pids/limit", "from -1"),
        ("blockIO", json!({"weight": 9}), "blockIO/weight", "from 10 to 1000"),
        ("blockIO", json!({"weightDevice": [{"major": 1, "minor": 1}]}), "blockIO/weightDevice/0", "leafWeight"),
        (
            "blockIO",
            json!({"throttleReadIOPSDevice": [{"major": -1, "minor": 1, "rate": 1}]}),
            "blockIO/throttleReadIOPSDevice/0/major",
            "from 0",
        ),
        ("hugepageLimits", json!([{"pageSize": "2mb", "limit": 1}]), "hugepageLimits/0/pageSize", "2MB"),
        ("hugepageLimits", json!([{"pageSize": "../x", "limit": 1}]), "hugepageLimits/0/pageSize", "2MB"),
        ("hugepageLimits", json!([{"pageSize": "MB", "limit": 1}]), "hugepageLimits/0/pageSize", "2MB"),
        ("hugepageLimits", json!([{"pageSize": "2MB", "limit": -1}]), "hugepageLimits/0/limit", "from 0"),
        ("network", json!({"priorities": [{"name": "", "priority": 1}]}), "network/priorities/0/name", "interface"),
        ("rdma", json!({"mlx": {}}), "rdma", "hcaHandles or hcaObjects"),
        ("unified", json!({"../x": "1"}), "unified", "cgroup v2 file"),
        ("unified", json!({"": "1"}), "unified", "cgroup v2 file"),
        ("unified", json!({"..": "1"}), "unified", "cgroup v2 file"),
    ] {
        refused(&[(&format!("{base}/{name}"), value.clone())], &format!("{base}/{pointer}"), words);
        let alone = spec::parse_resources(json!({name: value}).to_string().as_bytes()).expect_err("refused alone too");
        assert_eq!(alone.pointer(), format!("/{pointer}"));
    }
    for (name, value) in [
        ("memory", json!({"limit": -1, "swap": -1, "reservation": 0, "swappiness": 0})),
        ("memory", json!({"limit": 100, "swap": 100})),
        ("memory", json!({"limit": 100, "swap": 0})),
        ("cpu", json!({"quota": -1, "period": 0, "burst": 7, "shares": 0, "cpus": "0-1"})),
        ("cpu", json!({"shares": 1_048_576, "realtimeRuntime": -1})),
        ("pids", json!({"limit": -1})),
        ("blockIO", json!({"weight": 0, "weightDevice": [{"major": 8, "minor": 0, "weight": 1000}]})),
        ("hugepageLimits", json!([{"pageSize": "64KB", "limit": u64::MAX}])),
        ("hugepageLimits", json!([{"pageSize": "1GB", "limit": 9_223_372_036_854_772_000_u64}])),
        ("unified", json!({"memory.high": "max", "unknown.key": ""})),
        ("devices", json!([{"allow": true, "type": "c", "major": -1, "minor": -1, "access": "mwra"}])),
    ] {
        accepted(&[(&format!("{base}/{name}"), value)], 0);
    }
    // What is ignored of them is said where the cgroup is planned.
    accepted(&[("/linux/resources/memory", json!({"kernel": 1, "kernelTCP": 1}))], 0);
}
