//! Each rule of the specification by an example that breaks it, and by one that just keeps it.

use serde_json::{Value, json};
use spec::{Error, Loaded};

/// A config with something in every section, all of it valid.
fn base() -> Value {
    json!({
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "hostname": "box",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": ["sh"], "env": ["A=b"], "cwd": "/",
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}]
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "hooks": {"prestart": [{"path": "/bin/true"}]},
        "annotations": {"a": "b"},
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "network"}
            ],
            "devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}],
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "maskedPaths": ["/proc/kcore"]
        }
    })
}

/// Puts `value` at `pointer`, making the objects on the way; a null takes away what is there.
fn put(config: &mut Value, pointer: &str, value: &Value) {
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    let mut at = config;
    for part in parent.split('/').skip(1) {
        at = match at {
            Value::Array(items) => &mut items[part.parse::<usize>().expect("an index")],
            other => &mut other[part],
        };
        if at.is_null() {
            *at = json!({});
        }
    }
    match at {
        Value::Array(items) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => items[index] = value.clone(),
            _ => items.push(value.clone()),
        },
        other => {
            let members = other.as_object_mut().expect("an object");
            members.remove(last);
            if !value.is_null() {
                members.insert(last.to_owned(), value.clone());
            }
        }
    }
}

fn with(changes: &[(&str, Value)]) -> Result<Loaded, Error> {
    let mut config = base();
    for (pointer, value) in changes {
        put(&mut config, pointer, value);
    }
    spec::parse(config.to_string().into_bytes())
}

/// Refused at that pointer, with those words.
#[track_caller]
fn refused(changes: &[(&str, Value)], pointer: &str, words: &str) {
    let error = with(changes).map(drop).expect_err(&format!("{changes:?} should be refused"));
    let text = error.to_string();
    assert_eq!(error.pointer(), pointer, "{text}");
    assert!(text.contains(words), "{text:?} lacks {words:?}");
    assert!(!text.contains('\n') && text.len() < 4096);
}

/// Accepted, with so many warnings.
#[track_caller]
fn accepted(changes: &[(&str, Value)], warnings: usize) -> Loaded {
    let loaded = with(changes).unwrap_or_else(|error| panic!("{changes:?}: {error}"));
    assert_eq!(loaded.warnings.len(), warnings, "{:?}", loaded.warnings);
    loaded
}

fn namespaces(kinds: &[&str]) -> Value {
    kinds.iter().map(|kind| json!({"type": kind})).collect()
}

const ALL: &[&str] = &["pid", "ipc", "uts", "mount", "network"];

fn user_namespace() -> (&'static str, Value) {
    ("/linux/namespaces", namespaces(&[ALL, &["user"]].concat()))
}

fn map(container: u32, host: u32, size: u32) -> Value {
    json!({"containerID": container, "hostID": host, "size": size})
}

#[test]
fn the_base_is_valid() {
    let loaded = accepted(&[], 0);
    assert_eq!(loaded.bytes, base().to_string().into_bytes());
}

#[test]
fn top_level() {
    let null = Value::Null;
    refused(&[("/ociVersion", null.clone())], "/ociVersion", "missing");
    refused(&[("/ociVersion", json!("9.9.9"))], "/ociVersion", "from 1.0.0 to 1.3");
    refused(&[("/ociVersion", json!(1))], "/ociVersion", "integer `1`");
    refused(&[("/root", null.clone())], "/root", "root must be specified");
    refused(&[("/root/path", json!(""))], "/root/path", "missing");
    refused(
        &[("/root/path", json!(["x"]))],
        "/root/path",
        "invalid type: sequence".trim_start_matches("invalid type: "),
    );
    refused(&[("/annotations/", json!("x"))], "/annotations/", "must not be empty");
    refused(&[("/annotations/a", json!(1))], "/annotations/a", "expected a string");
    accepted(&[("/process", null.clone())], 0);
    accepted(&[("/linux", null.clone()), ("/hostname", null.clone())], 0);
    accepted(&[("/unknown", json!({"a": [1]})), ("/process/unknown", json!(1)), ("/freebsd", json!(1))], 0);
    accepted(&[("/windows", json!({"x": 1})), ("/vm", json!(7))], 0);
}

