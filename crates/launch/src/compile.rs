//! From a Spec to a plan. Nothing here touches the host.

use crate::descriptors::{Descriptor, Descriptors, Given};
use crate::error::Error;
use crate::joining::{borrowed, joins_by_birth, made_by_clone};
use crate::order::Order;
use crate::owner::owner;
use crate::request::{Facts, Request};
use cgroups::{Layout, Paths};
use namespaces::{Join, Map, NetworkDevice, Offsets, Wanted};
use plan::Writer;
use rootfs::CgroupMounts;
use rustix::process::Resource;
use serde::{Serialize, Serializer};
use spec::oci::{LinuxIdMapping, Process, Spec};
use sys::namespace::{CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER};

/// One thing that the runtime process does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeStep {
    /// What is kept of the container between two calls, and what only its keeper can do.
    Keep(Keep),
    /// Open what init is to hold: what stands before the clone, it is born holding; the rest is sent with the plan.
    Open(Descriptor),
    /// Raise our own hard limit of a resource (`RLIMIT_*`), for the child to inherit: in a user namespace it may not.
    RaiseLimit {
        /// The resource.
        #[serde(serialize_with = "number")]
        resource: Resource,
        /// The limit.
        hard: u64,
    },
    /// Run on these CPUs, and so the child until it has joined the cgroup: a mask, lowest first.
    CpuAffinity {
        /// The CPUs.
        mask: Vec<u8>,
    },
    /// Enter a namespace for a moment, for the child to be born in: it belongs to the host, and the child, in a new
    /// user namespace, will have no rights there.
    Visit(Join),
    /// Make a time namespace for the child.
    TimeNamespace(Offsets),
    /// clone3, and become the init stage in the child.
    Clone {
        /// The new namespaces: `CLONE_NEW*`.
        namespaces: u32,
        /// Whether in the cgroup from birth; else the process that goes on is.
        into_cgroup: bool,
        /// The id maps of the new user namespace.
        ids: Option<Map>,
        /// The time namespace that the child makes, for its new user namespace to own.
        time: Option<Offsets>,
        /// Whether the child waits for [`RuntimeStep::GoOn`]: for its id maps, or until its cgroup is made around it.
        waits: bool,
    },
    /// Come back from where [`RuntimeStep::Visit`] and [`RuntimeStep::TimeNamespace`] have led.
    Return,
    /// Take over the process that goes on in the place of the first: [`plan::Step::Reborn`].
    Adopt,
    /// Note which process it is, before it does anything that a later call must find.
    Note,
    /// Let the process go on that waits, its ids mapped where its user namespace is new.
    GoOn {
        /// The id maps.
        ids: Option<Map>,
    },
    /// Move network devices into the container's network namespace, the one that is joined or else init's own. Init
    /// waits for it at [`plan::Step::RuntimeHooks`]. Where a later step fails before the program runs, they come back.
    NetworkDevices {
        /// The devices.
        devices: Vec<NetworkDevice>,
        /// The namespace that is joined.
        namespace: Option<Join>,
    },
    /// Send init the rest of its plan, which until here was worked out while it made namespaces.
    SendPlan,
    /// Write `oom_score_adj` of init, which has no right to do so in a user namespace.
    OomScore(i32),
    /// Answer init until it is set up: run the hooks prestart and createRuntime when it asks, hand on its terminal.
    UntilReady,
    /// Answer init until it is the program.
    UntilExecuted,
}

/// What the keeper of containers does: see [`crate::Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Write the state, so that a later call finds what this one is about to make.
    SaveState,
    /// Listen for `start`.
    Listen,
    /// Make the cgroups.
    MakeCgroups,
    /// Set the limits.
    SetLimits,
    /// Set the device rules.
    SetDevices,
    /// Make the resctrl groups.
    MakeResctrl,
    /// Put init into them, and so all that it will start.
    EnterResctrl,
    /// Run the hooks poststart.
    Poststart,
}

/// The kernel's number of a resource.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn number<S: Serializer>(resource: &Resource, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u32(*resource as u32)
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
    /// What is not an error but that a person should know.
    pub warnings: Vec<String>,
}

/// A plan of which as much is there as must be for init to be born. The rest is worked out while init makes namespaces,
/// which takes the kernel longer than all else: [`crate::walk()`].
pub struct Draft<'a> {
    pub(crate) order: Order<'a>,
    purpose: Purpose<'a>,
    /// The runtime process's steps until there is a process.
    pub(crate) birth: Vec<RuntimeStep>,
    /// Its steps from then on.
    life: Vec<RuntimeStep>,
    /// What is not an error but that a person should know; of what is there.
    warnings: Vec<String>,
    pub(crate) manner: Manner,
}

