//! Plans as text: what a config becomes, step by step.
#![allow(clippy::needless_pass_by_value, reason = "configs are written where they are used")]

use crate::facts::{CgroupMounts, Facts, Hierarchy, UserNamespace};
use crate::{Error, devices, mounts, pivot, prepare, protect};
use plan::{Handle, Writer};
use serde_json::{Value, json};
use show::text;
use spec::oci::Spec;
use std::path::PathBuf;

mod show;

fn facts() -> Facts {
    Facts { bundle: "/bundle".into(), rootfs: "/bundle/rootfs".into(), ..Facts::default() }
}

/// A config with those namespaces, `linux` and `mounts` merged in.
fn config(namespaces: &[&str], linux: Value, mounts: impl Into<Value>) -> Spec {
    let namespaces: Vec<_> = namespaces.iter().map(|kind| json!({ "type": kind })).collect();
    let mut whole = json!({
        "ociVersion": "1.3.0",
        "root": { "path": "rootfs" },
        "linux": { "namespaces": namespaces },
        "mounts": mounts.into(),
    });
    if let (Value::Object(linux), Some(all)) = (linux, whole["linux"].as_object_mut()) {
        all.extend(linux);
    }
    serde_json::from_value(whole).expect("a config")
}

/// The steps of the mounts, and the user namespaces that they asked for.
fn planned(spec: &Spec, facts: &Facts) -> Result<(Vec<String>, Vec<UserNamespace>), Error> {
    let (mut plan, mut wanted) = (Writer::default(), Vec::new());
    let mut descriptors = |namespace| {
        wanted.push(namespace);
        Handle(7)
    };
    mounts(spec, facts, &mut descriptors, &mut plan)?;
    Ok((text(&plan), wanted))
}

/// The one step of a mount with those members, in a container with a mount namespace.
fn one(mount: Value) -> String {
    let spec = config(&["mount"], json!({}), json!([mount]));
    planned(&spec, &facts()).expect("a plan").0.join("\n")
}

fn refused(mount: Value) -> String {
    let spec = config(&["mount"], json!({}), json!([mount]));
    planned(&spec, &facts()).expect_err("an error").to_string()
}

fn bind(options: &[&str]) -> String {
    one(json!({ "source": "/s", "destination": "/d", "options": options }))
}

#[test]
fn file_systems() {
    let proc = json!({ "type": "proc", "source": "proc", "destination": "/proc", "options": ["nosuid", "ro"] });
    assert_eq!(one(proc), "/mounts/0: mount proc /proc [] +ro +nosuid plain");
    let disk = json!({ "type": "ext4", "source": "/dev/sdz", "destination": "/d",
        "options": ["ro", "sync", "lazytime", "nolazytime", "noatime", "data=ordered", "rslave", "defaults"] });
    assert_eq!(one(disk), "/mounts/0: mount ext4 /d [sync,ro,data=ordered] +ro +noatime rslave");
    let sysfs =
        json!({ "type": "sysfs", "source": "sysfs", "destination": "/sys", "options": ["ro", "rro", "rnoatime"] });
    assert_eq!(one(sysfs), "/mounts/0: mount sysfs /sys [] +ro r+ro r+noatime r-atime plain");
}

#[test]
fn tmpfs_is_made_writable_first() {
    let options = |options: &[&str]| json!({ "type": "tmpfs", "source": "t", "destination": "/t", "options": options });
    assert_eq!(one(options(&["ro", "nodev"])), "/mounts/0: mount tmpfs /t [] +nodev keep-mode");
    assert_eq!(one(options(&["mode=700", "tmpcopyup"])), "/mounts/0: mount tmpfs /t [mode=700] copy-up");
    let dev = json!({ "type": "devtmpfs", "source": "d", "destination": "/dev/", "options": ["ro"] });
    let spec = config(&["mount"], json!({}), json!([options(&["ro"]), dev, options(&["rw"])]));
    let mut plan = Writer::default();
    protect(&spec, &facts(), &mut plan).expect("a plan");
    assert_eq!(text(&plan), ["/mounts/0: set /t +ro", "/mounts/1: set /dev +ro"]);
}

