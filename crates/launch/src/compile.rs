//! From a Spec to a plan. Nothing here touches the host.

use crate::descriptors::{Descriptor, Descriptors, Given};
use crate::error::Error;
use crate::joining::joins_by_birth;
use crate::order::Order;
use crate::request::{Facts, Request};
use cgroups::{Layout, Paths};
use namespaces::{Map, Offsets, Wanted};
use plan::Writer;
use rootfs::CgroupMounts;
use rustix::process::Resource;
use serde::Serialize;
use spec::oci::{LinuxIdMapping, Process, Spec};
use sys::namespace::{CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER};

/// One thing that the runtime process does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeStep {
    /// Write the state, so that a later call finds what this one is about to make.
    SaveState,
    /// Make the cgroups.
    MakeCgroups,
    /// Set the limits.
    SetLimits,
    /// Raise our own hard limit of a resource (`RLIMIT_*`), for the child to inherit: in a user namespace it may not.
    RaiseLimit {
        /// The number of the resource.
        resource: u32,
        /// The limit.
        hard: u64,
    },
    /// Make a time namespace for the child.
    TimeNamespace(Offsets),
    /// Run on these CPUs, and so the child until it has joined the cgroup: a mask, lowest first.
    CpuAffinity {
        /// The CPUs.
        mask: Vec<u8>,
    },
    /// Open what init is born holding.
    Open(Descriptor),
    /// clone3 with those `CLONE_NEW*`.
    Clone {
        /// The flags.
        namespaces: u32,
    },
    /// Write the id maps.
    MapIds(Map),
    /// Write `oom_score_adj` of init, which has no right to do so in a user namespace.
    OomScore(i32),
    /// Answer init: run the hooks prestart and createRuntime when it asks, hand on its terminal, until it is ready.
    Converse,
    /// Let init go on.
    GoOn,
}

/// Where the config says on which CPUs a process that joins begins.
pub(crate) const INITIAL_CPUS: &str = "/process/execCPUAffinity/initial";

/// A plan: what the runtime process does and what init does.
#[derive(Debug)]
pub struct Plan {
    /// The runtime process's steps.
    pub runtime: Vec<RuntimeStep>,
    /// Init's steps.
    pub init: Writer,
    /// What init is born holding.
    pub descriptors: Vec<Descriptor>,
    /// What is not an error but that a person should know.
    pub warnings: Vec<String>,
    pub(crate) wanted: Wanted,
    pub(crate) map: Map,
    pub(crate) offsets: Offsets,
    pub(crate) oom_score: Option<i32>,
    /// The CPUs for what comes before the cgroup, as a mask.
    pub(crate) cpus: Vec<u8>,
    pub(crate) preserved: u32,
    /// The hard limits that init has no right to raise.
    pub(crate) raised: Vec<(Resource, u64)>,
    /// Whether the CPUs are limited.
    pub(crate) cpuset: bool,
    /// Whether the process that is made hands its work to another one first.
    pub(crate) reborn: bool,
}

impl Plan {
    /// Whether the container's PID namespace is its own.
    pub fn has_pid_namespace(&self) -> bool {
        self.wanted.has(CLONE_NEWPID)
    }
}

/// The plan of a new container and that of its cgroup, which `layout` has a place for.
///
/// # Errors
/// What of the config can't be done.
pub fn create(
    spec: &Spec,
    request: &Request<'_>,
    facts: &Facts,
    layout: &Layout,
) -> Result<(Plan, cgroups::Plan), Error> {
    let linux = spec.linux().as_ref();
    let mut cgroup = cgroups::plan(
        layout,
        linux.and_then(|linux| linux.cgroups_path().as_deref()),
        request.id,
        linux.and_then(|linux| linux.resources().as_ref()),
    )?;
    if cgroup.dispensable && !facts.root {
        // Nobody but root may make cgroups (unless some are delegated), and nothing of this one was asked for.
        (cgroup.paths, cgroup.make, cgroup.limit) = (Paths::default(), Vec::new(), Vec::new());
    }
    let mut facts = facts.clone();
    facts.cgroup_tasks = cgroup.paths.tasks();
    facts.cgroup_directory = cgroup.paths.unified().is_some();
    facts.cgroup_mounts = mounts(layout, &cgroup.paths);
    let wanted = namespaces::wanted(spec);
    let mut order = new_order(spec, request, &facts, &wanted);
    order.create()?;
    let Order { steps, descriptors, warnings, .. } = order;
    let maps = |maps: Option<&Vec<LinuxIdMapping>>| maps.cloned().unwrap_or_default();
    let mut plan = Plan {
        runtime: Vec::new(),
        init: steps,
        descriptors: descriptors.0,
        warnings,
        map: Map::new(
            &maps(linux.and_then(|linux| linux.uid_mappings().as_ref())),
            &maps(linux.and_then(|linux| linux.gid_mappings().as_ref())),
        ),
        offsets: Offsets::new(spec),
        oom_score: spec.process().as_ref().and_then(Process::oom_score_adj),
        cpus: Vec::new(),
        reborn: joins_by_birth(&wanted),
        preserved: request.preserve_fds,
        raised: raised(spec.process().as_ref(), wanted.has(CLONE_NEWUSER)),
        cpuset: cpuset(spec),
        wanted,
    };
    plan.warnings.extend(cgroup.warnings.iter().map(|warning| format!("{} ({})", warning.text, warning.place)));
    plan.runtime = runtime(&plan, !cgroup.paths.is_empty());
    Ok((plan, cgroup))
}

