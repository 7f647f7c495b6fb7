//! Members that the specification requires, and that oci-spec takes for 0 where they are missing: a mapping without
//! `hostID` would map the host's root.

use crate::error::Fault;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType, Mount, Spec};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The members of an object; what is null is not given.
type Members<'a> = BTreeMap<Cow<'a, str>, Option<IgnoredAny>>;

#[derive(Deserialize)]
struct Config<'a> {
    #[serde(borrow)]
    linux: Option<Lists<'a>>,
    #[serde(borrow)]
    mounts: Option<Vec<Lists<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lists<'a> {
    #[serde(borrow)]
    devices: Option<Vec<Members<'a>>>,
    #[serde(borrow)]
    uid_mappings: Option<Vec<Members<'a>>>,
    #[serde(borrow)]
    gid_mappings: Option<Vec<Members<'a>>>,
}

/// Looks for them in the config that `spec` was made of.
pub(crate) fn check(bytes: &[u8], spec: &Spec) -> Result<(), Fault> {
    // Most configs have none of these lists, and need no second look.
    if !has_lists(spec) {
        return Ok(());
    }
    let Ok(given) = serde_json::from_slice::<Config<'_>>(bytes) else { return Ok(()) };
    let kinds = spec.linux().iter().filter_map(|linux| linux.devices().as_ref()).flatten().map(LinuxDevice::typ);
    let devices = given.linux.iter().filter_map(|linux| linux.devices.as_ref()).flatten();
    for (i, (members, kind)) in devices.zip(kinds).enumerate() {
        if kind != LinuxDeviceType::P {
            all(members, &["major", "minor"], || format!("/linux/devices/{i}"))?;
        }
    }
    if let Some(linux) = &given.linux {
        mappings(linux, "/linux")?;
    }
    for (i, mount) in given.mounts.iter().flatten().enumerate() {
        mappings(mount, &format!("/mounts/{i}"))?;
    }
    Ok(())
}

fn has_lists(spec: &Spec) -> bool {
    let mapped = |mount: &Mount| mount.uid_mappings().is_some() || mount.gid_mappings().is_some();
    spec.mounts().iter().flatten().any(mapped)
        || spec.linux().as_ref().is_some_and(|linux| {
            let devices = linux.devices().as_ref().is_some_and(|devices| !devices.is_empty());
            devices || linux.uid_mappings().is_some() || linux.gid_mappings().is_some()
        })
}

fn mappings(lists: &Lists<'_>, place: &str) -> Result<(), Fault> {
    for (name, list) in [("uidMappings", &lists.uid_mappings), ("gidMappings", &lists.gid_mappings)] {
        for (i, members) in list.iter().flatten().enumerate() {
            all(members, &["containerID", "hostID", "size"], || format!("{place}/{name}/{i}"))?;
        }
    }
    Ok(())
}

fn all(members: &Members<'_>, required: &[&str], place: impl FnOnce() -> String) -> Result<(), Fault> {
    match required.iter().find(|name| !matches!(members.get(**name), Some(Some(_)))) {
        Some(name) => Err(Fault::missing(format!("{}/{name}", place()), "is required")),
        None => Ok(()),
    }
}
