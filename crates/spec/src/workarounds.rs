//! Work-arounds for what oci-spec 0.10 gets wrong: it refuses configs that the specification (and runc) accepts, and
//! takes some that it must not.
//!
//! They cost a correct config next to nothing: only when the plain parse fails is the document repaired as generic JSON
//! and parsed again. Each has a test in `tests` below that fails as soon as oci-spec does it right: then remove
//! the work-around.

use crate::document::Document;
use crate::error::{Fault, Quoted};
use oci_spec::runtime::{LinuxResources, LinuxSchedulerFlag, Process};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

/// Larger documents are not repaired: generic JSON may take 70 times the memory of its text.
const REPAIRABLE: usize = 512 << 10;

/// The document with every fault repaired, or `None` where there is nothing to repair.
pub(crate) fn repair(bytes: &[u8], document: Document, warnings: &mut Vec<String>) -> Option<String> {
    if bytes.len() > REPAIRABLE {
        return None;
    }
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    let before = value.clone();
    if document == Document::Config {
        network_devices(&mut value);
    }
    drop_nulls(&mut value);
    if document == Document::Config {
        other_platforms(&mut value);
        if let Some(linux) = value.get_mut("linux") {
            empty_seccomp(linux);
        }
    }
    if let Some(process) = part(&mut value, document, Document::Process, "/process") {
        user(process);
        scheduler_flags(process);
        affinity(process);
        capabilities(process, warnings);
    }
    if let Some(resources) = part(&mut value, document, Document::Resources, "/linux/resources") {
        hugepage_limits(resources);
    }
    (value != before).then(|| value.to_string())
}

/// The part of the document that is a `wanted`: the whole, or what is at `pointer` of a config.
fn part<'a>(
    value: &'a mut Value,
    document: Document,
    wanted: Document,
    pointer: &str,
) -> Option<&'a mut Map<String, Value>> {
    let part = if document == Document::Config { value.pointer_mut(pointer)? } else { value };
    if document == Document::Config || document == wanted { part.as_object_mut() } else { None }
}

/// A network device that is null has no name of its own; its key is what matters.
fn network_devices(value: &mut Value) {
    let devices = value.pointer_mut("/linux/netDevices").and_then(Value::as_object_mut);
    for device in devices.into_iter().flat_map(Map::values_mut).filter(|device| device.is_null()) {
        *device = json!({});
    }
}

/// A member that is null stands for one that is absent, for every reader written in Go; oci-spec takes it for
/// optional members only.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A Linux runtime ignores the sections of other platforms; oci-spec parses them, and two that never were.
fn other_platforms(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        for name in ["solaris", "windows", "vm", "zos", "uidMappings", "gidMappings"] {
            members.remove(name);
        }
    }
}

/// `seccomp` without a default action and without rules means none, to runc.
fn empty_seccomp(linux: &mut Value) {
    let Some(seccomp) = linux.get("seccomp").and_then(Value::as_object) else { return };
    let text = |name| seccomp.get(name).and_then(Value::as_str).unwrap_or_default();
    let rules = seccomp.get("syscalls").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    let action = seccomp.get("defaultAction").is_some_and(|action| !action.is_string());
    let empty = text("defaultAction").is_empty() && !action && !rules;
    if let Some(members) = linux.as_object_mut().filter(|_| empty) {
        members.remove("seccomp");
    }
}

/// `process.user` may be absent: user 0.
fn user(process: &mut Map<String, Value>) {
    process.entry("user").or_insert_with(|| json!({}));
}

/// Two flags of the scheduler have other names in oci-spec.
fn scheduler_flags(process: &mut Map<String, Value>) {
    let flags = process.get_mut("scheduler").and_then(|scheduler| scheduler.get_mut("flags"));
    for flag in flags.and_then(Value::as_array_mut).into_iter().flatten() {
        match flag.as_str() {
            Some("SCHED_FLAG_RESET_ON_FORK") => *flag = "SCHED_RESET_ON_FORK".into(),
            Some("SCHED_FLAG_DL_OVERRUN") => *flag = "SCHED_FLAG_D_L_OVERRUN".into(),
            _ => {}
        }
    }
}