#[test]
fn names_need_a_uts_namespace() {
    let shared = ("/linux/namespaces", namespaces(&["pid", "ipc", "mount", "network"]));
    refused(&[shared.clone()], "/hostname", "unable to set hostname without a private UTS namespace");
    refused(&[("/linux", Value::Null)], "/hostname", "unable to set hostname");
    let domain = ("/domainname", json!("d"));
    refused(&[shared.clone(), ("/hostname", json!("")), domain.clone()], "/domainname", "set domainname without");
    accepted(&[shared, ("/hostname", json!("")), ("/domainname", json!(""))], 0);
    accepted(&[domain], 0);
    refused(&[("/hostname", json!("x".repeat(65)))], "/hostname", "at most 64");
    accepted(&[("/hostname", json!("x".repeat(64)))], 0);
}

#[test]
fn process() {
    let null = Value::Null;
    for (change, pointer, words) in [
        (("/process/cwd", json!("work")), "/process/cwd", "Cwd must be an absolute path"),
        (("/process/cwd", json!("")), "/process/cwd", "Cwd property must not be empty"),
        (("/process/cwd", null.clone()), "/process/cwd", "missing: Cwd property must not be empty"),
        (("/process/args", json!([])), "/process/args", "args must not be empty"),
        (("/process/args", null.clone()), "/process/args", "args must not be empty"),
        (("/process/args/0", json!(1)), "/process/args/0", "expected a string"),
        (("/process/env/1", json!("SECRET")), "/process/env/1", "invalid environment variable: missing '='"),
        (("/process/env/1", json!("=SECRET")), "/process/env/1", "name cannot be empty"),
        (("/process/oomScoreAdj", json!(1001)), "/process/oomScoreAdj", "from -1000 to 1000"),
        (("/process/user/uid", json!(4_294_967_295_u32)), "/process/user/uid", "4294967294"),
        (("/process/user/additionalGids", json!([1, 4_294_967_295_u32])), "/process/user/additionalGids/1", "429"),
        (("/process/user/umask", json!(512)), "/process/user/umask", "from 0 to 511"),
        (("/process/rlimits/0/type", json!("RLIMIT_X")), "/process/rlimits/0/type", "RLIMIT_CPU"),
        (("/process/rlimits/0/type", json!("NOFILE")), "/process/rlimits/0/type", "did you mean RLIMIT_NOFILE?"),
        (("/process/rlimits/0/soft", json!(2000)), "/process/rlimits/0/soft", "above the hard limit, 1024"),
        (("/process/rlimits/1", base()["process"]["rlimits"][0].clone()), "/process/rlimits/1", "once"),
        (
            ("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 8})),
            "/process/ioPriority/priority",
            "0 to 7",
        ),
        (
            ("/process/ioPriority", json!({"class": "BEST", "priority": 8})),
            "/process/ioPriority/class",
            "IOPRIO_CLASS_RT",
        ),
        (
            ("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": 20})),
            "/process/scheduler/nice",
            "from -20 to 19",
        ),
        (
            ("/process/scheduler", json!({"policy": "SCHED_OTHER", "priority": 1})),
            "/process/scheduler/priority",
            "scheduler.priority can only be specified for",
        ),
        (
            ("/process/scheduler", json!({"policy": "SCHED_FIFO", "runtime": 1})),
            "/process/scheduler/runtime",
            "can only be specified for SchedDeadline policy",
        ),
        (("/process/scheduler", json!({})), "/process/scheduler/policy", "is required"),
        (("/process/execCPUAffinity", json!({"initial": "3-1"})), "/process/execCPUAffinity/initial", "list of CPUs"),
        (("/process/consoleSize", json!({"height": 70000, "width": 1})), "/process/consoleSize/height", "65535"),
    ] {
        let terminal = ("/process/terminal", json!(true));
        refused(&[terminal, change], pointer, words);
    }
    let text = with(&[("/process/env/1", json!("SECRET"))]).expect_err("no =").to_string();
    assert!(!text.contains("SECRET"), "{text}");
    accepted(&[("/process/consoleSize", json!({"height": 70000, "width": 1}))], 0);
    accepted(&[("/process/env", json!(["A=1", "A=2", "B=", "C==x"]))], 0);
    accepted(&[("/process/scheduler", json!({"policy": "SCHED_IDLE", "nice": 40}))], 0);
    accepted(&[("/process/rlimits/0/hard", json!(u64::MAX))], 0);
    accepted(&[("/process/execCPUAffinity", json!({"initial": " 0-3, 7", "final": ""}))], 0);
}