/// What holds for all of a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How many descriptors from 3 on are the program's.
    pub(crate) preserved: u32,
    /// Whether the CPUs are limited.
    pub(crate) cpuset: bool,
    /// Whether the child may borrow our memory until it executes. Not in a cgroup whose memory may run out: with a process
    /// the kernel ends all that share its memory.
    pub(crate) lends: bool,
}

/// What the process is for.
enum Purpose<'a> {
    /// A new container; `awaits_devices` where network devices are moved into it.
    Create { awaits_devices: bool },
    /// To join one: the namespaces that it has still to enter, and whether it has the container's mount namespace.
    Exec { process: &'a Process, kinds: u32, rooted: bool },
}

impl Draft<'_> {
    /// Whether the container's PID namespace is its own.
    pub fn own_pid_namespace(&self) -> bool {
        self.order.wanted.has(CLONE_NEWPID)
    }

    /// Whether the process that goes on is not the one that is made first.
    pub(crate) fn is_adopted(&self) -> bool {
        self.life.first() == Some(&RuntimeStep::Adopt)
    }

    /// The whole plan.
    ///
    /// # Errors
    /// What of the config can't be done.
    pub fn finish(self) -> Result<Plan, Error> {
        let Draft { mut order, purpose, birth: mut runtime, life, mut warnings, .. } = self;
        let born = order.descriptors.list.len();
        match purpose {
            Purpose::Create { awaits_devices } => order.end_create(awaits_devices)?,
            Purpose::Exec { process, kinds, rooted } => order.end_exec(process, kinds, rooted)?,
        }
        let mut more: Vec<_> = order.descriptors.list.into_iter().skip(born).map(RuntimeStep::Open).collect();
        for step in life {
            if step == RuntimeStep::SendPlan {
                runtime.append(&mut more);
            }
            runtime.push(step);
        }
        warnings.append(&mut order.warnings);
        Ok(Plan { runtime, init: order.steps, warnings })
    }
}

/// The plan of a new container and that of its cgroup, which `layout` has a place for.
///
/// # Errors
/// What of the config can't be done.
pub fn create<'a>(
    spec: &'a Spec,
    request: &'a Request<'_>,
    facts: &Facts,
    layout: &Layout,
) -> Result<(Draft<'a>, cgroups::Plan), Error> {
    let mut cgroup = plan_cgroup(spec, request, layout)?;
    if cgroup.dispensable && !facts.root {
        // Nobody but root may make cgroups (unless some are delegated), and nothing of this one was asked for.
        (cgroup.paths, cgroup.make, cgroup.limit) = (Paths::default(), Vec::new(), Vec::new());
        cgroup.devices = None;
    }
    let mut facts = facts.clone();
    // systemd makes a unit around the process, which so can't be born there or go there by itself.
    let around = cgroup.unit.is_some();
    facts.cgroup_tasks = if around { 0 } else { cgroup.paths.tasks() };
    facts.cgroup_directory = !around && cgroup.paths.unified().is_some();
    facts.cgroup_mounts = mounts(layout, &cgroup.paths);
    let wanted = namespaces::wanted(spec);
    let devices = namespaces::network_devices(spec, &wanted, facts.shared_namespaces)?;
    if let Some(uid) = owner(spec, &wanted, &maps(spec)) {
        cgroup.give_to(uid);
    }
    let clones = made_by_clone(&wanted, !devices.is_empty());
    let mut order = new_order(spec, request, facts, wanted);
    order.begin_create(clones);
    let purpose = Purpose::Create { awaits_devices: !devices.is_empty() };
    let warnings = cgroup.warnings.iter().map(|warning| format!("{} ({})", warning.text, warning.place)).collect();
    let (birth, mut life) = birth(&order, &cgroup, clones);
    if !devices.is_empty() {
        let namespace = order.wanted.join(CLONE_NEWNET).cloned();
        life.push(RuntimeStep::NetworkDevices { devices, namespace });
    }
    life.push(RuntimeStep::SendPlan);
    life.extend(spec.process().as_ref().and_then(Process::oom_score_adj).map(RuntimeStep::OomScore));
    life.push(RuntimeStep::UntilReady);
    if !request.awaits_start {
        life.push(RuntimeStep::UntilExecuted);
        life.push(RuntimeStep::Keep(Keep::Poststart));
    }
    let preserved = request.preserve_fds;
    // What it is not born in can't end it before it has executed.
    let lends = !(order.facts.cgroup_directory && limits_memory(spec));
    let draft =
        Draft { order, purpose, birth, life, warnings, manner: Manner { preserved, cpuset: cpuset(spec), lends } };
    Ok((draft, cgroup))
}

