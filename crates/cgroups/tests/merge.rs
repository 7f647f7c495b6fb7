//! What a container's resources are after an update: the basis of the next one.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "values are written where they are used")]

use cgroups::merge;
use serde_json::{Value, json};
use spec::oci::LinuxResources;

fn resources(value: &Value) -> LinuxResources {
    serde_json::from_value(value.clone()).unwrap()
}

/// The stored ones, changed, in one section.
fn merged(section: &str, stored: Value, change: Value) -> Value {
    let merged = merge(&resources(&json!({section: stored})), &resources(&json!({section: change})));
    let mut whole = serde_json::to_value(merged).unwrap();
    whole[section].take()
}

#[test]
fn what_a_change_does_not_name_stays() {
    let stored = json!({
        "devices": [{"allow": false, "access": "rwm"}],
        "memory": {"limit": 7}, "cpu": {"shares": 7}, "pids": {"limit": 7}, "blockIO": {"weight": 17},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 7}],
        "network": {"classID": 7, "priorities": [{"name": "lo", "priority": 7}]},
        "rdma": {"a": {"hcaHandles": 7}}, "unified": {"memory.high": "7"},
    });
    let unchanged = merge(&resources(&stored), &LinuxResources::default());
    assert_eq!(unchanged, resources(&stored));
    let change = json!({"devices": [], "pids": {"limit": 8}, "network": {"classID": 8}, "hugepageLimits": []});
    let now = serde_json::to_value(merge(&resources(&stored), &resources(&change))).unwrap();
    assert_eq!(now["devices"], serde_json::to_value(resources(&stored)).unwrap()["devices"], "rules are never touched");
    assert_eq!((&now["pids"]["limit"], &now["network"]["classID"]), (&json!(8), &json!(8)));
    assert_eq!((&now["hugepageLimits"], &now["memory"]["limit"]), (&json!([]), &json!(7)));
}

#[test]
fn maps_are_merged_by_key() {
    let stored = json!({"a": {"hcaHandles": 1}, "b": {"hcaHandles": 2}});
    let now = merged("rdma", stored, json!({"b": {"hcaObjects": 3}, "c": {"hcaHandles": 4}}));
    assert_eq!(now["a"]["hcaHandles"], 1);
    assert_eq!(now["b"]["hcaObjects"], 3);
    assert_eq!(now["c"]["hcaHandles"], 4);
    let now = merged("unified", json!({"x.a": "1", "x.b": "2"}), json!({"x.b": "3", "x.c": "4"}));
    assert_eq!(now, json!({"x.a": "1", "x.b": "3", "x.c": "4"}));
}

#[test]
fn devices_are_merged_by_number() {
    let rate = |minor: i64, rate: u64| json!({"major": 8, "minor": minor, "rate": rate});
    for list in ["throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"]
    {
        let stored = json!({"weight": 10, "leafWeight": 20, list: [rate(0, 1), rate(1, 2)]});
        let now = merged("blockIO", stored.clone(), json!({"weight": 11, list: [rate(1, 3), rate(2, 4)]}));
        assert_eq!(now[list], json!([rate(0, 1), rate(1, 3), rate(2, 4)]));
        assert_eq!((&now["weight"], &now["leafWeight"]), (&json!(11), &json!(20)));
        assert_eq!(
            merged("blockIO", stored.clone(), json!({"weight": 11}))[list],
            stored[list],
            "not named, not changed"
        );
    }
}

#[test]
fn a_device_keeps_the_weight_that_is_not_named() {
    let stored = json!({"weightDevice": [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 20}]});
    let change =
        json!({"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 30}, {"major": 8, "minor": 16, "weight": 40}]});
    let now = merged("blockIO", stored, change);
    let weights =
        |at: usize| (now["weightDevice"][at]["weight"].clone(), now["weightDevice"][at]["leafWeight"].clone());
    assert_eq!(weights(0), (json!(10), json!(30)));
    assert_eq!(weights(1), (json!(40), Value::Null));
}

#[test]
fn limits_that_hang_together_go_together() {
    let stored = || json!({"limit": 100, "swap": 200, "reservation": 50, "checkBeforeUpdate": true});
    let now = merged("memory", stored(), json!({"limit": -1}));
    assert_eq!((&now["limit"], &now["swap"], &now["reservation"]), (&json!(-1), &Value::Null, &json!(50)));
    assert_eq!(now["checkBeforeUpdate"], true);
    let now = merged("memory", stored(), json!({"swap": 300}));
    assert_eq!((&now["limit"], &now["swap"]), (&json!(100), &json!(300)));
    let now =
        merged("cpu", json!({"shares": 512, "cpus": "0", "mems": "0"}), json!({"idle": 1, "cpus": "", "mems": "1"}));
    assert_eq!((&now["shares"], &now["idle"]), (&Value::Null, &json!(1)), "an idle cgroup has no shares");
    assert_eq!((&now["cpus"], &now["mems"]), (&json!("0"), &json!("1")));
}