/// Case B08: the known ones stay, in any case; each unknown name is one warning.
#[test]
fn unknown_capabilities_are_warnings() {
    let set = json!(["CAP_CHOWN", "CAP_FUTURE_X", "cap_kill"]);
    let sets = json!({"bounding": set, "effective": set, "permitted": set, "inheritable": set, "ambient": set});
    let loaded = accepted(&[("/process/capabilities", sets)], 1);
    assert!(loaded.warnings[0].contains("CAP_FUTURE_X"), "{:?}", loaded.warnings);
    let process = loaded.spec.process().clone().expect("a process");
    let bounding = process.capabilities().as_ref().and_then(|sets| sets.bounding().clone()).expect("a set");
    assert_eq!(bounding, [spec::oci::Capability::Chown, spec::oci::Capability::Kill].into());
}

#[test]
fn namespaces_are_listed_once_by_known_names() {
    let listed = |kinds: &[&str]| {
        [("/linux/namespaces", namespaces(kinds)), ("/hostname", json!("")), ("/linux/maskedPaths", json!([]))]
    };
    refused(&listed(&["pid", "uts", "pid"]), "/linux/namespaces/2/type", "duplicated ns");
    refused(&listed(&["net"]), "/linux/namespaces/0/type", "did you mean network?");
    let join = |path: &str| [("/linux/namespaces/5", json!({"type": "cgroup", "path": path}))];
    refused(&join("proc/1/ns/cgroup"), "/linux/namespaces/5/path", "absolute");
    accepted(&join("/proc/1/ns/cgroup"), 0);
    let loaded = accepted(&join(""), 0);
    assert_eq!(spec::namespace(&loaded.spec, spec::oci::LinuxNamespaceType::Cgroup), spec::Namespace::New);
    assert_eq!(spec::namespace(&loaded.spec, spec::oci::LinuxNamespaceType::User), spec::Namespace::Inherited);
}

#[test]
fn maps_go_with_a_new_user_namespace() {
    let (uids, gids) = ("/linux/uidMappings", "/linux/gidMappings");
    let one = json!([map(0, 1000, 1)]);
    refused(&[(gids, one.clone())], gids, "user namespace mappings specified, but user namespace isn't enabled");
    refused(&[user_namespace()], uids, "no namespace path to join nor mappings to apply");
    refused(&[user_namespace(), (uids, one.clone())], gids, "needs both");
    refused(&[user_namespace(), (gids, one.clone())], uids, "needs both");
    accepted(&[user_namespace(), (uids, one.clone()), (gids, one.clone())], 0);
    accepted(&[(uids, json!([])), (gids, Value::Null)], 0);
    let joined = ("/linux/namespaces/5", json!({"type": "user", "path": "/proc/9/ns/user"}));
    accepted(std::slice::from_ref(&joined), 0);
    accepted(&[joined, (uids, one.clone()), (gids, one)], 1);
}

#[test]
fn maps_are_sound() {
    let (uids, gids) = ("/linux/uidMappings", "/linux/gidMappings");
    let many = |count: u32| (0..count).map(|i| map(i, i, 1)).collect::<Value>();
    for (ranges, pointer, words) in [
        (json!([map(0, 0, 0)]), "/linux/uidMappings/0/size", "at least one"),
        (json!([map(0, 1000, 10), map(5, 5000, 1)]), "/linux/uidMappings/1/containerID", "overlap"),
        (json!([map(9, 1005, 1), map(0, 1000, 9)]), "/linux/uidMappings/0/hostID", "overlap"),
        (json!([map(4_294_967_290, 0, 6)]), "/linux/uidMappings/0/containerID", "beyond"),
        (json!([map(0, u32::MAX, 1)]), "/linux/uidMappings/0/hostID", "beyond"),
        (many(341), uids, "at most 340"),
        (many(4000), uids, "at most 340"),
        (json!([{"containerID": -1}]), "/linux/uidMappings/0/containerID", "expected u32"),
    ] {
        refused(&[user_namespace(), (uids, ranges), (gids, json!([map(0, 0, 1)]))], pointer, words);
    }
    for ranges in [many(340), json!([map(0, 0, u32::MAX)]), json!([map(1, 101, 9), map(0, 100, 1)])] {
        accepted(&[user_namespace(), (uids, ranges), (gids, json!([map(0, 0, 1)]))], 0);
    }
}