/// The plan of a process that joins a container. `kinds` are the `CLONE_NEW*` of the container's namespaces that are
/// not ours; `given` is what is open already.
///
/// # Errors
/// What of the process can't be done.
pub fn exec(
    spec: &Spec,
    process: &Process,
    request: &Request<'_>,
    facts: &Facts,
    kinds: u32,
    given: &Given<'_>,
) -> Result<Plan, Error> {
    let mut facts = facts.clone();
    facts.cgroup_tasks = given.cgroup_tasks.len();
    facts.cgroup_directory = given.cgroup.is_some();
    let wanted = Wanted::default();
    let mut order = new_order(spec, request, &facts, &wanted);
    order.exec(process, kinds)?;
    let Order { steps, descriptors, warnings, .. } = order;
    let initial = process.exec_cpu_affinity().as_ref().and_then(|affinity| affinity.initial().as_deref());
    let mut plan = Plan {
        runtime: Vec::new(),
        init: steps,
        descriptors: descriptors.0,
        warnings,
        wanted,
        map: Map::default(),
        offsets: Offsets::default(),
        oom_score: process.oom_score_adj(),
        cpus: security::scheduling::cpus(INITIAL_CPUS, initial.unwrap_or_default())?,
        reborn: kinds & CLONE_NEWPID != 0,
        preserved: request.preserve_fds,
        raised: raised(Some(process), kinds & CLONE_NEWUSER != 0),
        cpuset: cpuset(spec),
    };
    plan.runtime = runtime(&plan, false);
    Ok(plan)
}

fn new_order<'a>(spec: &'a Spec, request: &'a Request<'a>, facts: &'a Facts, wanted: &'a Wanted) -> Order<'a> {
    Order {
        spec,
        request,
        facts,
        wanted,
        steps: Writer::default(),
        descriptors: Descriptors::default(),
        warnings: Vec::new(),
    }
}

/// The runtime process's list. The state comes first, so that whatever is made can be found; limits come before the
/// clone, so that nothing of the container ever runs without them.
fn runtime(plan: &Plan, makes_cgroups: bool) -> Vec<RuntimeStep> {
    let mut steps = vec![RuntimeStep::SaveState];
    if makes_cgroups {
        steps.extend([RuntimeStep::MakeCgroups, RuntimeStep::SetLimits]);
    }
    steps.extend(plan.descriptors.iter().cloned().map(RuntimeStep::Open));
    let raise =
        |(resource, hard): &(Resource, u64)| RuntimeStep::RaiseLimit { resource: *resource as u32, hard: *hard };
    steps.extend(plan.raised.iter().map(raise));
    if !plan.cpus.is_empty() {
        steps.push(RuntimeStep::CpuAffinity { mask: plan.cpus.clone() });
    }
    if plan.wanted.makes(CLONE_NEWTIME) {
        steps.push(RuntimeStep::TimeNamespace(plan.offsets.clone()));
    }
    steps.push(RuntimeStep::Clone { namespaces: plan.wanted.new });
    steps.push(RuntimeStep::SaveState);
    if plan.wanted.makes(CLONE_NEWUSER) {
        steps.push(RuntimeStep::MapIds(plan.map.clone()));
    }
    steps.extend(plan.oom_score.map(RuntimeStep::OomScore));
    steps.extend([RuntimeStep::Converse, RuntimeStep::GoOn]);
    steps
}

/// The hard limits that must be raised by us, since a user namespace's root has no right to.
fn raised(process: Option<&Process>, user_namespace: bool) -> Vec<(Resource, u64)> {
    process.filter(|_| user_namespace).into_iter().flat_map(security::limits::hard).collect()
}

/// Whether the config limits the CPUs.
fn cpuset(spec: &Spec) -> bool {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let cpus = resources.and_then(|resources| resources.cpu().as_ref()?.cpus().as_ref());
    cpus.is_some_and(|cpus| !cpus.is_empty())
}

/// What the mounts of type cgroup show.
fn mounts(layout: &Layout, paths: &Paths) -> CgroupMounts {
    match layout {
        Layout::Unified(_) => {
            paths.unified().map_or(CgroupMounts::None, |own| CgroupMounts::Unified { own: own.to_owned() })
        }
        Layout::Legacy { hierarchies, .. } => CgroupMounts::Legacy {
            hierarchies: hierarchies.iter().filter_map(|hierarchy| hierarchy_mount(hierarchy, paths)).collect(),
            unified: paths.unified().map(ToOwned::to_owned),
        },
    }
}

fn hierarchy_mount(hierarchy: &cgroups::Hierarchy, paths: &Paths) -> Option<rootfs::Hierarchy> {
    let first = hierarchy.controllers.first()?;
    let named = first.starts_with("name=");
    Some(rootfs::Hierarchy {
        name: hierarchy.mount.file_name()?.to_string_lossy().into_owned(),
        options: if named { format!("none,{first}") } else { hierarchy.controllers.join(",") },
        own: paths.get(first)?.to_owned(),
        links: if hierarchy.controllers.len() > 1 { hierarchy.controllers.clone() } else { Vec::new() },
    })
}