#[test]
fn a_binds_flags_are_those_that_are_named() {
    let all = "~ro ~nosuid ~nodev ~noexec";
    assert_eq!(bind(&["bind"]), "/mounts/0: bind /s /d");
    assert_eq!(bind(&["rbind", "rprivate"]), "/mounts/0: rbind /s /d rprivate");
    assert_eq!(bind(&["bind", "ro"]), format!("/mounts/0: bind /s /d +ro -nosymfollow {}", &all[4..]));
    // What is asked to be cleared is so even where it is locked: that fails, as it must.
    assert_eq!(bind(&["bind", "rw", "nosuid"]), "/mounts/0: bind /s /d +nosuid -ro -nosymfollow ~nodev ~noexec");
    assert_eq!(bind(&["bind", "ro", "rw"]), "/mounts/0: bind /s /d -ro -nosymfollow ~nosuid ~nodev ~noexec");
    assert_eq!(bind(&["bind", "nosymfollow"]), format!("/mounts/0: bind /s /d +nosymfollow {all}"));
    assert_eq!(bind(&["rbind", "rslave", "rshared", "rro"]), "/mounts/0: rbind /s /d r+ro rslave rshared");
}

#[test]
fn access_times_are_one_field() {
    let rest = "-nosymfollow ~ro ~nosuid ~nodev ~noexec";
    assert_eq!(bind(&["bind", "atime"]), format!("/mounts/0: bind /s /d {rest}"));
    assert_eq!(bind(&["bind", "norelatime"]), format!("/mounts/0: bind /s /d {rest}"));
    assert_eq!(bind(&["bind", "noatime"]), format!("/mounts/0: bind /s /d +noatime -atime -nodiratime {rest}"));
    assert_eq!(bind(&["bind", "relatime"]), format!("/mounts/0: bind /s /d -atime -nodiratime {rest}"));
    assert_eq!(bind(&["bind", "nodiratime"]), format!("/mounts/0: bind /s /d +nodiratime -atime {rest}"));
    assert_eq!(bind(&["bind", "noatime", "atime"]), format!("/mounts/0: bind /s /d {rest}"));
    assert_eq!(
        bind(&["bind", "noatime", "strictatime"]),
        format!("/mounts/0: bind /s /d +strictatime -atime -nodiratime {rest}")
    );
    assert_eq!(bind(&["rbind", "rnoatime", "rrelatime"]), "/mounts/0: rbind /s /d r-atime");
    assert_eq!(bind(&["rbind", "rstrictatime"]), "/mounts/0: rbind /s /d r+strictatime r-atime");
}

#[test]
fn paths() {
    let to = |source: &str, destination: &str| {
        one(json!({ "source": source, "destination": destination, "options": ["bind"] }))
    };
    assert_eq!(to("f", "m"), "/mounts/0: bind /bundle/f /m");
    assert_eq!(to("/s", "//a/./b/../../../c/"), "/mounts/0: bind /s /c");
    assert_eq!(to("/s", "/bundle/rootfs/a"), "/mounts/0: bind /s /a");
    assert_eq!(to("/s", "/bundle/rootfsa"), "/mounts/0: bind /s /bundle/rootfsa");
    for root in ["/", "/..", "/a/..", "/bundle/rootfs"] {
        let error = refused(json!({ "source": "/s", "destination": root, "options": ["bind"] }));
        assert!(error.starts_with("/mounts/0/destination") && error.contains(root), "{error}");
    }
}

#[test]
fn proc_is_left_whole() {
    let over = |destination: &str, kind: &str| json!({ "type": kind, "source": "s", "destination": destination });
    let bind = |destination: &str| json!({ "source": "/s", "destination": destination, "options": ["bind"] });
    assert_eq!(
        refused(over("/proc", "tmpfs")),
        "/mounts/0: \"/proc\" cannot be mounted because it is not of type proc"
    );
    for inside in ["/proc/sys", "/proc/../proc/self/attr", "proc/x"] {
        assert!(refused(bind(inside)).ends_with("cannot be mounted because it is inside /proc"), "{inside}");
    }
    assert_eq!(one(bind("/proc/cpuinfo")), "/mounts/0: bind /s /proc/cpuinfo");
    // Whether this is a procfs is seen when it is opened.
    assert_eq!(one(bind("/proc")), "/mounts/0: bind /s /proc");
    assert_eq!(one(bind("/process")), "/mounts/0: bind /s /process");
}