/// The plan of a process that joins a container. `kinds` are the `CLONE_NEW*` of the container's namespaces that are
/// not ours; `given` is what is open already.
///
/// # Errors
/// What of the process can't be done.
pub fn exec<'a>(
    spec: &'a Spec,
    process: &'a Process,
    request: &'a Request<'_>,
    facts: &Facts,
    kinds: u32,
    given: &Given<'_>,
) -> Result<Draft<'a>, Error> {
    let mut facts = facts.clone();
    facts.cgroup_tasks = given.cgroup_tasks.len();
    facts.cgroup_directory = given.cgroup.is_some();
    let mut order = new_order(spec, request, facts, Wanted::default());
    let late = order.begin_exec(kinds);
    let initial = process.exec_cpu_affinity().as_ref().and_then(|affinity| affinity.initial().as_deref());
    let mask = security::scheduling::cpus(INITIAL_CPUS, initial.unwrap_or_default())?;
    let mut birth = prepare(&order.descriptors, Some(process), kinds & CLONE_NEWUSER != 0);
    if !mask.is_empty() {
        birth.push(RuntimeStep::CpuAffinity { mask });
    }
    let reborn = kinds & CLONE_NEWPID != 0;
    birth.push(RuntimeStep::Clone { namespaces: 0, into_cgroup: !reborn, ids: None, time: None, waits: false });
    let mut life = Vec::new();
    if reborn {
        life.push(RuntimeStep::Adopt);
    }
    life.push(RuntimeStep::Note);
    life.extend(process.oom_score_adj().map(RuntimeStep::OomScore));
    // With its plan it goes on to the program, and waits for nothing more of ours.
    life.extend([RuntimeStep::SendPlan, RuntimeStep::UntilExecuted]);
    Ok(Draft {
        order,
        purpose: Purpose::Exec { process, kinds: late, rooted: kinds & CLONE_NEWNS != 0 },
        birth,
        life,
        warnings: Vec::new(),
        manner: Manner { preserved: request.preserve_fds, cpuset: cpuset(spec), lends: reborn },
    })
}

fn new_order<'a>(spec: &'a Spec, request: &'a Request<'a>, facts: Facts, wanted: Wanted) -> Order<'a> {
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

/// On v1 all devices are denied, and then one after the other allowed: nobody may be in the cgroup meanwhile.
fn devices_come_first(cgroup: &cgroups::Plan) -> bool {
    matches!(cgroup.devices, Some(cgroups::Act::DeviceRules { .. }))
}

/// What is opened and raised before init is born.
fn prepare(descriptors: &Descriptors, process: Option<&Process>, user_namespace: bool) -> Vec<RuntimeStep> {
    let raised = process.filter(|_| user_namespace).into_iter().flat_map(security::limits::hard);
    let raise = raised.map(|(resource, hard)| RuntimeStep::RaiseLimit { resource, hard });
    descriptors.list.iter().cloned().map(RuntimeStep::Open).chain(raise).collect()
}

/// The cgroup of a new container, from files or from systemd.
fn plan_cgroup(spec: &Spec, request: &Request<'_>, layout: &Layout) -> Result<cgroups::Plan, Error> {
    let linux = spec.linux().as_ref();
    let path = linux.and_then(|linux| linux.cgroups_path().as_deref());
    let resources = linux.and_then(|linux| linux.resources().as_ref());
    if request.systemd_cgroup {
        return Ok(cgroups::plan_unit(layout, path, request.id, resources, spec.annotations().iter().flatten())?);
    }
    Ok(cgroups::plan(layout, path, request.id, resources)?)
}