#[test]
fn time_offsets_need_a_new_time_namespace() {
    let offsets = |value: Value| ("/linux/timeOffsets", value);
    let new = ("/linux/namespaces/5", json!({"type": "time"}));
    let joined = ("/linux/namespaces/5", json!({"type": "time", "path": "/proc/1/ns/time"}));
    let boot = offsets(json!({"boottime": {"secs": -5}}));
    refused(std::slice::from_ref(&boot), "/linux/timeOffsets", "time namespace isn't enabled in the config");
    refused(&[joined, boot.clone()], "/linux/timeOffsets", "both namespace path and time offsets specified");
    refused(&[new.clone(), offsets(json!({"realtime": {}}))], "/linux/timeOffsets", "monotonic and boottime");
    let nanosecs = offsets(json!({"monotonic": {"nanosecs": 1_000_000_000}}));
    refused(&[new.clone(), nanosecs], "/linux/timeOffsets/monotonic/nanosecs", "999999999");
    accepted(&[new, boot], 0);
    accepted(&[offsets(json!({}))], 0);
}

#[test]
fn mounts() {
    let mount = |value: Value| ("/mounts/1", value);
    let maps = json!([map(0, 1000, 1)]);
    for (value, pointer, words) in [
        (json!({"type": "tmpfs"}), "/mounts/1/destination", "is required"),
        (json!({"destination": "", "type": "tmpfs"}), "/mounts/1/destination", "absolute"),
        (json!({"destination": "/x"}), "/mounts/1/type", "add bind or rbind"),
        (json!({"destination": "/x", "type": "none", "source": "/y"}), "/mounts/1/type", "file system"),
        (json!({"destination": "/x", "options": ["bind"]}), "/mounts/1/source", "needs a source"),
        (json!({"destination": "/x", "type": "bind"}), "/mounts/1/source", "needs a source"),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind"], "uidMappings": maps}),
            "/mounts/1/gidMappings",
            "both",
        ),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind"], "gidMappings": maps}),
            "/mounts/1/uidMappings",
            "both",
        ),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind", "idmap"]}),
            "/mounts/1/uidMappings",
            "both uid and gid mappings",
        ),
        (
            json!({"destination": "/x", "source": "/", "options": ["bind"], "uidMappings": [map(0, 0, 0)], "gidMappings": maps}),
            "/mounts/1/uidMappings/0/size",
            "at least one",
        ),
    ] {
        refused(&[mount(value)], pointer, words);
    }
    let mapped = mount(
        json!({"destination": "/x", "source": "/", "options": ["bind", "idmap"], "uidMappings": maps, "gidMappings": maps}),
    );
    accepted(&[mapped], 0);
    let inherits = mount(json!({"destination": "/x", "source": "/", "options": ["rbind", "ridmap"]}));
    accepted(&[inherits, user_namespace(), ("/linux/uidMappings", maps.clone()), ("/linux/gidMappings", maps)], 0);
    accepted(&[mount(json!({"destination": "/x", "options": ["remount", "ro"]}))], 0);
    accepted(&[mount(json!({"destination": "/../x", "type": "tmpfs", "options": ["unknown=1"]}))], 0);
}

/// Case B02.
#[test]
fn binds_are_told_by_their_options() {
    let mount = |value: Value| ("/mounts/1", value);
    accepted(&[mount(json!({"source": "./f", "destination": "m1", "options": ["bind"]}))], 1);
    accepted(&[mount(json!({"source": "./f", "destination": "/m1", "type": "none", "options": ["rbind", "ro"]}))], 0);
    let loaded = accepted(&[mount(json!({"source": "./f", "destination": "/m1", "type": "bind"}))], 1);
    assert!(loaded.warnings[0].starts_with("/mounts/1/options"), "{:?}", loaded.warnings);
    let mounts = loaded.spec.mounts().clone().expect("mounts");
    assert!(spec::is_bind(&mounts[1]) && !spec::is_bind(&mounts[0]));
}

