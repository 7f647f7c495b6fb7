//! `mounts`.

use super::check::Check;
use super::identity;
use crate::error::{Clean, Fault};
use crate::lookup::{Namespace, is_bind, namespace, options};
use oci_spec::runtime::{LinuxNamespaceType, Mount, Spec};

/// Checks the mounts; one that has the type `bind` but not the option gets the option.
pub(crate) fn check(spec: &mut Spec, warnings: &mut Vec<String>) -> Check {
    let mapped = namespace(spec, LinuxNamespaceType::User) != Namespace::Inherited;
    for (i, mount) in spec.mounts_mut().iter_mut().flatten().enumerate() {
        let destination = mount.destination();
        if destination.as_os_str().is_empty() {
            return Err(Fault::missing(format!("/mounts/{i}/destination"), "must be an absolute path"));
        }
        if !destination.is_absolute() {
            let destination = Clean::new(destination.display());
            warnings.push(format!(
                "/mounts/{i}/destination: relative destination path {destination} is deprecated, using it as relative to /"
            ));
        }
        if mount.typ().as_deref() == Some("bind") && !is_bind(mount) {
            warnings.push(format!(
                "/mounts/{i}/options: a mount of type bind needs the option bind or rbind, taken as bind"
            ));
            mount.options_mut().get_or_insert_default().push("bind".to_owned());
        }
        kind(mount, i)?;
        id_maps(mount, i, mapped)?;
    }
    Ok(())
}

fn kind(mount: &Mount, i: usize) -> Check {
    if is_bind(mount) {
        return match mount.source() {
            Some(source) if !source.as_os_str().is_empty() => Ok(()),
            _ => Err(Fault::missing(format!("/mounts/{i}/source"), "a bind mount needs a source")),
        };
    }
    let kind = mount.typ().as_deref().unwrap_or_default();
    if (kind.is_empty() || kind == "none") && !options(mount).any(|option| option == "remount") {
        let found = if kind.is_empty() { "missing" } else { "\"none\"" };
        return Err(Fault::new(format!("/mounts/{i}/type"), found, "must be the name of a file system")
            .hint("or add bind or rbind to its options"));
    }
    Ok(())
}

fn id_maps(mount: &Mount, i: usize, mapped: bool) -> Check {
    let maps = [("uidMappings", mount.uid_mappings()), ("gidMappings", mount.gid_mappings())];
    let maps = maps.map(|(name, map)| (name, map.as_deref().unwrap_or_default()));
    for (name, map) in maps {
        identity::map(|| format!("/mounts/{i}/{name}"), map)?;
    }
    let rule = "id-mapped mounts must have both uid and gid mappings specified";
    let given = maps.iter().any(|(_, map)| !map.is_empty());
    match maps.iter().find(|(_, map)| map.is_empty()) {
        Some((name, _)) if given => Err(Fault::missing(format!("/mounts/{i}/{name}"), rule)),
        Some((name, _)) if !mapped && options(mount).any(|option| option == "idmap" || option == "ridmap") => {
            Err(Fault::missing(format!("/mounts/{i}/{name}"), rule)
                .hint("without mappings of its own, a mount takes those of the container's user namespace"))
        }
        _ => Ok(()),
    }
}