/// The names that oci-spec has for these flags are none. `base` is the process's place in the document.
pub(crate) fn scheduler_flag_names(bytes: &[u8], base: &str, process: &Process) -> Result<(), Fault> {
    let flags = process.scheduler().iter().flat_map(|scheduler| scheduler.flags().iter().flatten());
    for (i, flag) in flags.enumerate() {
        let name = match flag {
            LinuxSchedulerFlag::SchedResetOnFork => "SCHED_RESET_ON_FORK",
            LinuxSchedulerFlag::SchedFlagDLOverrun => "SCHED_FLAG_D_L_OVERRUN",
            _ => continue,
        };
        if bytes.windows(name.len() + 2).any(|text| text == format!("\"{name}\"").as_bytes()) {
            return Err(Fault::new(format!("{base}/scheduler/flags/{i}"), Quoted(name), "no such flag"));
        }
    }
    Ok(())
}

/// Lists of CPUs may hold blanks, and an empty one is none.
fn affinity(process: &mut Map<String, Value>) {
    let Some(affinity) = process.get_mut("execCPUAffinity").and_then(Value::as_object_mut) else { return };
    for member in affinity.values_mut() {
        if let Some(list) = member.as_str() {
            *member = list.replace([' ', '\t'], "").into();
        }
    }
    affinity.retain(|_, member| member.as_str() != Some(""));
}

/// An unknown capability is a warning (one a name), not an error.
fn capabilities(process: &mut Map<String, Value>, warnings: &mut Vec<String>) {
    let mut unknown = BTreeSet::new();
    let sets = process.get_mut("capabilities").and_then(Value::as_object_mut);
    for names in sets.into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut) {
        names.retain(|name| {
            let known = name.as_str().is_none_or(known_capability);
            if !known {
                unknown.insert(name.to_string());
            }
            known
        });
    }
    warnings.extend(unknown.iter().map(|name| {
        let name = crate::error::Clean::new(name);
        format!("/process/capabilities: the unknown capability {name} is ignored")
    }));
}

/// As oci-spec reads it: in any case, with or without its prefix.
fn known_capability(name: &str) -> bool {
    let name = name.to_uppercase();
    let mut name = name.as_str();
    while let Some(rest) = name.strip_prefix("CAP_") {
        name = rest;
    }
    oci_spec::runtime::Capability::from_str(name).is_ok()
}

/// A hugepage limit is a uint64, oci-spec has an int64. No host has more pages than that: the larger ones are
/// no limit in practice.
fn hugepage_limits(resources: &mut Map<String, Value>) {
    for entry in resources.get_mut("hugepageLimits").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(limit) =
            entry.get_mut("limit").filter(|limit| limit.as_u64().is_some_and(|limit| limit > i64::MAX as u64))
        {
            *limit = i64::MAX.into();
        }
    }
}

/// `pids: {}` means to leave the limit alone, `{"limit": 0}` is a limit of 0; oci-spec makes 0 of both.
pub(crate) fn pids_without_limit(bytes: &[u8], document: Document, resources: &mut LinuxResources) {
    if resources.pids().as_ref().is_none_or(|pids| pids.limit() != 0) {
        return;
    }
    let path: &[&str] =
        if document == Document::Config { &["linux", "resources", "pids", "limit"] } else { &["pids", "limit"] };
    if !given(bytes, path) {
        resources.set_pids(None);
    }
}

