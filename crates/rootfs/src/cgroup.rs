//! Mounts of type `cgroup`. They show the container's own cgroup and nothing above it (CVE-2023-25809): as a new
//! mount where that cgroup is the root of the container's own cgroup namespace (`own_root`), else as a bind.

use crate::entry::Ready;
use crate::error::Error;
use crate::facts::{CgroupMounts, Hierarchy};
use crate::path::{List, path_text, text};
use plan::{Attributes, Bind, Mount, Source, Step, Text, Writer};
use std::path::Path;
use sys::mount::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY};

/// What every mount of cgroups has.
const SAFE: u64 = (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) as u64;

/// A mount of type `cgroup`: of v2 where the host has that alone, else of each v1 hierarchy in a tmpfs.
pub(crate) fn mount(ready: &Ready<'_>, cgroup: &CgroupMounts, own_root: bool, plan: &mut Writer) -> Result<(), Error> {
    match cgroup {
        CgroupMounts::None => nothing(ready, plan),
        CgroupMounts::Unified { own } => second(ready, own_root, &ready.target, own, plan),
        CgroupMounts::Legacy { hierarchies, unified } => {
            tmpfs(ready, plan)?;
            for hierarchy in hierarchies {
                first(ready, own_root, hierarchy, plan)?;
            }
            if let Some(own) = unified {
                second(ready, own_root, &ready.target.join("unified"), own, plan)?;
            }
            if ready.options.read_only() {
                let target = path_text(&ready.place, &ready.target)?;
                let attributes = Attributes { set: u64::from(MOUNT_ATTR_RDONLY), ..Attributes::default() };
                plan.push(&ready.place, Step::SetAttributes { target: Text(&target), attributes });
            }
            Ok(())
        }
    }
}

/// A mount of type `cgroup2`.
pub(crate) fn unified(
    ready: &Ready<'_>,
    cgroup: &CgroupMounts,
    own_root: bool,
    plan: &mut Writer,
) -> Result<(), Error> {
    match cgroup {
        CgroupMounts::None => nothing(ready, plan),
        CgroupMounts::Unified { own } | CgroupMounts::Legacy { unified: Some(own), .. } => {
            second(ready, own_root, &ready.target, own, plan)
        }
        CgroupMounts::Legacy { unified: None, .. } => Err(Error::NoUnified { place: ready.place.clone() }),
    }
}

/// An empty directory that stays empty.
fn nothing(ready: &Ready<'_>, plan: &mut Writer) -> Result<(), Error> {
    let set = SAFE | u64::from(MOUNT_ATTR_RDONLY);
    push_mount(ready, "tmpfs", &ready.target, &["mode=755", "nr_blocks=1", "nr_inodes=1"], set, plan)
}

fn tmpfs(ready: &Ready<'_>, plan: &mut Writer) -> Result<(), Error> {
    push_mount(ready, "tmpfs", &ready.target, &["mode=755"], SAFE, plan)
}

/// The v2 hierarchy: a mount of it begins at the root of the cgroup namespace.
fn second(ready: &Ready<'_>, own_root: bool, target: &Path, own: &Path, plan: &mut Writer) -> Result<(), Error> {
    if own_root {
        let options: &[&str] = if target == ready.target { &ready.options.own } else { &[] };
        return push_mount(ready, "cgroup2", target, options, flags(ready), plan);
    }
    push_bind(ready, target, own, plan)
}

/// A v1 hierarchy, with its links.
fn first(ready: &Ready<'_>, own_root: bool, hierarchy: &Hierarchy, plan: &mut Writer) -> Result<(), Error> {
    let target = ready.target.join(&hierarchy.name);
    if own_root {
        let options: Vec<_> = hierarchy.options.split(',').collect();
        push_mount(ready, "cgroup", &target, &options, flags(ready), plan)?;
    } else {
        push_bind(ready, &target, &hierarchy.own, plan)?;
    }
    for link in &hierarchy.links {
        let path = path_text(&ready.place, &ready.target.join(link))?;
        let to = text(&ready.place, &hierarchy.name)?;
        plan.push(&ready.place, Step::Link { path: Text(&path), to: Text(&to), replace: false });
    }
    Ok(())
}

fn flags(ready: &Ready<'_>) -> u64 {
    ready.options.fresh().set | SAFE
}

fn push_mount(
    ready: &Ready<'_>,
    kind: &str,
    target: &Path,
    options: &[&str],
    set: u64,
    plan: &mut Writer,
) -> Result<(), Error> {
    let place = &ready.place;
    let mut list = List::default();
    for option in options {
        list.push(place, option)?;
    }
    let source = if kind == "tmpfs" { "tmpfs" } else { "cgroup" };
    let (kind, source, target) = (text(place, kind)?, text(place, source)?, path_text(place, target)?);
    let step = Step::Mount(Mount {
        kind: Text(&kind),
        source: Text(&source),
        target: Text(&target),
        options: list.lend(),
        attributes: Attributes { set, propagation: ready.options.fresh().propagation, ..Attributes::default() },
        copy_up: false,
        keep_mode: false,
        plain_target: false,
        held: ready.held,
    });
    plan.push(place, step);
    Ok(())
}

fn push_bind(ready: &Ready<'_>, target: &Path, own: &Path, plan: &mut Writer) -> Result<(), Error> {
    let place = &ready.place;
    let (source, target) = (path_text(place, own)?, path_text(place, target)?);
    let step = Step::Bind(Bind {
        source: Source::Path(Text(&source)),
        target: Text(&target),
        recursive: true,
        attributes: Attributes {
            set: flags(ready),
            propagation: ready.options.fresh().propagation,
            ..Attributes::default()
        },
        id_map: None,
        plain_target: false,
        held: ready.held,
    });
    plan.push(place, step);
    Ok(())
}
