//! Limits laid over earlier limits.

use serde_json::{Map, Value};
use spec::oci::LinuxResources;

/// Values of 0 that say "not set" (`update` of an engine sends them for all that it leaves alone).
const UNSET_AT_ZERO: [&str; 9] = [
    "/memory/limit",
    "/memory/reservation",
    "/memory/swap",
    "/cpu/shares",
    "/cpu/quota",
    "/cpu/period",
    "/cpu/realtimeRuntime",
    "/cpu/realtimePeriod",
    "/blockIO/weight",
];

/// Values that the kernel takes in pairs: where one is new, the stored other half goes with it.
const PAIRS: [(&str, &str); 3] =
    [("/cpu/quota", "/cpu/period"), ("/cpu/realtimeRuntime", "/cpu/realtimePeriod"), ("/memory/limit", "/memory/swap")];

/// What `update` does: what to write, and what then holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Merged {
    /// The new values, each with the half that it needs.
    pub(crate) change: LinuxResources,
    /// All limits from then on.
    pub(crate) whole: LinuxResources,
}

/// Lays `wanted` over `stored`.
pub(crate) fn merge(stored: &LinuxResources, wanted: &LinuxResources) -> serde_json::Result<Merged> {
    let mut whole = serde_json::to_value(stored)?;
    let mut change = wanted_alone(serde_json::to_value(wanted)?);
    // Without a memory limit there is none with swap either, unless one is asked for (which is an error).
    if change.pointer("/memory/limit") == Some(&(-1).into()) && change.pointer("/memory/swap").is_none() {
        put(&mut change, "/memory/swap", (-1).into());
    }
    // An idle cgroup has no weight.
    if change.pointer("/cpu/idle").is_some_and(|idle| *idle != 0) {
        take(&mut whole, "/cpu/shares");
    }
    for (one, other) in PAIRS {
        for (new, kept) in [(one, other), (other, one)] {
            if let (Some(_), None, Some(half)) = (change.pointer(new), change.pointer(kept), whole.pointer(kept)) {
                let half = half.clone();
                put(&mut change, kept, half);
            }
        }
    }
    lay(&mut whole, &change);
    Ok(Merged { change: serde_json::from_value(change)?, whole: serde_json::from_value(whole)? })
}

/// What is truly asked for: device rules are never changed by `update`, kernel memory is a thing of the past.
fn wanted_alone(mut wanted: Value) -> Value {
    for pointer in ["/devices", "/memory/kernel", "/memory/kernelTCP"] {
        take(&mut wanted, pointer);
    }
    for pointer in UNSET_AT_ZERO {
        if wanted.pointer(pointer) == Some(&0.into()) {
            take(&mut wanted, pointer);
        }
    }
    wanted
}

/// Lays `over` over `value`: objects key by key, lists of devices, page sizes and names entry by entry.
fn lay(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(value), Value::Object(over)) => {
            for (key, over) in over {
                lay(value.entry(key.clone()).or_insert(Value::Null), over);
            }
        }
        (Value::Array(entries), Value::Array(over)) => {
            for new in over {
                match entries.iter_mut().find(|entry| same(entry, new)) {
                    Some(entry) => lay(entry, new),
                    None => entries.push(new.clone()),
                }
            }
        }
        (value, over) => *value = over.clone(),
    }
}

/// Whether two entries of a list are about the same thing.
fn same(one: &Value, other: &Value) -> bool {
    ["major", "minor", "pageSize", "name"].iter().all(|key| one.get(key) == other.get(key))
}

fn put(root: &mut Value, pointer: &str, value: Value) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(parent)) = root.pointer_mut(parent)
    {
        parent.insert(key.to_owned(), value);
    }
}