#[test]
fn options_out_of_place() {
    let mount =
        |kind: &str, options: &[&str]| json!({ "type": kind, "source": "/s", "destination": "/d", "options": options });
    assert!(refused(mount("none", &["bind", "size=1"])).contains("filesystem-specific options"));
    assert!(refused(mount("none", &["bind", "tmpcopyup"])).contains("only on a tmpfs"));
    assert!(refused(mount("ext4", &["tmpcopyup"])).contains("only on a tmpfs"));
    assert!(refused(mount("tmpfs", &["idmap"])).contains("only on bind mounts"));
    let nul = mount("tmpfs", &["size=\0"]);
    assert!(refused(nul).contains("NUL"));
}

#[test]
fn remounts() {
    let mount = json!({ "destination": "/d", "options": ["remount", "ro", "size=1m"] });
    assert_eq!(one(mount), "/mounts/0: remount /d [\"size=1m\"] +ro -nosymfollow ~nosuid ~nodev ~noexec bind:false");
    assert!(bind(&["bind", "remount", "ro"]).ends_with("bind:true"));
}

#[test]
fn id_maps() {
    let map = json!([{ "containerID": 0, "hostID": 100_000, "size": 10 }]);
    let own = json!({ "source": "/s", "destination": "/d", "options": ["bind", "ridmap"], "uidMappings": map, "gidMappings": map });
    let spec = config(&["mount"], json!({}), json!([own]));
    let (steps, wanted) = planned(&spec, &facts()).expect("a plan");
    assert_eq!(steps, ["/mounts/0: bind /s /d map:7:true"]);
    assert!(matches!(&wanted[..], [UserNamespace::Mapped { uids, gids }] if uids.len() == 1 && gids.len() == 1));

    let container = json!({ "source": "/s", "destination": "/d", "options": ["bind", "idmap"] });
    let linux = json!({ "uidMappings": map, "gidMappings": map });
    let spec = config(&["mount", "user"], linux, json!([container]));
    let (steps, wanted) = planned(&spec, &facts()).expect("a plan");
    assert_eq!(steps, ["/mounts/0: bind asked:/s /d map:7:false"]);
    assert!(matches!(&wanted[..], [UserNamespace::Mapped { uids, .. }] if uids[0].host_id() == 100_000));

    let joined = json!({ "namespaces": [{ "type": "mount" }, { "type": "user", "path": "/ns" }] });
    let spec = config(&[], joined, json!([container]));
    let (_, wanted) = planned(&spec, &facts()).expect("a plan");
    assert_eq!(wanted, [UserNamespace::Joined(PathBuf::from("/ns"))]);
}

fn cgroup(cgroup: CgroupMounts, namespaces: &[&str], kind: &str, options: &[&str]) -> Result<Vec<String>, Error> {
    let mount = json!({ "type": kind, "source": "cgroup", "destination": "/sys/fs/cgroup", "options": options });
    let spec = config(namespaces, json!({}), json!([mount]));
    planned(&spec, &Facts { cgroup, ..facts() }).map(|(steps, _)| steps)
}

