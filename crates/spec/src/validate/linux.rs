//! The small sections of `linux`.

use super::check::Check;
use super::{devices, intel_rdt, memory_policy, resources, seccomp, sysctl};
use crate::error::{Fault, Quoted};
use crate::lookup::{Namespace, namespace};
use oci_spec::runtime::{Linux, LinuxNamespaceType as Kind, Spec};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn check(spec: &Spec, warnings: &mut Vec<String>) -> Check {
    let Some(linux) = spec.linux() else { return Ok(()) };
    devices::check(linux.devices().as_deref().unwrap_or_default())?;
    paths(spec, linux)?;
    propagation(linux)?;
    personality(linux)?;
    sysctl::check(spec, linux)?;
    if let Some(resources) = linux.resources() {
        self::resources("/linux/resources", resources)?;
    }
    if let Some(seccomp) = linux.seccomp() {
        seccomp::check(seccomp)?;
    }
    if let Some(policy) = linux.memory_policy() {
        memory_policy::check(policy)?;
    }
    if let Some(rdt) = linux.intel_rdt() {
        intel_rdt::check("/linux/intelRdt", rdt, warnings)?;
    }
    net_devices(spec, linux)
}

fn paths(spec: &Spec, linux: &Linux) -> Check {
    for (name, paths) in [("maskedPaths", linux.masked_paths()), ("readonlyPaths", linux.readonly_paths())] {
        let paths = paths.as_deref().unwrap_or_default();
        if !paths.is_empty() && namespace(spec, Kind::Mount) == Namespace::Inherited {
            let rule = "unable to restrict sys entries without a private MNT namespace";
            return Err(Fault::new(format!("/linux/{name}"), "given", rule)
                .hint("add {\"type\": \"mount\"} to /linux/namespaces"));
        }
        if let Some((i, path)) = paths.iter().enumerate().find(|(_, path)| !path.starts_with('/')) {
            return Err(Fault::new(format!("/linux/{name}/{i}"), Quoted(path), "must be an absolute path"));
        }
    }
    Ok(())
}

fn propagation(linux: &Linux) -> Check {
    const KINDS: [&str; 8] =
        ["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"];
    match linux.rootfs_propagation().as_deref() {
        Some(kind) if !kind.is_empty() && !KINDS.contains(&kind) => {
            let rule = format!("must be one of {}", KINDS.join(", "));
            Err(Fault::new("/linux/rootfsPropagation", Quoted(kind), rule))
        }
        _ => Ok(()),
    }
}

fn personality(linux: &Linux) -> Check {
    let flags = linux.personality().as_ref().and_then(|personality| personality.flags().as_ref());
    match flags.and_then(|flags| flags.first()) {
        Some(flag) => Err(Fault::new("/linux/personality/flags/0", Quoted(flag), "the specification has no flags yet")),
        None => Ok(()),
    }
}

fn net_devices(spec: &Spec, linux: &Linux) -> Check {
    let Some(devices) = linux.net_devices().as_ref().filter(|devices| !devices.is_empty()) else { return Ok(()) };
    if namespace(spec, Kind::Network) == Namespace::Inherited {
        let rule = "unable to move network devices without a NET namespace";
        return Err(
            Fault::new("/linux/netDevices", "given", rule).hint("add {\"type\": \"network\"} to /linux/namespaces")
        );
    }
    let mut taken = BTreeSet::new();
    for (name, device) in devices.iter().collect::<BTreeMap<_, _>>() {
        let rule = "invalid network device name; 1 to 15 bytes without blanks, / and :, not . or ..";
        let place = format!("/linux/netDevices/{}", name.replace('~', "~0").replace('/', "~1"));
        if !interface(name) {
            return Err(Fault::new(place, Quoted(name), rule));
        }
        let given = device.name().as_deref().filter(|inside| !inside.is_empty());
        let (inside, place) = given.map_or((name.as_str(), place.clone()), |inside| (inside, format!("{place}/name")));
        if !interface(inside) {
            return Err(Fault::new(place, Quoted(inside), rule));
        }
        let template = inside.contains('%');
        if template && (inside.matches('%').count() > 1 || !inside.contains("%d")) {
            let rule = "invalid network device name; the kernel puts a number for %d, once, and knows no other %";
            return Err(Fault::new(place, Quoted(inside), rule));
        }
        if !template && !taken.insert(inside) {
            let found = format!("\"{inside}\", as that of another device");
            return Err(Fault::new(place, found, "names in the container must differ"));
        }
    }
    Ok(())
}

/// What the kernel takes as an interface's name (`dev_valid_name`). netdevice(7).
fn interface(name: &str) -> bool {
    (1..16).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.bytes().any(|b| b == b'/' || b == b':' || b.is_ascii_whitespace() || b == 0x0b)
}
