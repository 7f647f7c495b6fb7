//! The runtime process's part of plans, as lines of text: what is walked is what stands here.

use crate::compile::{Plan, RuntimeStep, create, limits_memory};
use crate::descriptors::Descriptor;
use crate::request::{Facts, Request};
use cgroups::{Hierarchy, Layout, Unified};
use rootfs::UserNamespace;
use security::labels::Lsm;
use serde_json::json;
use spec::oci::{LinuxIdMappingBuilder, Spec};
use std::path::Path;
use sys::namespace::{CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS};

/// The steps by name, with `(…)` of those that differ by what is in them.
fn lines(linux: &str, process: &str, awaits_start: bool) -> Vec<String> {
    planned(linux, process, awaits_start, false).runtime.iter().map(line).collect()
}

fn planned(linux: &str, process: &str, awaits_start: bool, systemd_cgroup: bool) -> Plan {
    planned_by(None, linux, process, awaits_start, systemd_cgroup)
}

/// By a runtime process that is a user and group in every way.
fn planned_by(
    identity: Option<(u32, u32)>,
    linux: &str,
    process: &str,
    awaits_start: bool,
    systemd_cgroup: bool,
) -> Plan {
    let spec = spec(linux, process);
    let layout = Layout::Unified(Unified {
        mount: "/sys/fs/cgroup".into(),
        own: "/".into(),
        controllers: ["memory", "pids"].map(Into::into).into(),
    });
    planned_on(&layout, &spec, identity, awaits_start, systemd_cgroup)
}

fn spec(linux: &str, process: &str) -> Spec {
    let config = format!(
        r#"{{"ociVersion":"1.2.0","root":{{"path":"rootfs"}},"linux":{{{linux}}},
            "process":{{"cwd":"/","args":["true"],"user":{{"uid":0,"gid":0}}{process}}}}}"#
    );
    *spec::parse(config.into_bytes()).unwrap().spec
}

fn planned_on(
    layout: &Layout,
    spec: &Spec,
    identity: Option<(u32, u32)>,
    awaits_start: bool,
    systemd_cgroup: bool,
) -> Plan {
    let facts = Facts {
        cgroup_tasks: 0,
        cgroup_directory: false,
        cgroup_mounts: rootfs::CgroupMounts::None,
        capabilities: u64::MAX >> 23,
        bounding: u64::MAX >> 23,
        identity,
        ignored_signals: u64::MAX,
        umask: None,
        shared_namespaces: 0,
        lsm: Lsm { apparmor: true, selinux: true },
        kcore: true,
        root: true,
    };
    let request = Request {
        id: "a",
        bundle: Path::new("/b"),
        rootfs: Path::new("/b/rootfs"),
        systemd_cgroup,
        no_pivot: false,
        session_keyring: Some("_ses.a"),
        preserve_fds: 0,
        awaits_start,
        joins: false,
        filter: spec,
        environment: Vec::new(),
        creating: ("", ""),
        created: ("", ""),
    };
    create(spec, &request, &facts, layout).unwrap().0.finish().unwrap()
}

fn line(step: &RuntimeStep) -> String {
    match step {
        RuntimeStep::Keep(what) => format!("{what:?}"),
        RuntimeStep::Open(descriptor) => format!("Open {}", first(&format!("{descriptor:?}"))),
        RuntimeStep::Clone { namespaces, into_cgroup, ids, time, waits } => {
            assert!(*waits || ids.is_none(), "nobody may go on without its ids");
            format!("Clone {namespaces:#x} cgroup={into_cgroup} ids={} time={}", ids.is_some(), time.is_some())
        }
        RuntimeStep::NetworkDevices { devices, namespace } => {
            let names: Vec<_> = devices.iter().map(|device| format!("{}={}", device.name, device.target)).collect();
            let within = namespace.as_ref().map(|join| format!(" in {}", join.path.display())).unwrap_or_default();
            format!("NetworkDevices {}{within}", names.join(","))
        }
        RuntimeStep::GoOn { ids } => format!("GoOn ids={}", ids.is_some()),
        step => first(&format!("{step:?}")),
    }
}

