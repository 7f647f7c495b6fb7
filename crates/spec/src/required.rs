//! Members that the specification requires, and that oci-spec takes for 0 where they are missing: a mapping without
//! `hostID` would map the host's root.
//!
//! The typed document does not tell the two apart, so the text is looked at again, where it can be so at all.

use crate::error::Fault;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType, LinuxResources, Mount, Process, Spec};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The members of an object; what is null is not given.
type Members<'a> = BTreeMap<Cow<'a, str>, Option<IgnoredAny>>;
type List<'a> = Option<Vec<Members<'a>>>;

#[derive(Deserialize)]
struct Config<'a> {
    #[serde(borrow)]
    process: Option<ProcessPart<'a>>,
    #[serde(borrow)]
    linux: Option<Lists<'a>>,
    #[serde(borrow)]
    mounts: Option<Vec<Lists<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProcessPart<'a> {
    #[serde(borrow)]
    console_size: Option<Members<'a>>,
    #[serde(borrow)]
    rlimits: List<'a>,
    #[serde(borrow)]
    io_priority: Option<Members<'a>>,
}

/// What is in `linux`; the mappings are in a mount, too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lists<'a> {
    #[serde(borrow)]
    devices: List<'a>,
    #[serde(borrow)]
    uid_mappings: List<'a>,
    #[serde(borrow)]
    gid_mappings: List<'a>,
    #[serde(borrow)]
    resources: Option<Resources<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources<'a> {
    #[serde(borrow)]
    hugepage_limits: List<'a>,
    #[serde(borrow, rename = "blockIO")]
    block_io: Option<BTreeMap<Cow<'a, str>, Devices<'a>>>,
    #[serde(borrow)]
    network: Option<Network<'a>>,
}

#[derive(Deserialize)]
struct Network<'a> {
    #[serde(borrow)]
    priorities: List<'a>,
}

/// A member of `blockIO`: a list of devices, or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Devices<'a> {
    List(#[serde(borrow)] Vec<Members<'a>>),
    Other(IgnoredAny),
}

/// Looks for them in the config that `spec` was made of.
pub(crate) fn check(bytes: &[u8], spec: &Spec) -> Result<(), Fault> {
    // Most configs have none of these lists, and need no second look.
    if !has_lists(spec) {
        return Ok(());
    }
    let Ok(given) = serde_json::from_slice::<Config<'_>>(bytes) else { return Ok(()) };
    if let Some(part) = &given.process {
        process_part("/process", part)?;
    }
    let kinds = spec.linux().iter().filter_map(|linux| linux.devices().as_ref()).flatten().map(LinuxDevice::typ);
    let devices = given.linux.iter().filter_map(|linux| linux.devices.as_ref()).flatten();
    for (i, (members, kind)) in devices.zip(kinds).enumerate() {
        if kind != LinuxDeviceType::P {
            all(members, &["major", "minor"], || format!("/linux/devices/{i}"))?;
        }
    }
    if let Some(linux) = &given.linux {
        mappings(linux, "/linux")?;
        linux.resources.as_ref().map_or(Ok(()), |part| resources_part("/linux/resources", part))?;
    }
    for (i, mount) in given.mounts.iter().flatten().enumerate() {
        mappings(mount, &format!("/mounts/{i}"))?;
    }
    Ok(())
}

/// The same for a process by itself.
pub(crate) fn process(bytes: &[u8], process: &Process) -> Result<(), Fault> {
    match serde_json::from_slice(bytes) {
        Ok(part) if has_zeros(process) => process_part("", &part),
        _ => Ok(()),
    }
}

/// The same for resources by themselves.
pub(crate) fn resources(bytes: &[u8], resources: &LinuxResources) -> Result<(), Fault> {
    match serde_json::from_slice(bytes) {
        Ok(part) if has_resources(resources) => resources_part("", &part),
        _ => Ok(()),
    }
}

fn has_lists(spec: &Spec) -> bool {
    let mapped = |mount: &Mount| mount.uid_mappings().is_some() || mount.gid_mappings().is_some();
    spec.mounts().iter().flatten().any(mapped)
        || spec.process().as_ref().is_some_and(has_zeros)
        || spec.linux().as_ref().is_some_and(|linux| {
            let devices = linux.devices().as_ref().is_some_and(|devices| !devices.is_empty());
            let resources = linux.resources().as_ref().is_some_and(has_resources);
            devices || resources || linux.uid_mappings().is_some() || linux.gid_mappings().is_some()
        })
}

fn has_zeros(process: &Process) -> bool {
    process.rlimits().iter().flatten().any(|limit| limit.soft() == 0 || limit.hard() == 0)
        || process.console_size().is_some_and(|size| size.height() == 0 || size.width() == 0)
        || process.io_priority().is_some()
}

fn has_resources(resources: &LinuxResources) -> bool {
    let devices = resources.block_io().as_ref().is_some_and(|io| {
        io.weight_device().is_some()
            || io.throttle_read_bps_device().is_some()
            || io.throttle_write_bps_device().is_some()
            || io.throttle_read_iops_device().is_some()
            || io.throttle_write_iops_device().is_some()
    });
    devices || resources.hugepage_limits().is_some() || resources.network().is_some()
}

fn process_part(place: &str, part: &ProcessPart<'_>) -> Result<(), Fault> {
    if let Some(size) = &part.console_size {
        all(size, &["height", "width"], || format!("{place}/consoleSize"))?;
    }
    if let Some(priority) = &part.io_priority {
        all(priority, &["class"], || format!("{place}/ioPriority"))?;
    }
    each(part.rlimits.as_deref(), &["soft", "hard"], || format!("{place}/rlimits"))
}