/// How the init of a new container is born, by a clone3 that makes `clones`, and what is done from then on. It is noted
/// before it may go on, and its cgroup is made around it where systemd does that.
fn birth(order: &Order<'_>, cgroup: &cgroups::Plan, clones: u32) -> (Vec<RuntimeStep>, Vec<RuntimeStep>) {
    let (spec, wanted) = (order.spec, &order.wanted);
    let (around, reborn) = (cgroup.unit.is_some(), joins_by_birth(wanted));
    let mut steps = vec![RuntimeStep::Keep(Keep::SaveState)];
    steps.extend(order.request.awaits_start.then_some(RuntimeStep::Keep(Keep::Listen)));
    // What it is not born in, it joins when it has its plan.
    let early = order.facts.cgroup_directory;
    steps.extend(make_cgroups(cgroup).filter(|_| early));
    if resctrl(spec) {
        steps.push(RuntimeStep::Keep(Keep::MakeResctrl));
    }
    steps.extend(prepare(&order.descriptors, spec.process().as_ref(), wanted.has(CLONE_NEWUSER)));
    let ids = wanted.makes(CLONE_NEWUSER).then(|| maps(spec));
    let time = wanted.makes(CLONE_NEWTIME).then(|| Offsets::new(spec));
    // A time namespace belongs to the user namespace of its maker: the child's, where that is new and it is there.
    let (ours, its) = if reborn || ids.is_none() { (time, None) } else { (None, time) };
    let mut away: Vec<_> = borrowed(wanted).cloned().map(RuntimeStep::Visit).collect();
    away.extend(ours.map(RuntimeStep::TimeNamespace));
    let back = (!away.is_empty()).then_some(RuntimeStep::Return);
    steps.append(&mut away);
    steps.push(RuntimeStep::Clone {
        namespaces: if reborn { 0 } else { clones },
        into_cgroup: !reborn && !around,
        ids: ids.clone().filter(|_| !reborn),
        time: its,
        waits: !reborn && (around || ids.is_some()),
    });
    steps.extend(back);
    let mut life = Vec::new();
    let known = if reborn { &mut life } else { &mut steps };
    known.extend(reborn.then_some(RuntimeStep::Adopt));
    known.push(RuntimeStep::Note);
    if around {
        known.extend([Keep::MakeCgroups, Keep::SetLimits, Keep::SetDevices].map(RuntimeStep::Keep));
    }
    if resctrl(spec) {
        known.push(RuntimeStep::Keep(Keep::EnterResctrl));
    }
    if reborn || around || ids.is_some() {
        known.push(RuntimeStep::GoOn { ids });
    }
    life.extend(make_cgroups(cgroup).filter(|_| !early));
    // While init is at work, which makes device nodes: that is allowed whatever the rules say. Before hooks, which may
    // allow more.
    if cgroup.devices.is_some() && !around && !devices_come_first(cgroup) {
        life.push(RuntimeStep::Keep(Keep::SetDevices));
    }
    (steps, life)
}

/// The making of the cgroups, but where systemd does that.
fn make_cgroups(cgroup: &cgroups::Plan) -> impl Iterator<Item = RuntimeStep> {
    let made = cgroup.unit.is_none() && !cgroup.paths.is_empty();
    let devices = devices_come_first(cgroup).then_some(Keep::SetDevices);
    let steps = [Keep::MakeCgroups, Keep::SetLimits].into_iter().chain(devices);
    steps.filter(move |_| made).map(RuntimeStep::Keep)
}

/// The id maps that the config gives.
fn maps(spec: &Spec) -> Map {
    let linux = spec.linux().as_ref();
    let list = |list: Option<&Vec<LinuxIdMapping>>| list.cloned().unwrap_or_default();
    Map::new(
        &list(linux.and_then(|linux| linux.uid_mappings().as_ref())),
        &list(linux.and_then(|linux| linux.gid_mappings().as_ref())),
    )
}

/// Whether the config asks for a place in the resctrl file system.
fn resctrl(spec: &Spec) -> bool {
    spec.linux().as_ref().is_some_and(|linux| linux.intel_rdt().is_some())
}

/// Whether the config limits the CPUs.
fn cpuset(spec: &Spec) -> bool {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let cpus = resources.and_then(|resources| resources.cpu().as_ref()?.cpus().as_ref());
    cpus.is_some_and(|cpus| !cpus.is_empty())
}

/// Whether the config limits the memory.
pub(crate) fn limits_memory(spec: &Spec) -> bool {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let limit = resources.and_then(|resources| resources.memory().as_ref()?.limit());
    let unified = resources.and_then(|resources| resources.unified().as_ref());
    limit.is_some_and(|limit| limit > 0)
        || unified.is_some_and(|unified| unified.keys().any(|key| key.starts_with("memory.")))
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