/// Whether the document has a value, and not null, at that path of keys.
fn given(bytes: &[u8], path: &[&str]) -> bool {
    let mut text = Ok(bytes);
    for key in path {
        text = text.and_then(|text| {
            let members: BTreeMap<Cow<str>, &RawValue> = serde_json::from_slice(text).map_err(drop)?;
            members.get(*key).map(|value| value.get().as_bytes()).ok_or(())
        });
    }
    text.is_ok_and(|text| text != b"null")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::{Process, Spec};
    use serde::de::DeserializeOwned;

    /// That oci-spec still refuses `text`, and takes what is made of it.
    fn repaired<T: DeserializeOwned>(text: &str, document: Document) -> (T, Vec<String>) {
        let plain = serde_json::from_str::<T>(text);
        assert!(plain.is_err(), "oci-spec takes this now, remove the work-around: {text}");
        let mut warnings = Vec::new();
        let text = repair(text.as_bytes(), document, &mut warnings).expect("a repair");
        (serde_json::from_str(&text).expect("a repaired document"), warnings)
    }

    #[test]
    fn scheduler_flags_have_other_names() {
        let text =
            r#"{"user":{},"cwd":"/","scheduler":{"policy":"SCHED_DEADLINE","flags":["SCHED_FLAG_RESET_ON_FORK"]}}"#;
        for flag in ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"] {
            let text = text.replace("SCHED_FLAG_RESET_ON_FORK", flag);
            let (process, _) = repaired::<Process>(&text, Document::Process);
            assert_eq!(process.scheduler().as_ref().and_then(|s| s.flags().as_ref()).map(Vec::len), Some(1));
        }
    }

    #[test]
    fn scheduler_flags_under_other_names_are_taken() {
        for flag in ["SCHED_RESET_ON_FORK", "SCHED_FLAG_D_L_OVERRUN"] {
            let text = format!(
                r#"{{"user":{{}},"cwd":"/","args":["a"],"scheduler":{{"policy":"SCHED_IDLE","flags":["{flag}"]}}}}"#
            );
            let plain = serde_json::from_str::<Process>(&text);
            assert!(plain.is_ok(), "oci-spec refuses this now, remove the work-around: {flag}");
            let error = crate::parse::parse_process(text.as_bytes()).expect_err("refused");
            assert_eq!(error.pointer(), "/scheduler/flags/0");
        }
    }

    /// Why nothing writes a Spec back: config.json is kept byte for byte.
    #[test]
    fn a_network_device_without_a_name_is_written_with_null() {
        let text = r#"{"netDevices":{"eth1":{}}}"#;
        let linux: oci_spec::runtime::Linux = serde_json::from_str(text).expect("linux");
        let written = serde_json::to_string(&linux).expect("JSON");
        assert!(written.contains(r#""eth1":{"name":null}"#), "oci-spec writes this now as it was: {written}");
        let config = format!(
            r#"{{"ociVersion":"1.0.0","root":{{"path":"r"}},"linux":{{"namespaces":[{{"type":"network"}}],{}}}"#,
            text.trim_start_matches('{')
        );
        let loaded = crate::parse::parse(config.clone().into_bytes()).expect("a config");
        assert_eq!(loaded.bytes, config.into_bytes());
    }

    #[test]
    fn a_version_that_is_absent_is_taken() {
        let text = r#"{"root":{"path":"r"}}"#;
        let plain = serde_json::from_str::<Spec>(text);
        assert!(plain.is_ok(), "oci-spec refuses this now: `version::check` need not look for none");
        assert_eq!(crate::parse::parse(text.into()).expect_err("refused").pointer(), "/ociVersion");
    }

    #[test]
    fn unknown_capabilities_are_refused() {
        let text = r#"{"user":{},"cwd":"/","capabilities":{"bounding":["CAP_CHOWN","CAP_X","kill","CAP_\u001b"],"effective":["CAP_X"]}}"#;
        let (process, warnings) = repaired::<Process>(text, Document::Process);
        let sets = process.capabilities().clone().expect("capabilities");
        assert_eq!(sets.bounding().as_ref().map(std::collections::HashSet::len), Some(2));
        assert_eq!(sets.effective().as_ref().map(std::collections::HashSet::len), Some(0));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings.concat().contains("CAP_X") && !warnings.concat().contains('\u{1b}'));
    }

    #[test]
    fn hugepage_limits_are_signed() {
        let text = r#"{"hugepageLimits":[{"pageSize":"2MB","limit":18446744073709551615}]}"#;
        let (resources, _) = repaired::<LinuxResources>(text, Document::Resources);
        assert_eq!(
            resources
                .hugepage_limits()
                .as_ref()
                .and_then(|l| l.first())
                .map(oci_spec::runtime::LinuxHugepageLimit::limit),
            Some(i64::MAX)
        );
    }

    #[test]
    fn null_is_refused_where_a_member_is_not_optional() {
        repaired::<Process>(r#"{"user":null,"cwd":"/","args":null}"#, Document::Process);
        repaired::<Spec>(
            r#"{"ociVersion":"1.0.0","linux":{"devices":[{"path":"/x","type":"c","major":null}]}}"#,
            Document::Config,
        );
    }

    #[test]
    fn a_network_device_may_not_be_null() {
        let (spec, _) = repaired::<Spec>(r#"{"linux":{"netDevices":{"eth1":null}}}"#, Document::Config);
        let devices = spec.linux().as_ref().and_then(|linux| linux.net_devices().clone()).expect("devices");
        assert_eq!(devices.get("eth1").map(|device| device.name().clone()), Some(None));
    }

    #[test]
    fn the_user_is_required() {
        repaired::<Process>(r#"{"cwd":"/"}"#, Document::Process);
        repaired::<Spec>(r#"{"process":{"cwd":"/"}}"#, Document::Config);
    }

    #[test]
    fn lists_of_cpus_have_no_blanks() {
        let (process, _) = repaired::<Process>(
            r#"{"user":{},"cwd":"/","execCPUAffinity":{"initial":"0, 1","final":""}}"#,
            Document::Process,
        );
        let affinity = process.exec_cpu_affinity().clone().expect("an affinity");
        assert_eq!((affinity.initial().as_deref(), affinity.cpu_affinity_final().as_deref()), (Some("0,1"), None));
    }

    #[test]
    fn other_platforms_are_parsed() {
        for name in ["solaris", "windows", "vm", "zos", "uidMappings", "gidMappings"] {
            repaired::<Spec>(&format!(r#"{{"{name}":1}}"#), Document::Config);
        }
    }

    #[test]
    fn an_empty_seccomp_is_refused() {
        for text in [r#"{"linux":{"seccomp":{}}}"#, r#"{"linux":{"seccomp":{"defaultAction":"","syscalls":[]}}}"#] {
            let (spec, _) = repaired::<Spec>(text, Document::Config);
            assert!(spec.linux().as_ref().is_some_and(|linux| linux.seccomp().is_none()));
        }
        assert!(repair(br#"{"linux":{"seccomp":{"defaultAction":1}}}"#, Document::Config, &mut Vec::new()).is_none());
        assert!(repair(br#"{"linux":{"seccomp":{"syscalls":[1]}}}"#, Document::Config, &mut Vec::new()).is_none());
    }

    #[test]
    fn no_limit_of_processes_is_zero() {
        let absent: LinuxResources = serde_json::from_str(r#"{"pids":{}}"#).expect("resources");
        assert_eq!(
            absent.pids().map(|pids| pids.limit()),
            Some(0),
            "oci-spec tells them apart now, remove the work-around"
        );
        for (text, limit) in
            [(r#"{"pids":{}}"#, None), (r#"{"pids":{"limit":0}}"#, Some(0)), (r#"{"pids":{"limit":7}}"#, Some(7))]
        {
            let resources = crate::parse::parse_resources(text.as_bytes()).expect("resources");
            assert_eq!(resources.pids().map(|pids| pids.limit()), limit, "{text}");
        }
        let config = br#"{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"resources":{"pids":{"limit":null}}}}"#;
        let spec = crate::parse::parse(config.to_vec()).expect("a config").spec;
        assert!(spec.linux().as_ref().and_then(|l| l.resources().as_ref()).is_some_and(|r| r.pids().is_none()));
    }
}