fn first(text: &str) -> String {
    text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

const MAPS: &str = r#""uidMappings":[{"containerID":0,"hostID":1000,"size":1}],
    "gidMappings":[{"containerID":0,"hostID":1000,"size":1}]"#;

#[test]
fn the_common_case_is_one_clone_into_the_cgroup() {
    assert_eq!(
        lines(r#""namespaces":[{"type":"pid"},{"type":"mount"}]"#, "", true),
        [
            "SaveState",
            "Listen",
            "MakeCgroups",
            "SetLimits",
            "Clone 0x20000000 cgroup=true ids=false time=false",
            "Note",
            "SetDevices",
            "Open StartSocket",
            "SendPlan",
            "UntilReady",
        ]
    );
}

/// Who runs out of memory takes with it all that share it.
#[test]
fn a_child_in_a_limited_cgroup_borrows_no_memory() {
    let lends = |resources: &str| !limits_memory(&spec(&format!(r#""resources":{{{resources}}}"#), ""));
    assert!(lends(""));
    assert!(lends(r#""memory":{},"unified":{"pids.max":"7"}"#));
    assert!(lends(r#""memory":{"limit":-1}"#));
    assert!(!lends(r#""memory":{"limit":4096}"#));
    assert!(!lends(r#""unified":{"memory.max":"4096"}"#));
}

/// There all is denied at first, and init would find no device.
#[test]
fn on_v1_device_rules_are_set_before_anybody_is_in_the_cgroup() {
    let mount = "/sys/fs/cgroup/devices".into();
    let devices = Hierarchy { controllers: vec!["devices".into()], mount, own: "/".into() };
    let layout = Layout::Legacy { hierarchies: vec![devices], unified: None };
    let spec = spec::parse(br#"{"ociVersion":"1.2.0","root":{"path":"rootfs"},"linux":{}}"#.to_vec()).unwrap().spec;
    let steps: Vec<_> = planned_on(&layout, &spec, None, true, false).runtime.iter().map(line).collect();
    assert_eq!(
        steps[2..],
        [
            "Clone 0x0 cgroup=true ids=false time=false",
            "Note",
            "MakeCgroups",
            "SetLimits",
            "SetDevices",
            "Open CgroupTasks",
            "Open StartSocket",
            "SendPlan",
            "UntilReady",
        ]
    );
    assert_eq!(steps.iter().filter(|step| *step == "SetDevices").count(), 1);
}

/// With systemd the cgroup is made around the child, which waits for it.
#[test]
fn a_unit_is_made_around_the_child() {
    let steps =
        |namespaces: &str| planned(namespaces, "", false, true).runtime.iter().take(9).map(line).collect::<Vec<_>>();
    assert_eq!(
        steps(r#""namespaces":[{"type":"mount"}],"cgroupsPath":":x:a""#),
        [
            "SaveState",
            "Clone 0x0 cgroup=false ids=false time=false",
            "Note",
            "MakeCgroups",
            "SetLimits",
            "SetDevices",
            "GoOn ids=false",
            "SendPlan",
            "UntilReady",
        ]
    );
    assert_eq!(
        steps(r#""namespaces":[{"type":"pid","path":"/proc/1/ns/pid"}],"cgroupsPath":":x:a""#),
        [
            "SaveState",
            "Open Namespace",
            "Clone 0x0 cgroup=false ids=false time=false",
            "Adopt",
            "Note",
            "MakeCgroups",
            "SetLimits",
            "SetDevices",
            "GoOn ids=false",
        ]
    );
}

#[test]
fn run_goes_on_to_the_program_and_the_hooks_after_it() {
    assert_eq!(
        lines(r#""namespaces":[{"type":"mount"}]"#, r#","oomScoreAdj":5"#, false),
        [
            "SaveState",
            "MakeCgroups",
            "SetLimits",
            "Clone 0x0 cgroup=true ids=false time=false",
            "Note",
            "SetDevices",
            "SendPlan",
            "OomScore",
            "UntilReady",
            "UntilExecuted",
            "Poststart",
        ]
    );
}

#[test]
fn a_time_namespace_belongs_to_the_containers_user_namespace() {
    let host = lines(r#""namespaces":[{"type":"time"},{"type":"mount"}]"#, "", false);
    assert_eq!(host[3..7], ["TimeNamespace", "Clone 0x0 cgroup=true ids=false time=false", "Return", "Note"]);
    let namespaces = r#""namespaces":[{"type":"time"},{"type":"user"},{"type":"mount"}],"#;
    let own = lines(&format!("{namespaces}{MAPS}"), "", false);
    assert_eq!(own[3..6], ["Clone 0x10000000 cgroup=true ids=true time=true", "Note", "GoOn ids=true"]);
}

#[test]
fn what_takes_in_only_children_is_entered_by_the_init_stage() {
    let joined = lines(r#""namespaces":[{"type":"pid","path":"/p"},{"type":"mount"}]"#, "", false);
    assert_eq!(
        joined[3..9],
        [
            "Open Namespace",
            "Open Cgroup",
            "Clone 0x0 cgroup=false ids=false time=false",
            "Adopt",
            "Note",
            "GoOn ids=false",
        ]
    );
}

/// What the kernel takes long for, init does while the rest of its plan is worked out; but nothing where it can be seen.
#[test]
fn namespaces_are_made_by_init_before_it_has_its_plan() {
    let steps = |linux: &str| -> Vec<String> {
        let plan = planned(linux, "", false, false);
        let until = |name: &String| !name.starts_with("ReceivePlan");
        plan.init.steps().map(|placed| format!("{:?}", placed.step)).take_while(until).collect()
    };
    let new = r#"{"type":"mount"},{"type":"network"},{"type":"cgroup"},{"type":"ipc"},{"type":"uts"}"#;
    let kinds = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS;
    assert_eq!(
        steps(&format!(r#""namespaces":[{{"type":"pid"}},{new}]"#))[1..],
        [format!("NewNamespaces {{ kinds: {kinds} }}"), "NewSession".into(), "LoopbackUp".into()]
    );
    let joined = steps(&format!(r#""namespaces":[{{"type":"pid","path":"/p"}},{new}]"#));
    let kinds = kinds & !CLONE_NEWCGROUP;
    assert!(joined[1].starts_with("Reborn") && joined[1].contains(&format!("new: {kinds}")), "{joined:?}");
}

#[test]
fn a_network_of_the_hosts_is_visited_before_the_user_namespace_is_new() {
    let namespaces = r#""namespaces":[{"type":"network","path":"/n"},{"type":"user"},{"type":"mount"}],"#;
    let borrowed = lines(&format!("{namespaces}{MAPS}"), "", false);
    assert_eq!(
        borrowed[3..8],
        ["Visit", "Clone 0x10000000 cgroup=true ids=true time=false", "Return", "Note", "GoOn ids=true",]
    );
}

#[test]
fn network_devices_move_once_init_has_its_network_and_before_it_goes_on() {
    let devices = r#","netDevices":{"a":{},"b":{"name":"eth%d"}}"#;
    let own = lines(&format!(r#""namespaces":[{{"type":"network"}},{{"type":"mount"}}]{devices}"#), "", true);
    assert_eq!(
        own[4..],
        [
            "Clone 0x40000000 cgroup=true ids=false time=false",
            "Note",
            "SetDevices",
            "NetworkDevices a=a,b=eth%d",
            "Open StartSocket",
            "SendPlan",
            "UntilReady"
        ]
    );
    let user = r#""namespaces":[{"type":"network"},{"type":"user"},{"type":"pid","path":"/p"},{"type":"mount"}],"#;
    let reborn = lines(&format!("{user}{MAPS}{devices}"), "", true);
    assert_eq!(
        reborn[reborn.len() - 8..reborn.len() - 3],
        ["Adopt", "Note", "GoOn ids=true", "SetDevices", "NetworkDevices a=a,b=eth%d"]
    );
    let joined = r#""namespaces":[{"type":"network","path":"/n"},{"type":"mount"}]"#;
    let joined = lines(&format!("{joined}{devices}"), "", true);
    assert_eq!(joined[joined.len() - 5], "NetworkDevices a=a,b=eth%d in /n");
}

#[test]
fn a_user_namespace_of_a_mount_is_told_as_its_maps_or_its_path() {
    let told = |namespace| serde_json::to_value(RuntimeStep::Open(Descriptor::UserNamespace(namespace))).unwrap();
    let ids = vec![LinuxIdMappingBuilder::default().container_id(0u32).host_id(1000u32).size(1u32).build().unwrap()];
    let mapped = told(UserNamespace::Mapped { uids: ids.clone(), gids: ids });
    assert_eq!(mapped["open"]["user-namespace"], json!({"users": "0 1000 1\n", "groups": "0 1000 1\n"}));
    let joined = told(UserNamespace::Joined("/proc/7/ns/user".into()));
    assert_eq!(joined["open"]["user-namespace"], "/proc/7/ns/user");
}

#[test]
fn init_waits_for_its_network_devices_before_its_sysctls() {
    let linux = r#""namespaces":[{"type":"network"},{"type":"mount"}],"sysctl":{"net.ipv4.conf.a.forwarding":"1"}"#;
    let order = |linux: &str| -> Vec<_> {
        let plan = planned(linux, "", true, false);
        let names = plan.init.steps().map(|placed| first(&format!("{:?}", placed.step)));
        names.filter(|name| name == "RuntimeHooks" || name == "Sysctl").collect()
    };
    assert_eq!(order(linux), ["Sysctl"]);
    assert_eq!(order(&format!(r#"{linux},"netDevices":{{"a":{{}}}}"#)), ["RuntimeHooks", "Sysctl"]);
}

#[test]
fn who_is_the_user_already_does_not_become_it() {
    let steps = |identity| {
        let plan = planned_by(identity, "", "", false, false);
        let names = plan.init.steps().map(|placed| format!("{:?}", placed.step));
        names.filter(|name| name.starts_with("User") || name == "KeepCapabilities").count()
    };
    assert_eq!(steps(Some((0, 0))), 0);
    for other in [None, Some((1, 0)), Some((0, 1))] {
        assert_eq!(steps(other), 2, "{other:?}");
    }
}

#[test]
fn there_is_a_procfs_before_anything_is_written_to_it() {
    let plan = planned(r#""namespaces":[{"type":"mount"}]"#, r#","selinuxLabel":"a:b:c""#, true, false);
    let names = plan.init.steps().map(|placed| first(&format!("{:?}", placed.step)));
    let about: Vec<_> =
        names.filter(|name| name == "Procfs" || name.contains("Key") || name.contains("Label")).collect();
    assert_eq!(about[..3], ["Procfs", "SelinuxKeyLabel", "SessionKeyring"]);
    assert!(about.contains(&"SelinuxLabel".to_owned()), "{about:?}");
}