fn resources_part(place: &str, part: &Resources<'_>) -> Result<(), Fault> {
    each(part.hugepage_limits.as_deref(), &["limit"], || format!("{place}/hugepageLimits"))?;
    for (name, devices) in part.block_io.iter().flatten() {
        let Devices::List(list) = devices else { continue };
        let required: &[&str] = if name == "weightDevice" { &["major", "minor"] } else { &["major", "minor", "rate"] };
        each(Some(list), required, || format!("{place}/blockIO/{name}"))?;
    }
    let priorities = part.network.as_ref().and_then(|network| network.priorities.as_deref());
    each(priorities, &["priority"], || format!("{place}/network/priorities"))
}

fn mappings(lists: &Lists<'_>, place: &str) -> Result<(), Fault> {
    for (name, list) in [("uidMappings", &lists.uid_mappings), ("gidMappings", &lists.gid_mappings)] {
        each(list.as_deref(), &["containerID", "hostID", "size"], || format!("{place}/{name}"))?;
    }
    Ok(())
}

fn each(list: Option<&[Members<'_>]>, required: &[&str], place: impl Fn() -> String) -> Result<(), Fault> {
    let mut items = list.unwrap_or_default().iter().enumerate();
    items.try_for_each(|(i, members)| all(members, required, || format!("{}/{i}", place())))
}

fn all(members: &Members<'_>, required: &[&str], place: impl FnOnce() -> String) -> Result<(), Fault> {
    match required.iter().find(|name| !matches!(members.get(**name), Some(Some(_)))) {
        Some(name) => Err(Fault::missing(format!("{}/{name}", place()), "is required")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Each place, and what is required there.
    const REQUIRED: &[(&str, &[&str])] = &[
        ("/process/consoleSize", &["height", "width"]),
        ("/process/rlimits/0", &["soft", "hard"]),
        ("/process/ioPriority", &["class"]),
        ("/mounts/0/uidMappings/0", &["containerID", "hostID", "size"]),
        ("/mounts/0/gidMappings/0", &["containerID", "hostID", "size"]),
        ("/linux/uidMappings/0", &["containerID", "hostID", "size"]),
        ("/linux/gidMappings/0", &["containerID", "hostID", "size"]),
        ("/linux/devices/1", &["major", "minor"]),
        ("/linux/resources/blockIO/weightDevice/0", &["major", "minor"]),
        ("/linux/resources/blockIO/throttleReadBpsDevice/0", &["major", "minor", "rate"]),
        ("/linux/resources/blockIO/throttleWriteBpsDevice/0", &["major", "minor", "rate"]),
        ("/linux/resources/blockIO/throttleReadIOPSDevice/0", &["major", "minor", "rate"]),
        ("/linux/resources/blockIO/throttleWriteIOPSDevice/0", &["major", "minor", "rate"]),
        ("/linux/resources/hugepageLimits/0", &["limit"]),
        ("/linux/resources/network/priorities/0", &["priority"]),
    ];

    /// A config with one of each, whole, each 0 as far as that is allowed.
    fn whole() -> Value {
        let mapping = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
        let throttle = json!([{"major": 0, "minor": 0, "rate": 0}]);
        json!({
            "ociVersion": "1.0.0", "root": {"path": "r"},
            "process": {
                "user": {}, "cwd": "/", "args": ["a"], "terminal": true, "consoleSize": {"height": 0, "width": 0},
                "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
                "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 0},
            },
            "mounts": [{"destination": "/x", "source": "/x", "options": ["bind", "idmap"], "uidMappings": mapping,
                "gidMappings": mapping}],
            "linux": {
                "namespaces": [{"type": "user"}, {"type": "mount"}], "uidMappings": mapping, "gidMappings": mapping,
                "devices": [{"type": "p", "path": "/p"}, {"type": "c", "path": "/c", "major": 0, "minor": 0}],
                "resources": {
                    "blockIO": {
                        "weight": 10, "weightDevice": [{"major": 0, "minor": 0, "weight": 10}],
                        "throttleReadBpsDevice": throttle, "throttleWriteBpsDevice": throttle,
                        "throttleReadIOPSDevice": throttle, "throttleWriteIOPSDevice": throttle,
                    },
                    "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
                    "network": {"priorities": [{"name": "eth0", "priority": 0}]},
                },
            },
        })
    }

    #[test]
    fn what_is_required_must_be_there() {
        let parse = |config: &Value| crate::parse::parse(config.to_string().into_bytes());
        parse(&whole()).expect("the whole config");
        for (place, member) in REQUIRED.iter().flat_map(|(place, all)| all.iter().map(move |one| (place, one))) {
            let mut config = whole();
            config.pointer_mut(place).and_then(Value::as_object_mut).expect(place).remove(*member).expect(member);
            let plain = serde_json::from_value::<Spec>(config.clone());
            assert!(plain.is_ok(), "oci-spec refuses this now, remove the work-around: {place}/{member}");
            let error = parse(&config).expect_err("refused");
            assert_eq!(error.pointer(), format!("{place}/{member}"), "{error}");
        }
    }

    #[test]
    fn parts_by_themselves() {
        let limits = json!({"user": {}, "cwd": "/", "args": ["a"], "rlimits": [{"type": "RLIMIT_CORE", "hard": 1}]});
        let error = crate::parse::parse_process(limits.to_string().as_bytes()).expect_err("refused");
        assert_eq!(error.pointer(), "/rlimits/0/soft");
        let pages = json!({"hugepageLimits": [{"pageSize": "2MB"}]});
        let error = crate::parse::parse_resources(pages.to_string().as_bytes()).expect_err("refused");
        assert_eq!(error.pointer(), "/hugepageLimits/0/limit");
    }
}
