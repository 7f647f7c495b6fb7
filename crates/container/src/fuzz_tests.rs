//! What fuzzers try here: a config up to the text of its plan, and what is read between two calls.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use crate::id::ContainerId;
use crate::record::Record;
use crate::state::hook_state_around_pid;
use crate::status::Status;
use crate::{passwd, plan, process};
use cgroups::{Hierarchy, Layout, Unified};
use launch::{Facts, Given, Request};
use std::path::Path;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// A config.json that may be hostile: parsed, checked, planned for a v2 host by root and for a v1 host by somebody
/// else, and told. It may as well be what `exec --process` and `update --resources` read.
pub fn config(data: &[u8]) {
    one_line(spec::parse_process(data).err());
    one_line(spec::parse_resources(data).err());
    let spec = match spec::parse(data.to_vec()) {
        Ok(loaded) => loaded.spec,
        Err(error) => return one_line(Some(error)),
    };
    let unified = Unified { mount: "/sys/fs/cgroup".into(), own: "/a".into(), controllers: names(&CONTROLLERS) };
    let legacy = CONTROLLERS.map(|name| Hierarchy {
        controllers: names(&[name]),
        mount: Path::new("/sys/fs/cgroup").join(name),
        own: "/a".into(),
    });
    for (layout, root) in
        [(Layout::Unified(unified), true), (Layout::Legacy { hierarchies: legacy.to_vec(), unified: None }, false)]
    {
        planned(&spec, &layout, root);
    }
}

const CONTROLLERS: [&str; 8] = ["cpu", "cpuset", "devices", "freezer", "hugetlb", "io", "memory", "pids"];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// No config may make a log of several lines, or a long one.
fn one_line(error: Option<spec::Error>) {
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(text.len() < 4096 && !text.contains(char::is_control), "{text:?}");
}