/// Case B14: the file type in a mode is dropped.
#[test]
fn devices() {
    let device = |value: Value| ("/linux/devices/0", value);
    for (value, pointer, words) in [
        (json!({"path": "/dev/x", "type": "x"}), "/linux/devices/0/type", "unknown variant `x`"),
        (json!({"path": "/dev/x", "type": "a"}), "/linux/devices/0/type", "c, b, u or p"),
        (json!({"path": "/dev/x"}), "/linux/devices/0/type", "is required"),
        (json!({"path": "dev/x", "type": "p"}), "/linux/devices/0/path", "absolute"),
        (json!({"type": "p"}), "/linux/devices/0/path", "absolute"),
        (json!({"path": "/dev/x", "type": "c", "major": -1, "minor": 0}), "/linux/devices/0/major", "from 0 to 4095"),
        (
            json!({"path": "/dev/x", "type": "b", "major": 1, "minor": 4_294_967_296_u64}),
            "/linux/devices/0/minor",
            "1048575",
        ),
        (json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 1, "uid": -1}), "/linux/devices/0/uid", "u32"),
        (
            json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 1, "fileMode": "0666"}),
            "/linux/devices/0/fileMode",
            "string",
        ),
    ] {
        refused(&[device(value)], pointer, words);
    }
    for (mode, expected) in
        [(json!(8630), Some(0o666)), (json!(0o10_4755), Some(0o4755)), (json!(384), Some(0o600)), (Value::Null, None)]
    {
        let loaded =
            accepted(&[device(json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": mode}))], 0);
        let devices = loaded.spec.linux().as_ref().and_then(|linux| linux.devices().clone()).expect("devices");
        assert_eq!(devices[0].file_mode(), expected);
    }
    accepted(&[device(json!({"path": "/run/fifo", "type": "p"}))], 0);
    accepted(&[device(json!({"path": "/dev/x", "type": "u", "major": 4095, "minor": 1_048_575}))], 0);
}

/// Case B24 (d): a timeout of 0 is not "no timeout".
#[test]
fn hooks() {
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] {
        let hook = |value: Value| ("/hooks", json!({kind: [{"path": "/ok"}, value]}));
        let at = |name: &str| format!("/hooks/{kind}/1/{name}");
        refused(&[hook(json!({"path": "true"}))], &at("path"), "absolute");
        refused(&[hook(json!({}))], &at("path"), "is required");
        refused(&[hook(json!({"path": "/x", "timeout": 0}))], &at("timeout"), "above 0");
        refused(&[hook(json!({"path": "/x", "timeout": -1}))], &at("timeout"), "above 0");
        accepted(&[hook(json!({"path": "/x", "timeout": 1, "args": [], "env": null}))], 0);
    }
}

#[test]
fn small_sections() {
    for (change, pointer, words) in [
        (("/linux/rootfsPropagation", json!("public")), "/linux/rootfsPropagation", "rprivate"),
        (("/linux/personality", json!({"domain": "LINUX64"})), "/linux/personality/domain", "LINUX32"),
        (("/linux/personality", json!({"domain": "LINUX", "flags": ["X"]})), "/linux/personality/flags/0", "no flags"),
        (("/linux/personality", json!({})), "/linux/personality/domain", "is required"),
        (("/linux/maskedPaths/0", json!("proc")), "/linux/maskedPaths/0", "absolute"),
        (("/linux/readonlyPaths", json!(["/a", ""])), "/linux/readonlyPaths/1", "absolute"),
        (("/linux/intelRdt", json!({"closID": ".."})), "/linux/intelRdt/closID", "invalid intelRdt.ClosID"),
        (("/linux/intelRdt", json!({"closID": "a/b"})), "/linux/intelRdt/closID", "invalid intelRdt.ClosID"),
        (
            ("/linux/intelRdt", json!({"schemata": ["L3:0=f", "L3:0=f\nMB:0=1"]})),
            "/linux/intelRdt/schemata/1",
            "single line",
        ),
        (("/linux/intelRdt", json!({"memBwSchema": "MB:\n"})), "/linux/intelRdt/memBwSchema", "single line"),
        (("/linux/netDevices", json!({"a/b": {}})), "/linux/netDevices", "invalid network device name"),
        (
            ("/linux/netDevices", json!({"eth0": {"name": "far too long a name"}})),
            "/linux/netDevices",
            "invalid network device name",
        ),
        (("/linux/netDevices", json!({"a": {"name": "c"}, "b": {"name": "c"}})), "/linux/netDevices", "must differ"),
    ] {
        refused(&[change], pointer, words);
    }
    let inside = [("/linux/namespaces", namespaces(&["uts"]))];
    refused(&inside, "/linux/maskedPaths", "unable to restrict sys entries without a private MNT namespace");
    let outside = [("/linux/namespaces", namespaces(&["uts", "mount"])), ("/linux/netDevices", json!({"eth0": {}}))];
    refused(&outside, "/linux/netDevices", "unable to move network devices without a NET namespace");
    for propagation in ["", "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"]
    {
        accepted(&[("/linux/rootfsPropagation", json!(propagation))], 0);
    }
    accepted(&[("/linux/netDevices", json!({"eth0": {}, "eth1": {"name": "eth%d"}}))], 0);
    accepted(&[("/linux/intelRdt", json!({"closID": "/", "schemata": ["L3:0=f"]}))], 0);
    accepted(&[("/linux/personality", json!({"domain": "LINUX32", "flags": []}))], 0);
}

/// runc's words, which its users' tests look for.
#[test]
fn memory_policies() {
    let policy = |mode: &str, nodes: &str| [("/linux/memoryPolicy", json!({"mode": mode, "nodes": nodes}))];
    let at = "/linux/memoryPolicy/";
    refused(&policy("INTERLEAVE", "0"), &format!("{at}mode"), "invalid memory policy mode");
    refused(&policy("MPOL_DEFAULT", "0-7"), &format!("{at}nodes"), "mode requires 0 nodes but got 8");
    refused(&policy("MPOL_LOCAL", "1"), &format!("{at}nodes"), "mode requires 0 nodes but got 1");
    refused(&policy("MPOL_BIND", ""), &format!("{at}nodes"), "requires at least one node but got 0");
    refused(&policy("MPOL_BIND", "0-9876543210"), &format!("{at}nodes"), "invalid memory policy nodes");
    refused(&[("/linux/memoryPolicy", json!({"nodes": "0"}))], &format!("{at}mode"), "invalid memory policy mode");
    let flag = json!({"mode": "MPOL_PREFERRED", "flags": ["MPOL_F_RELATIVE_NODES", "badflag"]});
    refused(&[("/linux/memoryPolicy", flag)], &format!("{at}flags/1"), "invalid memory policy flag");
    accepted(&policy("MPOL_PREFERRED", ""), 0);
    accepted(&policy("MPOL_INTERLEAVE", "0,2-3"), 0);
    accepted(&[("/linux/memoryPolicy", json!({"mode": "MPOL_DEFAULT"}))], 0);
}

#[test]
fn sysctls_belong_to_a_namespace() {
    let sysctl = |key: &str| ("/linux/sysctl", json!({key: "1"}));
    for (key, without, words) in [
        ("kernel.shmmax", "ipc", "not allowed in the hosts ipc namespace"),
        ("kernel/shmmax", "ipc", "not allowed in the hosts ipc namespace"),
        ("fs.mqueue.msg_max", "ipc", "not allowed in the hosts ipc namespace"),
        ("net.ipv4.ip_forward", "network", "not allowed in host network namespace"),
        ("kernel.domainname", "uts", "not in a separate kernel namespace"),
    ] {
        let kinds: Vec<_> = ALL.iter().copied().filter(|kind| *kind != without).collect();
        let shared = [("/linux/namespaces", namespaces(&kinds)), ("/hostname", json!("")), sysctl(key)];
        refused(&shared, "/linux/sysctl", words);
        accepted(&[sysctl(key)], 0);
    }
    for (key, words) in [
        ("kernel.hostname", "conflicts with the OCI \"hostname\" field"),
        ("kernel.core_pattern", "not in a separate kernel namespace"),
        ("kernel/sysrq", "not in a separate kernel namespace"),
        ("user.max_user_namespaces", "setting ucounts without a user namespace not allowed"),
        ("net/../kernel/core_pattern", "name of a sysctl"),
        ("net/./x", "name of a sysctl"),
        ("net.ipv4.", "name of a sysctl"),
        ("net//x", "name of a sysctl"),
        ("/net/x", "name of a sysctl"),
        ("net.//.kernel.x", "name of a sysctl"),
        ("", "name of a sysctl"),
    ] {
        refused(&[sysctl(key)], "/linux/sysctl", words);
    }
    accepted(&[sysctl("net.ipv4.conf.eno2/100.rp_filter")], 0);
}

#[test]
fn seccomp() {
    let rule = |value: Value| ("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [value]}));
    let at = |name: &str| format!("/linux/seccomp/syscalls/0/{name}");
    for (value, pointer, words) in [
        (json!({"names": [], "action": "SCMP_ACT_LOG"}), at("names"), "at least one"),
        (json!({"action": "SCMP_ACT_LOG"}), at("names"), "is required"),
        (json!({"names": ["x"], "action": "ERRNO"}), at("action"), "did you mean SCMP_ACT_ERRNO?"),
        (
            json!({"names": ["x"], "action": "SCMP_ACT_LOG", "errnoRet": 1}),
            at("errnoRet"),
            "SCMP_ACT_ERRNO and SCMP_ACT_TRACE only",
        ),
        (json!({"names": ["x"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}), at("errnoRet"), "4095"),
        (
            json!({"names": ["read", "write"], "action": "SCMP_ACT_NOTIFY"}),
            at("action"),
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
        (
            json!({"names": ["x"], "action": "SCMP_ACT_LOG", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}),
            at("args/0/index"),
            "0 to 5",
        ),
        (
            json!({"names": ["x"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 0, "op": "EQUAL"}]}),
            at("args/0/op"),
            "SCMP_CMP_EQ",
        ),
    ] {
        refused(&[rule(value)], &pointer, words);
    }
    let whole = |value: Value| [("/linux/seccomp", value)];
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_NOTIFY"})),
        "/linux/seccomp/defaultAction",
        "SCMP_ACT_NOTIFY cannot be used as default action",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1})),
        "/linux/seccomp/defaultErrnoRet",
        "only",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "listenerMetadata": "x"})),
        "/linux/seccomp/listenerMetadata",
        "without listenerPath",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "listenerPath": "x"})),
        "/linux/seccomp/listenerPath",
        "absolute",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "architectures": ["SCMP_ARCH_X"]})),
        "/linux/seccomp/architectures/0",
        "unknown variant",
    );
    refused(
        &whole(json!({"defaultAction": "SCMP_ACT_KILL", "flags": ["X"]})),
        "/linux/seccomp/flags/0",
        "unknown variant",
    );
    refused(
        &whole(json!({"syscalls": [{"names": ["x"], "action": "SCMP_ACT_LOG"}]})),
        "/linux/seccomp/defaultAction",
        "is required",
    );
    let notify = json!({"names": ["read"], "action": "SCMP_ACT_NOTIFY"});
    refused(&[rule(notify.clone())], "/linux/seccomp/listenerPath", "seccomp listenerPath is not set");
    accepted(&[rule(notify), ("/linux/seccomp/listenerPath", json!("/run/s"))], 0);
    accepted(&[rule(json!({"names": ["no_such_call"], "action": "SCMP_ACT_TRACE", "errnoRet": 65535}))], 0);
    accepted(&whole(json!({})), 0);
}

