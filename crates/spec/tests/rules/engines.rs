//! What engines really write must be taken, without a warning.

use serde_json::Value;
use std::time::{Duration, Instant};

const CONFIGS: &[(&str, &str)] = &[
    ("docker", include_str!("../configs/docker.json")),
    ("docker, privileged", include_str!("../configs/docker-privileged.json")),
    ("docker, with limits", include_str!("../configs/docker-limits.json")),
    ("docker, with the host's namespaces", include_str!("../configs/docker-host-namespaces.json")),
    ("containerd", include_str!("../configs/containerd.json")),
];

#[test]
fn their_configs_are_taken() {
    for (name, text) in CONFIGS {
        let loaded = spec::parse(text.as_bytes().to_vec()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(loaded.warnings, Vec::<String>::new(), "{name}");
        assert_eq!(loaded.bytes, text.as_bytes());
    }
    let process = include_str!("../configs/docker-exec.json");
    let (process, warnings) = spec::parse_process(process.as_bytes()).expect("a process");
    assert_eq!((process.user().uid(), warnings.len()), (1000, 0));
    let resources = include_str!("../configs/docker-update.json");
    let resources = spec::parse_resources(resources.as_bytes()).expect("resources");
    assert_eq!(resources.memory().as_ref().and_then(spec::oci::LinuxMemory::limit), Some(100 << 20));
}

/// Writers in Go may write null for what is not there, and empty lists.
#[test]
fn null_is_absence() {
    for (name, text) in CONFIGS {
        let config: Value = serde_json::from_str(text).expect("JSON");
        for pointer in members(&config, "") {
            let mut changed = config.clone();
            *changed.pointer_mut(&pointer).expect("a member") = Value::Null;
            let mut absent = config.clone();
            let (parent, last) = pointer.rsplit_once('/').expect("a member");
            absent
                .pointer_mut(parent)
                .and_then(Value::as_object_mut)
                .expect("an object")
                .remove(&last.replace("~1", "/"));
            let [changed, absent] = [changed, absent].map(|value| spec::parse(value.to_string().into_bytes()));
            match (changed, absent) {
                (Ok(changed), Ok(absent)) => assert_eq!(changed.spec, absent.spec, "{name}: {pointer}"),
                (Err(changed), Err(absent)) => assert_eq!(changed.to_string(), absent.to_string(), "{name}: {pointer}"),
                (changed, absent) => panic!("{name}: {pointer}: {changed:?} {absent:?}"),
            }
        }
    }
}

/// The pointers of every member of every object, down to some depth (rules of seccomp are many and alike).
fn members(value: &Value, at: &str) -> Vec<String> {
    if at.matches('/').count() > 4 {
        return Vec::new();
    }
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, item)| {
                let at = format!("{at}/{}", key.replace('/', "~1"));
                [at.clone()].into_iter().chain(self::members(item, &at)).collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(items) => {
            items.iter().take(2).enumerate().flat_map(|(i, item)| members(item, &format!("{at}/{i}"))).collect()
        }
        _ => Vec::new(),
    }
}

/// The budget is 0.1 ms in a release build; an unoptimized one on a busy machine gets 50 times that.
#[test]
fn a_usual_config_takes_no_time() {
    let text = include_str!("../configs/docker.json");
    let best = (0..50).map(|_| {
        let bytes = text.as_bytes().to_vec();
        let start = Instant::now();
        let loaded = spec::parse(bytes);
        let time = start.elapsed();
        assert!(loaded.is_ok());
        time
    });
    let best = best.min().unwrap_or_default();
    println!("{best:?}");
    assert!(best < Duration::from_millis(5), "{best:?}");
}