fn take(root: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    root.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|parent: &mut Map<_, _>| parent.remove(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(stored: Value, wanted: Value) -> (Value, Value) {
        let of = |value| serde_json::from_value(value).unwrap();
        let merged = merge(&of(stored), &of(wanted)).unwrap();
        let back = |resources| serde_json::to_value(resources).unwrap();
        (back(merged.change), back(merged.whole))
    }

    #[test]
    fn a_half_goes_with_the_stored_other_half() {
        let stored = json!({"cpu": {"quota": 5, "period": 100, "shares": 7}, "memory": {"limit": 1, "swap": 2}});
        let (change, whole) = merged(stored.clone(), json!({"cpu": {"period": 200}}));
        assert_eq!(change, json!({"cpu": {"period": 200, "quota": 5}}));
        assert_eq!(whole["cpu"], json!({"quota": 5, "period": 200, "shares": 7}));
        let (change, whole) = merged(stored.clone(), json!({"cpu": {"quota": 6, "period": 0}, "memory": {"limit": 9}}));
        assert_eq!(change, json!({"cpu": {"quota": 6, "period": 100}, "memory": {"limit": 9, "swap": 2}}));
        assert_eq!(whole["memory"], json!({"limit": 9, "swap": 2}));
        let (change, _) = merged(json!({}), json!({"cpu": {"quota": 6}}));
        assert_eq!(change, json!({"cpu": {"quota": 6}}));
    }

    #[test]
    fn no_memory_limit_is_no_swap_limit() {
        let stored = json!({"memory": {"limit": 1, "swap": 2, "reservation": 1}});
        let (change, whole) = merged(stored.clone(), json!({"memory": {"limit": -1}}));
        assert_eq!(change, json!({"memory": {"limit": -1, "swap": -1}}));
        assert_eq!(whole, json!({"memory": {"limit": -1, "swap": -1, "reservation": 1}}));
        let (change, _) = merged(stored, json!({"memory": {"limit": -1, "swap": 0}}));
        assert_eq!(change, json!({"memory": {"limit": -1, "swap": -1}}));
    }

    #[test]
    fn idle_takes_the_weight_away() {
        let (change, whole) = merged(json!({"cpu": {"shares": 7}}), json!({"cpu": {"idle": 1, "shares": 0}}));
        assert_eq!((change, whole), (json!({"cpu": {"idle": 1}}), json!({"cpu": {"idle": 1}})));
        let (_, whole) = merged(json!({"cpu": {"shares": 7}}), json!({"cpu": {"idle": 0}}));
        assert_eq!(whole, json!({"cpu": {"idle": 0, "shares": 7}}));
    }

    #[test]
    fn zero_is_unset_but_where_it_means_something() {
        let wanted = json!({"memory": {"limit": 0, "reservation": 0, "swap": 0, "kernel": 5},
            "cpu": {"shares": 0, "quota": 0, "period": 0, "burst": 0}, "blockIO": {"weight": 0}, "pids": {"limit": 0}});
        let stored = json!({"memory": {"limit": 1}, "cpu": {"shares": 3}, "pids": {"limit": 5}});
        let (_, whole) = merged(stored, wanted);
        assert_eq!(whole["memory"], json!({"limit": 1}));
        assert_eq!(whole["cpu"], json!({"shares": 3, "burst": 0}));
        assert_eq!(whole["pids"], json!({"limit": 0}));
    }

    #[test]
    fn device_limits_are_replaced_by_device_and_rules_never() {
        let stored = json!({"devices": [{"allow": false, "access": "rwm"}],
            "blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 20}]},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 1}], "unified": {"a.b": "1"}});
        let wanted = json!({"devices": [{"allow": true, "access": "rwm"}],
            "blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 30}, {"major": 8, "minor": 1, "weight": 40}]},
            "hugepageLimits": [{"pageSize": "1GB", "limit": 2}, {"pageSize": "2MB", "limit": 3}], "unified": {"c.d": "2"}});
        let (change, whole) = merged(stored, wanted);
        assert_eq!(change.get("devices"), None);
        assert_eq!(whole["devices"], json!([{"allow": false, "access": "rwm"}]));
        let devices =
            json!([{"major": 8, "minor": 0, "weight": 30, "leafWeight": 20}, {"major": 8, "minor": 1, "weight": 40}]);
        assert_eq!(whole["blockIO"]["weightDevice"], devices);
        assert_eq!(whole["hugepageLimits"], json!([{"pageSize": "2MB", "limit": 3}, {"pageSize": "1GB", "limit": 2}]));
        assert_eq!(whole["unified"], json!({"a.b": "1", "c.d": "2"}));
    }
}