#[test]
fn cgroups_show_only_the_containers_own() {
    let unified = || CgroupMounts::Unified { own: "/sys/fs/cgroup/x".into() };
    let legacy = || CgroupMounts::Legacy {
        hierarchies: vec![
            Hierarchy { name: "memory".into(), options: "memory".into(), own: "/c/memory/x".into(), links: vec![] },
            Hierarchy {
                name: "cpu,cpuacct".into(),
                options: "cpu,cpuacct".into(),
                own: "/c/cpu/x".into(),
                links: vec!["cpu".into(), "cpuacct".into()],
            },
        ],
        unified: Some("/c/unified/x".into()),
    };
    let safe = "+nosuid +nodev +noexec";
    for kind in ["cgroup", "cgroup2"] {
        assert_eq!(
            cgroup(unified(), &["mount"], kind, &["ro"]),
            Ok(vec![format!("/mounts/0: rbind /sys/fs/cgroup/x /sys/fs/cgroup +ro {safe}")])
        );
        assert_eq!(
            cgroup(unified(), &["mount", "cgroup"], kind, &["nsdelegate"]),
            Ok(vec![format!("/mounts/0: mount cgroup2 /sys/fs/cgroup [nsdelegate] {safe}")])
        );
    }
    let top = format!("/mounts/0: mount tmpfs /sys/fs/cgroup [mode=755] {safe}");
    assert_eq!(
        cgroup(legacy(), &["mount"], "cgroup", &["ro"]),
        Ok(vec![
            top.clone(),
            format!("/mounts/0: rbind /c/memory/x /sys/fs/cgroup/memory +ro {safe}"),
            format!("/mounts/0: rbind /c/cpu/x /sys/fs/cgroup/cpu,cpuacct +ro {safe}"),
            "/mounts/0: link /sys/fs/cgroup/cpu -> cpu,cpuacct".to_owned(),
            "/mounts/0: link /sys/fs/cgroup/cpuacct -> cpu,cpuacct".to_owned(),
            format!("/mounts/0: rbind /c/unified/x /sys/fs/cgroup/unified +ro {safe}"),
            "/mounts/0: set /sys/fs/cgroup +ro".to_owned(),
        ])
    );
    let new = cgroup(legacy(), &["mount", "cgroup"], "cgroup", &[]).expect("a plan");
    assert_eq!(new[0], top);
    assert_eq!(new[2], format!("/mounts/0: mount cgroup /sys/fs/cgroup/cpu,cpuacct [cpu,cpuacct] {safe}"));
    assert_eq!(new[5], format!("/mounts/0: mount cgroup2 /sys/fs/cgroup/unified [] {safe}"));
    assert_eq!(new.len(), 6);
    let none = CgroupMounts::Legacy { hierarchies: vec![], unified: None };
    assert!(matches!(cgroup(none, &["mount"], "cgroup2", &[]), Err(Error::NoUnified { .. })));
    let nothing = cgroup(CgroupMounts::None, &["mount", "cgroup"], "cgroup", &["rw"]).expect("a plan");
    assert_eq!(
        nothing,
        [format!("/mounts/0: mount tmpfs /sys/fs/cgroup [mode=755,nr_blocks=1,nr_inodes=1] +ro {safe}")]
    );
}

#[test]
fn in_a_user_namespace_the_hosts_network_and_processes_are_shown_not_mounted() {
    let sysfs = json!({ "type": "sysfs", "source": "sysfs", "destination": "/sys", "options": ["nosuid", "ro"] });
    let proc = json!({ "type": "proc", "source": "proc", "destination": "/proc" });
    let list = json!([sysfs, proc]);
    let steps =
        |namespaces: &[&str]| planned(&config(namespaces, json!({}), list.clone()), &facts()).expect("a plan").0;
    let new = ["/mounts/0: mount sysfs /sys [] +ro +nosuid plain", "/mounts/1: mount proc /proc [] plain"];
    assert_eq!(steps(&["mount", "user", "network", "pid"]), new);
    assert_eq!(steps(&["mount"]), new);
    assert_eq!(
        steps(&["mount", "user"]),
        ["/mounts/0: rbind /sys /sys +ro +nosuid r+ro plain", "/mounts/1: rbind /proc /proc plain"]
    );
}

#[test]
fn labels_only_where_selinux_is_on() {
    let list = json!([
        { "type": "tmpfs", "source": "t", "destination": "/a", "options": ["mode=1"] },
        { "type": "tmpfs", "source": "t", "destination": "/b", "options": ["mode=1", "context=\"own:c1,c2\""] },
        { "type": "proc", "source": "p", "destination": "/proc" },
    ]);
    let linux = json!({ "mountLabel": "l:s0:c1,c2", "maskedPaths": ["/m"] });
    let spec = config(&["mount"], linux, list);
    for (selinux, first, masked) in [
        (true, "/mounts/0: mount tmpfs /a [mode=1,context=l:s0:c1,c2]", "/linux/maskedPaths/0: mask /m l:s0:c1,c2"),
        (false, "/mounts/0: mount tmpfs /a [mode=1]", "/linux/maskedPaths/0: mask /m"),
    ] {
        let facts = Facts { selinux, ..facts() };
        let (steps, _) = planned(&spec, &facts).expect("a plan");
        let rest = ["/mounts/1: mount tmpfs /b [mode=1,context=own:c1,c2]", "/mounts/2: mount proc /proc [] plain"];
        assert_eq!(steps, [&[first], &rest[..]].concat());
        let mut plan = Writer::default();
        protect(&spec, &facts, &mut plan).expect("a plan");
        assert_eq!(text(&plan), [masked]);
    }
}

