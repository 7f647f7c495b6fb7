//! From cgroupsPath and resources to acts. Nothing here looks at the host.

use crate::act::Act;
use crate::devices::Rules;
use crate::error::{Error, Result};
use crate::layout::{Hierarchy, Layout};
use crate::paths::Paths;
use crate::resources::{self, Limits, Warning};
use crate::systemd::Unit;
use serde::Serialize;
use spec::oci::LinuxResources;
use std::path::Path;

/// A container's cgroup that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The unit whose cgroup it is, where systemd makes it around a process that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Where it will be: what the state must hold before anything is made.
    pub paths: Paths,
    /// How it is made, up to the point where a process can enter.
    pub make: Vec<Act>,
    /// How it is limited.
    pub limit: Vec<Act>,
    /// How its devices are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<Act>,
    /// Our umask, where it is known.
    #[serde(skip)]
    pub umask: Option<u32>,
    /// What of the config is ignored.
    pub warnings: Vec<Warning>,
    /// Whether the config names the place.
    pub named: bool,
    /// Whether the container can do without, where we have no right to make cgroups: it asks for no place and no
    /// limit.
    pub dispensable: bool,
}

/// Plans the cgroup of a new container: in every v1 hierarchy and in the v2 one, whichever the host has.
///
/// # Errors
/// [`Error::Invalid`], [`Error::UnifiedOnV1`], [`Error::NoController`].
pub fn plan(
    layout: &Layout,
    cgroups_path: Option<&Path>,
    id: &str,
    resources: Option<&LinuxResources>,
) -> Result<Plan> {
    let paths = Paths::choose(layout, cgroups_path, id)?;
    let controllers = unified(layout).map(|unified| unified.controllers.as_slice());
    let limits = match resources {
        Some(resources) => resources::plan(&paths, controllers, resources, "/linux/resources")?,
        None => Limits::default(),
    };
    let threads = limits.suit_threads();
    let Limits { before, acts, warnings } = limits;
    let named = cgroups_path.is_some_and(|path| !path.as_os_str().is_empty());
    let dispensable = !named && before.is_empty() && acts.is_empty();
    let mut make: Vec<_> =
        paths.directories().into_iter().map(|path| Act::MakeDirectory { path: path.to_owned() }).collect();
    make.extend(ready_legacy(layout, &paths));
    make.extend(ready_unified(layout, &paths, threads));
    make.extend(cpuset(layout, &paths, before));
    let devices = devices(&paths, resources)?;
    Ok(Plan { unit: None, paths, make, limit: acts, devices, umask: None, warnings, named, dispensable })
}

/// Plans the cgroup of a new container as that of a unit: `cgroupsPath` is `slice:prefix:name`.
///
/// # Errors
/// As [`plan`].
pub fn plan_unit<'a>(
    layout: &Layout,
    cgroups_path: Option<&Path>,
    id: &str,
    resources: Option<&LinuxResources>,
    annotations: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Plan> {
    let mut unit = Unit::plan(layout, cgroups_path, id, resources, annotations)?;
    let mut plan = plan(layout, Some(&unit.path), id, resources)?;
    let rules = if let Some(Act::DeviceRules { rules, .. }) = &plan.devices { Some(rules) } else { None };
    if rules.is_some_and(|rules| !unit.state_devices(rules)) {
        plan.warnings.push(Warning {
            place: "/linux/resources/devices".to_owned(),
            text: "systemd has no words for these rules and will allow all devices at its next daemon-reload"
                .to_owned(),
        });
    }
    for act in &mut plan.make {
        if let Act::MakeDirectory { path } = act {
            *act = Act::CompleteDirectory { path: std::mem::take(path) };
        }
    }
    Ok(Plan { unit: Some(unit), ..plan })
}

fn unified(layout: &Layout) -> Option<&crate::layout::Unified> {
    match layout {
        Layout::Unified(unified) => Some(unified),
        Layout::Legacy { unified, .. } => unified.as_ref(),
    }
}

fn ready_legacy(layout: &Layout, paths: &Paths) -> Option<Act> {
    let Layout::Legacy { hierarchies, .. } = layout else { return None };
    let mount = &hierarchy(hierarchies, "freezer")?.mount;
    paths.get("freezer").map(|path| Act::CheckThawed { mount: mount.clone(), path: path.to_owned() })
}

fn hierarchy<'a>(hierarchies: &'a [Hierarchy], controller: &str) -> Option<&'a Hierarchy> {
    hierarchies.iter().find(|hierarchy| hierarchy.controllers.iter().any(|name| name == controller))
}

/// On v2 every controller is enabled, as engines read usage of all, limited or not.
fn ready_unified(layout: &Layout, paths: &Paths, threads: bool) -> Vec<Act> {
    let (Some(unified), Some(path)) = (unified(layout), paths.unified()) else { return Vec::new() };
    let (mount, path) = (unified.mount.clone(), path.to_owned());
    let check = Act::CheckUnified { mount: mount.clone(), path: path.clone(), threads };
    if unified.controllers.is_empty() {
        return vec![check];
    }
    // Enabling may be what keeps processes out, so the check comes after.
    vec![Act::EnableControllers { mount, path, controllers: unified.controllers.clone() }, check]
}

/// What must be set before a process enters, and the cpuset. Where the config gives some, the cpusets above get
/// theirs first, since its own must lie within; for what the config leaves open it inherits, itself and all above.
fn cpuset(layout: &Layout, paths: &Paths, before: Vec<Act>) -> Vec<Act> {
    let Layout::Legacy { hierarchies, .. } = layout else { return before };
    let (Some(hierarchy), Some(path)) = (hierarchy(hierarchies, "cpuset"), paths.get("cpuset")) else { return before };
    let inherit = |path: &Path| Act::InheritCpuset { mount: hierarchy.mount.clone(), path: path.to_owned() };
    let above = path.parent().filter(|parent| *parent != hierarchy.mount && !before.is_empty()).map(inherit);
    above.into_iter().chain(before).chain([inherit(path)]).collect()
}

fn devices(paths: &Paths, resources: Option<&LinuxResources>) -> Result<Option<Act>> {
    let listed = resources.and_then(|resources| resources.devices().as_deref()).unwrap_or_default();
    let place = "/linux/resources/devices";
    let rules = Rules::new(listed, place)?;
    if let Some(path) = paths.get("devices") {
        return Ok(Some(Act::DeviceRules { path: path.to_owned(), rules }));
    }
    match paths.unified() {
        Some(path) => Ok(Some(Act::DeviceFilter { path: path.to_owned(), rules })),
        None if rules.allows_all() => Ok(None),
        None => Err(Error::NoController { place: place.to_owned(), controller: "devices".to_owned() }),
    }
}
