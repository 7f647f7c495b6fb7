//! A valid config, and what becomes of it when something in it is changed.

use serde_json::{Value, json};
use spec::{Error, Loaded};

/// A config with something in every section, all of it valid.
pub(crate) fn base() -> Value {
    json!({
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "hostname": "box",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": ["sh"], "env": ["A=b"], "cwd": "/",
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}]
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "hooks": {"prestart": [{"path": "/bin/true"}]},
        "annotations": {"a": "b"},
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "network"}
            ],
            "devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}],
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "maskedPaths": ["/proc/kcore"]
        }
    })
}

/// Puts `value` at `pointer`, making the objects on the way; a null takes away what is there.
pub(crate) fn put(config: &mut Value, pointer: &str, value: &Value) {
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let mut at = config;
    for part in parent.split('/').skip(1) {
        at = match at {
            Value::Array(items) => &mut items[part.parse::<usize>().expect("an index")],
            other => &mut other[part],
        };
        if at.is_null() {
            *at = json!({});
        }
    }
    match at {
        Value::Array(items) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => items[index] = value.clone(),
            _ => items.push(value.clone()),
        },
        other => {
            let members = other.as_object_mut().expect("an object");
            members.remove(last);
            if !value.is_null() {
                members.insert(last.to_owned(), value.clone());
            }
        }
    }
}

pub(crate) fn with(changes: &[(&str, Value)]) -> Result<Loaded, Error> {
    let mut config = base();
    for (pointer, value) in changes {
        put(&mut config, pointer, value);
    }
    spec::parse(config.to_string().into_bytes())
}

/// Refused at that pointer, with those words.
#[track_caller]
pub(crate) fn refused(changes: &[(&str, Value)], pointer: &str, words: &str) {
    let error = with(changes).map(drop).expect_err(&format!("{changes:?} should be refused"));
    let text = error.to_string();
    assert_eq!(error.pointer(), pointer, "{text}");
    assert!(text.contains(words), "{text:?} lacks {words:?}");
    assert!(!text.contains('\n') && text.len() < 4096);
}

/// Accepted, with so many warnings.
#[track_caller]
pub(crate) fn accepted(changes: &[(&str, Value)], warnings: usize) -> Loaded {
    let loaded = with(changes).unwrap_or_else(|error| panic!("{changes:?}: {error}"));
    assert_eq!(loaded.warnings.len(), warnings, "{:?}", loaded.warnings);
    loaded
}

pub(crate) fn namespaces(kinds: &[&str]) -> Value {
    kinds.iter().map(|kind| json!({"type": kind})).collect()
}

pub(crate) const ALL: &[&str] = &["pid", "ipc", "uts", "mount", "network"];

pub(crate) fn user_namespace() -> (&'static str, Value) {
    ("/linux/namespaces", namespaces(&[ALL, &["user"]].concat()))
}

pub(crate) fn map(container: u32, host: u32, size: u32) -> Value {
    json!({"containerID": container, "hostID": host, "size": size})
}