fn made(namespaces: &[&str], list: Value, mounts: Value) -> Result<Vec<String>, Error> {
    let mut plan = Writer::default();
    devices(&config(namespaces, json!({ "devices": list }), mounts), &facts(), &mut plan)?;
    Ok(text(&plan))
}

#[test]
fn default_devices_and_links() {
    let proc = json!([{ "destination": "/proc", "type": "proc" }]);
    assert_eq!(
        made(&["mount"], json!([]), proc).expect("a plan"),
        [
            ": device /dev/null 20666 1:3 0:0",
            ": device /dev/zero 20666 1:5 0:0",
            ": device /dev/full 20666 1:7 0:0",
            ": device /dev/random 20666 1:8 0:0",
            ": device /dev/urandom 20666 1:9 0:0",
            ": device /dev/tty 20666 5:0 0:0",
            ": link /dev/ptmx -> pts/ptmx replace",
            ": link /dev/fd -> /proc/self/fd",
            ": link /dev/stdin -> /proc/self/fd/0",
            ": link /dev/stdout -> /proc/self/fd/1",
            ": link /dev/stderr -> /proc/self/fd/2",
        ]
    );
}

#[test]
fn links_only_to_what_is_there() {
    let links = |mounts: Value, kcore: bool| {
        let mut plan = Writer::default();
        let facts = Facts { kcore, ..facts() };
        devices(&config(&["mount"], json!({}), mounts), &facts, &mut plan).expect("a plan");
        text(&plan).iter().filter(|step| step.contains("-> /proc")).count()
    };
    let proc = json!([{ "destination": "/proc", "type": "proc" }]);
    assert_eq!((links(proc.clone(), true), links(proc, false), links(json!([]), true)), (5, 4, 0));
}