fn planned(spec: &spec::oci::Spec, layout: &Layout, root: bool) {
    let facts = Facts {
        cgroup_tasks: 0,
        cgroup_directory: false,
        cgroup_mounts: rootfs::CgroupMounts::None,
        capabilities: u64::MAX >> 23,
        bounding: u64::MAX >> 23,
        identity: None,
        ignored_signals: u64::MAX,
        umask: None,
        shared_namespaces: 0,
        kcore: root,
        lsm: security::labels::Lsm { apparmor: root, selinux: root },
        root,
    };
    let request = Request {
        id: "a",
        bundle: Path::new("/b"),
        rootfs: Path::new("/b/rootfs"),
        systemd_cgroup: false,
        no_pivot: !root,
        session_keyring: Some("_ses.a"),
        preserve_fds: 0,
        awaits_start: root,
        joins: false,
        filter: spec,
        environment: Vec::new(),
        creating: ("{", "}"),
        created: ("{", "}"),
    };
    if let Some(process) = spec.process()
        && let Ok(draft) = launch::exec(spec, process, &request, &facts, 0x2000_0000, &Given::default())
        && let Ok(plan) = draft.finish()
    {
        plan::text(&plan);
    }
    let made = launch::create(spec, &request, &facts, layout);
    match made.and_then(|(draft, cgroup)| Ok((draft.finish()?, cgroup))) {
        Ok((plan, cgroup)) => {
            assert_eq!(u32::try_from(plan.init.steps().count()), Ok(plan.init.count()), "what is written is read");
            assert!(plan.init.steps().all(|placed| !placed.place.contains(char::is_control)), "{plan:?}");
            let lines = plan::text(&plan).lines().count();
            assert_eq!(lines, 2 + plan.runtime.len() + plan.init.steps().count(), "a line a step");
            plan::document(&ContainerId::parse("a").unwrap(), &plan, &cgroup, groups(spec).as_ref());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Groups of resctrl that are nowhere but right beneath its root, or that itself.
fn groups(spec: &spec::oci::Spec) -> Option<resctrl::Plan> {
    let root = Path::new("/sys/fs/resctrl");
    let plan = resctrl::plan(root, "a", spec.linux().as_ref()?.intel_rdt().as_ref()?).ok()?;
    assert!(plan.group == root || plan.group.parent() == Some(root), "{:?}", plan.group);
    Some(plan)
}

/// A state.json that may be torn or foreign, and `/proc/PID/stat`.
pub fn state_file(data: &[u8]) {
    process::parse_stat(data);
    let Ok(record) = Record::parse(data, Path::new("/state.json")) else { return };
    let (before, after) = hook_state_around_pid(&record, Status::Created);
    let state: serde_json::Value = serde_json::from_slice(&[before.as_slice(), b"77", &after].concat()).unwrap();
    assert_eq!(state["pid"], 77);
    let written = record.to_json().unwrap();
    assert_eq!(Record::parse(&written, Path::new("/state.json")).unwrap(), record);
}

/// The host's `/etc/passwd`; the first bytes are the user.
pub fn user_lookup(data: &[u8]) {
    let Some((&[_, uid], file)) = data.split_first_chunk() else { return };
    assert!(passwd::find(file, uid.into()).is_none_or(|name| !name.is_empty() && !name.contains(':')));
}

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;
    use serde_json::{Value, json};
    use std::time::{Duration, Instant};

    /// A list of `count` values.
    fn many(count: u32, one: impl Fn(u32) -> Value) -> Value {
        (0..count).map(one).collect()
    }

    /// A map of so many keys.
    fn keys(count: u32, value: impl Fn(u32) -> (String, Value)) -> Value {
        Value::Object((0..count).map(value).collect())
    }

    /// A small config with that value there.
    fn with(place: &str, value: Value) -> String {
        let mut whole = json!({
            "ociVersion": "1.0.0",
            "root": {"path": "r"},
            "process": {"cwd": "/", "args": ["a"], "user": {"uid": 0, "gid": 0}},
            "linux": {
                "namespaces": [{"type": "mount"}, {"type": "network"}, {"type": "ipc"}],
                "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
            },
        });
        *place.split('/').skip(1).fold(&mut whole, |at, key| &mut at[key]) = value;
        whole.to_string()
    }

    #[test]
    fn long_lists_take_time_as_they_are_long() {
        const COUNT: u32 = 1000;
        let ids = |n: u32| json!([{"containerID": 0, "hostID": n, "size": 1}]);
        let call = json!({"names": many(COUNT, |_| "read".into()), "action": "SCMP_ACT_ALLOW",
            "args": many(COUNT, |n| json!({"index": 0, "op": "SCMP_CMP_EQ", "value": n}))});
        let calls = many(COUNT, |n| {
            json!({"names": [format!("no_{n}"), "read"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": n}]})
        });
        let hook = json!({"path": "/h"});
        for (place, list) in [
            ("/mounts", many(COUNT, |n| json!({"destination": format!("/{n}"), "type": "tmpfs", "options": ["ro"]}))),
            (
                "/mounts",
                many(COUNT, |n| {
                    json!({"destination": "/a", "source": "/b", "type": "bind",
                "options": ["bind", "idmap"], "uidMappings": ids(n), "gidMappings": ids(n)})
                }),
            ),
            ("/hooks/startContainer", many(COUNT, |_| hook.clone())),
            ("/process/env", many(COUNT, |n| format!("A{n}=").into())),
            ("/process/args", many(COUNT, |_| "a".into())),
            ("/process/user/additionalGids", many(COUNT, Into::into)),
            ("/process/rlimits", many(COUNT, |n| json!({"type": format!("RLIMIT_{n}"), "hard": 1, "soft": 1}))),
            ("/annotations", keys(COUNT, |n| (format!("a{n}"), "b".into()))),
            (
                "/linux/devices",
                many(COUNT, |n| json!({"path": format!("/dev/{n}"), "type": "c", "major": 1, "minor": n})),
            ),
            ("/linux/sysctl", keys(COUNT, |n| (format!("net.a{n}"), "b".into()))),
            ("/linux/maskedPaths", many(COUNT, |n| format!("/{n}").into())),
            ("/linux/netDevices", keys(COUNT, |n| (format!("a{n}"), json!({})))),
            ("/linux/uidMappings", many(COUNT, |n| json!({"containerID": n, "hostID": n, "size": 1}))),
            (
                "/linux/resources/devices",
                many(COUNT, |n| json!({"allow": true, "type": "c", "major": 1, "minor": n, "access": "r"})),
            ),
            ("/linux/resources/hugepageLimits", many(COUNT, |n| json!({"pageSize": format!("{n}KB"), "limit": 1}))),
            ("/linux/resources/unified", keys(COUNT, |n| (format!("memory.a{n}"), "b".into()))),
            (
                "/linux/resources/blockIO/throttleReadBpsDevice",
                many(COUNT, |n| json!({"major": 8, "minor": n, "rate": 1})),
            ),
            ("/linux/intelRdt/schemata", many(COUNT, |n| format!("L3:{n}=f").into())),
            ("/linux/seccomp/syscalls", json!([call])),
            ("/linux/seccomp/syscalls", calls),
        ] {
            let (text, start) = (with(place, list), Instant::now());
            config(text.as_bytes());
            assert!(start.elapsed() < Duration::from_secs(5), "{place}: {:?}", start.elapsed());
        }
    }

    #[test]
    fn corpora() {
        replay("config", config);
        replay("state_file", state_file);
        replay("user_lookup", user_lookup);
    }
}