#[test]
fn resources() {
    let base = "/linux/resources";
    for (name, value, pointer, words) in [
        ("devices", json!([{"allow": true, "type": "p", "access": "r"}]), "devices/0/type", "a, b or c"),
        ("devices", json!([{"allow": true, "access": "rx"}]), "devices/0/access", "r, w and m"),
        ("devices", json!([{"allow": true}]), "devices/0/access", "r, w and m"),
        ("devices", json!([{"allow": true, "access": "r", "major": -2}]), "devices/0/major", "from -1"),
        ("memory", json!({"limit": -2}), "memory/limit", "from -1"),
        ("memory", json!({"limit": 9_223_372_036_854_775_808_u64}), "memory/limit", "i64"),
        ("memory", json!({"limit": 1.5}), "memory/limit", "floating point"),
        ("memory", json!({"limit": "1g"}), "memory/limit", "string"),
        ("memory", json!({"limit": 100, "swap": 99}), "memory/swap", "memory.limit, 100"),
        ("memory", json!({"swappiness": 101}), "memory/swappiness", "from 0 to 100"),
        ("cpu", json!({"period": 999}), "cpu/period", "from 1000"),
        ("cpu", json!({"idle": 2}), "cpu/idle", "from 0 to 1"),
        ("cpu", json!({"quota": 1000, "burst": 1001}), "cpu/burst", "to 1000"),
        ("cpu", json!({"shares": -1}), "cpu/shares", "u64"),
        ("pids", json!({"limit": -2}), "pids/limit", "from -1"),
        ("blockIO", json!({"weight": 9}), "blockIO/weight", "from 10 to 1000"),
        ("blockIO", json!({"weightDevice": [{"major": 1, "minor": 1}]}), "blockIO/weightDevice/0", "leafWeight"),
        (
            "blockIO",
            json!({"throttleReadIOPSDevice": [{"major": -1, "minor": 1}]}),
            "blockIO/throttleReadIOPSDevice/0/major",
            "from 0",
        ),
        ("hugepageLimits", json!([{"pageSize": "2mb", "limit": 1}]), "hugepageLimits/0/pageSize", "2MB"),
        ("hugepageLimits", json!([{"pageSize": "../x", "limit": 1}]), "hugepageLimits/0/pageSize", "2MB"),
        ("hugepageLimits", json!([{"pageSize": "MB", "limit": 1}]), "hugepageLimits/0/pageSize", "2MB"),
        ("hugepageLimits", json!([{"pageSize": "2MB", "limit": -1}]), "hugepageLimits/0/limit", "from 0"),
        ("network", json!({"priorities": [{"name": "", "priority": 1}]}), "network/priorities/0/name", "interface"),
        ("rdma", json!({"mlx": {}}), "rdma", "hcaHandles or hcaObjects"),
        ("unified", json!({"../x": "1"}), "unified", "cgroup v2 file"),
        ("unified", json!({"": "1"}), "unified", "cgroup v2 file"),
        ("unified", json!({"..": "1"}), "unified", "cgroup v2 file"),
    ] {
        refused(&[(&format!("{base}/{name}"), value.clone())], &format!("{base}/{pointer}"), words);
        let alone = spec::parse_resources(json!({name: value}).to_string().as_bytes()).expect_err("refused alone too");
        assert_eq!(alone.pointer(), format!("/{pointer}"));
    }
    for (name, value) in [
        ("memory", json!({"limit": -1, "swap": -1, "reservation": 0, "swappiness": 0})),
        ("memory", json!({"limit": 100, "swap": 100})),
        ("memory", json!({"limit": 100, "swap": 0})),
        ("cpu", json!({"quota": -1, "period": 0, "burst": 7, "shares": 0, "cpus": "0-1"})),
        ("cpu", json!({"shares": 1_048_576, "realtimeRuntime": -1})),
        ("pids", json!({"limit": -1})),
        ("blockIO", json!({"weight": 0, "weightDevice": [{"major": 8, "minor": 0, "weight": 1000}]})),
        ("hugepageLimits", json!([{"pageSize": "64KB", "limit": u64::MAX}])),
        ("hugepageLimits", json!([{"pageSize": "1GB", "limit": 9_223_372_036_854_772_000_u64}])),
        ("unified", json!({"memory.high": "max", "unknown.key": ""})),
        ("devices", json!([{"allow": true, "type": "c", "major": -1, "minor": -1, "access": "mwr"}])),
    ] {
        accepted(&[(&format!("{base}/{name}"), value)], 0);
    }
    accepted(&[("/linux/resources/memory", json!({"kernel": 1, "kernelTCP": 1}))], 1);
}

#[test]
fn a_process_by_itself() {
    let parse = |value: Value| spec::parse_process(value.to_string().as_bytes());
    let (process, warnings) =
        parse(json!({"args": ["a"], "cwd": "/", "capabilities": {"bounding": ["X"]}})).expect("a process");
    assert_eq!((process.user().uid(), warnings.len()), (0, 1));
    for (value, pointer, text) in [
        (json!({"args": ["a"], "cwd": "x"}), "/cwd", "process: /cwd is \"x\": Cwd must be an absolute path"),
        (json!({"args": ["a"]}), "/cwd", "process: /cwd is missing: Cwd property must not be empty"),
        (json!({"cwd": "/"}), "/args", "process: /args is missing: args must not be empty"),
    ] {
        let error = parse(value).expect_err("refused");
        assert_eq!((error.pointer(), error.to_string().as_str()), (pointer, text));
    }
    assert!(spec::parse_process(b"null").is_err());
    let none = accepted(&[("/process", Value::Null)], 0);
    let error = spec::process(&none.spec).expect_err("no process");
    assert!(error.to_string().contains("process property must not be empty"), "{error}");
}