#[test]
fn asked_devices() {
    let list = json!([
        { "path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 8630 },
        { "path": "/opt/q/y", "type": "b", "major": 8, "minor": 1, "fileMode": 384, "uid": 5, "gid": 6 },
        { "path": "/dev/p", "type": "p" },
        { "path": "/dev/null", "type": "u", "major": 1, "minor": 3, "fileMode": 384 },
        { "path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2 },
    ]);
    let asked = [
        "/linux/devices/0: device /dev/x 20666 1:3 0:0 exact",
        "/linux/devices/1: device /opt/q/y 60600 8:1 5:6 exact",
        "/linux/devices/2: device /dev/p 10666 0:0 0:0 exact",
        "/linux/devices/3: device /dev/null 20600 1:3 0:0 exact",
    ];
    let steps = made(&["mount"], list.clone(), json!([])).expect("a plan");
    assert_eq!(steps[5..9], asked);
    assert_eq!(steps.iter().filter(|step| step.contains("/dev/null ")).count(), 1);

    let steps = made(&["mount", "user"], list.clone(), json!([])).expect("a plan");
    assert_eq!(steps[0], ": device /dev/zero 20666 1:5 0:0 from-host");
    assert_eq!(steps[7], asked[2], "a FIFO is nobody's device");

    // In a /dev of the host's nothing is made.
    let dev = json!([{ "source": "/dev", "destination": "/dev/.", "options": ["rbind"] }]);
    assert_eq!(made(&["mount"], list, dev), Ok(vec![asked[1].to_owned()]));
    for wrong in [json!({ "path": "/", "type": "p" }), json!({ "path": "/x", "type": "c", "major": -1, "minor": 0 })] {
        assert!(made(&["mount"], json!([wrong]), json!([])).is_err(), "{wrong}");
    }
}

/// The steps before the mounts, the pivot, and those after it.
fn around(namespaces: &[&str], linux: Value, no_pivot: bool) -> Vec<String> {
    let spec = config(namespaces, linux, json!([]));
    let facts = Facts { no_pivot, ..facts() };
    let mut plan = Writer::default();
    prepare(&spec, &facts, &mut plan).expect("a plan");
    pivot(&spec, &facts, &mut plan);
    protect(&spec, &facts, &mut plan).expect("a plan");
    text(&plan).iter().map(|line| line.split_once(": ").expect("a place").1.to_owned()).collect()
}

#[test]
fn propagations() {
    let (parent, open) = ("parent-private /bundle/rootfs", "open-root /bundle/rootfs bind");
    let private = "open-root /bundle/rootfs bind private";
    for (asked, expected) in [
        ("", vec!["propagation rslave", private, "pivot"]),
        ("private", vec!["propagation rprivate", open, "pivot"]),
        ("slave", vec!["propagation rslave", open, "pivot"]),
        ("rslave", vec!["propagation rslave", open, "pivot"]),
        ("shared", vec!["propagation shared", parent, open, "pivot", "root-propagation shared"]),
        ("rshared", vec!["propagation rshared", parent, open, "pivot", "root-propagation rshared"]),
        ("unbindable", vec!["propagation rslave", private, "pivot", "root-propagation unbindable"]),
    ] {
        assert_eq!(around(&["mount"], json!({ "rootfsPropagation": asked }), false), expected, "{asked}");
    }
    assert_eq!(around(&["mount"], json!({}), true)[2], "move-root");
    // The host's mounts are left alone.
    assert_eq!(around(&[], json!({ "maskedPaths": ["/m"] }), false), ["open-root /bundle/rootfs", "chroot"]);
}

#[test]
fn each_path_is_masked_once() {
    let linux = json!({ "readonlyPaths": ["/b", "/b/", "/c"], "maskedPaths": ["/m", "/x/../m", "/n", "//m"] });
    assert_eq!(around(&["mount"], linux, false)[3..], ["mask /m", "mask /n", "readonly /b", "readonly /c"]);
}

#[test]
fn a_read_only_root() {
    let spec: Spec = serde_json::from_value(json!({
        "ociVersion": "1.3.0", "root": { "path": "rootfs", "readonly": true },
        "linux": { "namespaces": [{ "type": "mount" }], "rootfsPropagation": "runbindable" },
        "process": { "cwd": "/w", "args": ["x"], "user": { "uid": 0, "gid": 0 } },
    }))
    .expect("a config");
    let mut plan = Writer::default();
    protect(&spec, &facts(), &mut plan).expect("a plan");
    assert_eq!(
        text(&plan),
        [
            "/process/cwd: directory /w",
            "/root/readonly: readonly-root",
            "/linux/rootfsPropagation: root-propagation runbindable"
        ]
    );
}

#[test]
fn known_options_are_sorted_and_single() {
    let names = crate::known_mount_options();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(names.contains(&"rro") && names.contains(&"idmap") && names.contains(&"tmpcopyup"));
}

/// What masked and read-only paths lie in is the last that is mounted at them or above, not what that hides.
#[test]
fn mounts_are_held_that_protected_paths_lie_in() {
    let tmpfs =
        |target: &str| json!({ "type": "tmpfs", "source": "t", "destination": target, "options": ["mode=755"] });
    let bind = |target: &str| json!({ "source": "/s", "destination": target, "options": ["bind"] });
    let mounts = json!([
        tmpfs("/a/b"),
        tmpfs("/a"),
        bind("/a/c"),
        bind("/x"),
        tmpfs("/xy"),
        json!({ "destination": "/x", "options": ["bind", "remount", "ro"] }),
        bind("/file"),
    ]);
    let linux = json!({ "maskedPaths": ["/a/b/secret", "/a/c/d/e", "/xy", "/z"], "readonlyPaths": ["/file"] });
    let (lines, _) = planned(&config(&["mount"], linux, mounts), &facts()).expect("a plan");
    let held: Vec<_> = lines.iter().filter(|line| line.ends_with(" held")).map(|line| &line[..9]).collect();
    assert_eq!(held, ["/mounts/1", "/mounts/2", "/mounts/4", "/mounts/6"], "{lines:#?}");
}
