//! `linux.namespaces`, and what depends on them: id maps and time offsets.

use super::check::Check;
use super::identity;
use crate::error::{Fault, Quoted};
use crate::lookup::{Namespace, namespace};
use oci_spec::runtime::{Linux, LinuxNamespaceType as Kind, Spec};

pub(crate) fn check(spec: &Spec, warnings: &mut Vec<String>) -> Check {
    let Some(linux) = spec.linux() else { return Ok(()) };
    list(linux)?;
    maps(linux, namespace(spec, Kind::User), warnings)?;
    time_offsets(linux, namespace(spec, Kind::Time))
}

fn list(linux: &Linux) -> Check {
    let namespaces = linux.namespaces().as_deref().unwrap_or_default();
    for (i, namespace) in namespaces.iter().enumerate() {
        if namespaces.iter().take(i).any(|other| other.typ() == namespace.typ()) {
            let found = format!("a second one of its kind ({})", namespace.typ());
            let rule = "malformed spec file: duplicated ns; a kind may be listed once";
            return Err(Fault::new(format!("/linux/namespaces/{i}/type"), found, rule));
        }
        let path = namespace.path().as_deref().filter(|path| !path.as_os_str().is_empty() && !path.is_absolute());
        if let Some(path) = path {
            let (pointer, found) = (format!("/linux/namespaces/{i}/path"), path.to_string_lossy());
            return Err(Fault::new(pointer, Quoted(&found), "must be an absolute path"));
        }
    }
    Ok(())
}

fn maps(linux: &Linux, user: Namespace, warnings: &mut Vec<String>) -> Check {
    let maps = [("/linux/uidMappings", linux.uid_mappings()), ("/linux/gidMappings", linux.gid_mappings())];
    let maps = maps.map(|(pointer, map)| (pointer, map.as_deref().unwrap_or_default()));
    for (pointer, map) in maps {
        identity::map(|| pointer.to_owned(), map)?;
    }
    let given = maps.iter().find(|(_, map)| !map.is_empty()).map(|(pointer, _)| *pointer);
    let lacking = maps.iter().find(|(_, map)| map.is_empty()).map(|(pointer, _)| *pointer);
    match (user, given, lacking) {
        (Namespace::Inherited, Some(pointer), _) => {
            let rule = "user namespace mappings specified, but user namespace isn't enabled in the config";
            Err(Fault::new(pointer, "given", rule).hint("add {\"type\": \"user\"} to /linux/namespaces"))
        }
        (Namespace::New, None, Some(pointer)) => {
            let rule = "user namespaces enabled, but no namespace path to join nor mappings to apply specified";
            Err(Fault::missing(pointer, rule))
        }
        (Namespace::New, _, Some(pointer)) => {
            Err(Fault::missing(pointer, "a new user namespace needs both a map of users and one of groups"))
        }
        // Not valid, but containerd and CRI-O write it.
        (Namespace::Joined(_), Some(pointer), _) => {
            warnings.push(format!("{pointer}: the user namespace is joined by its path and has its own mappings"));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn time_offsets(linux: &Linux, time: Namespace) -> Check {
    let Some(offsets) = linux.time_offsets().as_ref().filter(|offsets| !offsets.is_empty()) else { return Ok(()) };
    let pointer = "/linux/timeOffsets";
    match time {
        Namespace::Inherited => {
            let rule = "time namespace offsets specified, but time namespace isn't enabled in the config";
            return Err(Fault::new(pointer, "given", rule).hint("add {\"type\": \"time\"} to /linux/namespaces"));
        }
        Namespace::Joined(_) => {
            let rule = "time namespace enabled, but both namespace path and time offsets specified -- you may only \
                        provide one";
            return Err(Fault::new(pointer, "given", rule));
        }
        Namespace::New => {}
    }
    for (clock, offset) in offsets {
        if clock != "monotonic" && clock != "boottime" {
            return Err(Fault::new(pointer, Quoted(clock), "the clocks with an offset are monotonic and boottime"));
        }
        super::check::in_range(|| format!("{pointer}/{clock}/nanosecs"), offset.nanosecs(), 0..=999_999_999)?;
    }
    Ok(())
}
