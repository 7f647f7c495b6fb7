//! config-linux.md: namespaces, mappings of a user namespace, offsets of a time namespace.

use crate::verdict::skip;
use harness::view::answer;
use harness::{Bundle, Call, eventually, programs};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

super::rows! { "namespaces":
    "config-linux.md, namespaces" {
        pid: "`pid`: processes inside see only one another",
        network: "`network`: a network stack of the container's own",
        mount: "`mount`: a mount table of the container's own",
        ipc: "`ipc`: nothing of the host's System V IPC is seen",
        uts: "`uts`: a hostname of the container's own",
        user: "`user`: ids inside are others on the host",
        cgroup: "`cgroup`: cgroups begin at the container's",
        time: "`time`: clocks of the container's own",
        what_is_not_listed_is_the_runtimes: "a type that is not listed is inherited",
        no_mount_namespace_is_the_runtimes: "the mount namespace, too, is inherited where it is not listed",
        a_second_of_a_type_is_refused: "no type is listed twice",
        an_unknown_type_is_refused: "a type that there is not is refused",
        a_path_is_joined: "a namespace with a `path` is joined",
        a_pid_namespace_is_joined: "a PID namespace with a `path` is joined",
        a_mount_namespace_is_joined: "a mount namespace with a `path` is joined",
        a_user_namespace_is_joined: "a user namespace with a `path` is joined, with others that it owns",
        a_time_namespace_is_joined: "a time namespace with a `path` is joined",
        a_relative_path_is_refused: "`path` is absolute",
        a_path_of_another_type_is_refused: "`path` is a namespace of that type",
        a_path_of_no_namespace_is_refused: "`path` is a namespace",
    }
    "config-linux.md, user namespace mappings" {
        ids_are_mapped: "ids are mapped as asked, in several ranges",
        files_keep_their_owners: "mappings change no file's owner",
        size_is_required: "`size` is required",
        container_id_is_required: "`containerID` is required",
        host_id_is_required: "`hostID` is required",
        mappings_need_a_user_namespace: "mappings that can't be applied are an error",
        a_user_namespace_needs_mappings: "a new user namespace has mappings",
    }
    "config-linux.md, offset for time namespace" {
        offsets_are_applied: "`secs` and `nanosecs` are the offsets of `monotonic` and `boottime`",
        an_offset_may_be_negative: "`secs` may be negative",
        each_member_of_an_offset_may_be_absent: "`secs` and `nanosecs`, and either clock, may be absent",
        an_unknown_clock_is_refused: "a clock that there is not is refused",
        offsets_need_a_new_time_namespace: "offsets that can't be applied are an error",
    }
}

fn own(kind: &str) -> String {
    at(&format!("/proc/self/ns/{kind}"))
}

fn at(path: &str) -> String {
    fs::read_link(path).unwrap_or_else(|error| panic!("{path}: {error}")).to_string_lossy().into_owned()
}

/// A process of the host in namespaces of its own, as unshare(1) makes them: where `/proc` shows them.
fn elsewhere(bundle: &Bundle, options: &[&str], kind: &str) -> String {
    let unshare = programs::find("unshare").expect("unshare");
    let call = Call::new(&unshare, bundle.folder()).args(options).args(["sleep", "1000"]);
    // The bundle ends it by its environment.
    let child = call.env("COFFERDAM_TEST", bundle.tag()).begin().child;
    let folder = format!("/proc/{}/ns", child.id());
    let there = |path: &str| fs::read_link(path).is_ok_and(|link| !link.as_os_str().is_empty());
    eventually("the namespaces are there", || {
        let path = format!("{folder}/{kind}");
        let plain = kind.split('_').next().unwrap_or(kind);
        there(&path) && at(&path) != own(plain)
    });
    folder
}

/// A bundle whose namespaces of those kinds are the ones of a folder: `("network", "net")`.
fn joining(bundle: Bundle, folder: &str, kinds: &[(&str, &str)]) -> Bundle {
    kinds.iter().fold(bundle, |bundle, (kind, file)| {
        let path = json!({"type": kind, "path": format!("{folder}/{file}")});
        bundle.without_namespace(kind).with("/linux/namespaces/-", path)
    })
}

/// Fails unless the container's namespace of that kind is new; what the probe saw.
#[track_caller]
fn new(kind: &str, mut bundle: Bundle, questions: &[&str]) -> Value {
    let seen = bundle.probe(questions);
    assert_ne!(seen["namespaces"][kind], own(kind));
    seen
}

fn pid() {
    let seen = new("pid", Bundle::new(), &["list:/proc"]);
    assert_eq!(seen["pid"], 1);
    let names = answer(&seen, "list:/proc").as_array().expect("names");
    let numbers: Vec<&str> =
        names.iter().filter_map(Value::as_str).filter(|name| name.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["1"]);
}

fn network() {
    let seen = new("net", Bundle::new(), &["list:/sys/class/net"]);
    assert_eq!(answer(&seen, "list:/sys/class/net"), &json!(["lo"]));
}

fn mount() {
    new("mnt", Bundle::new(), &[]);
    let bundle = Bundle::of_sleep();
    bundle.up();
    assert_eq!(bundle.footprint().mounts, [""; 0]);
}

fn ipc() {
    let bundle = Bundle::new();
    let on_the_host = |program: &str, arguments: &[&str]| {
        Call::new(&programs::find(program).expect("util-linux"), bundle.folder()).args(arguments).ok().out
    };
    let queue = on_the_host("ipcmk", &["-Q"]);
    let seen = new("ipc", Bundle::new(), &["read:/proc/sysvipc/msg"]);
    on_the_host("ipcrm", &["-q", queue.split_whitespace().last().expect("a number")]);
    assert_eq!(answer(&seen, "read:/proc/sysvipc/msg").as_str().expect("text").lines().count(), 1);
}

fn uts() {
    let before = fs::read_to_string("/proc/sys/kernel/hostname").expect("the host's name");
    assert_eq!(new("uts", Bundle::new(), &[])["hostname"], "inside");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").expect("the host's name"), before);
}

fn user() {
    let bundle = Bundle::of_sleep().in_user_namespace();
    bundle.up();
    assert_ne!(at(&format!("/proc/{}/ns/user", bundle.pid())), own("user"));
    assert_eq!(fs::metadata(format!("/proc/{}", bundle.pid())).expect("the process").uid(), 100_000);
    assert_eq!(bundle.exec_probe(&[], &[])["status"]["Uid"], "0 0 0 0");
}

fn cgroup() {
    let seen = new("cgroup", Bundle::new().with("/linux/namespaces/-", json!({"type": "cgroup"})), &[]);
    for line in seen["cgroup"].as_array().expect("cgroups") {
        assert!(line.as_str().is_some_and(|line| line.ends_with(":/")), "{line}");
    }
}

/// A bundle with a time namespace of its own.
fn with_time() -> Bundle {
    if !Path::new("/proc/self/ns/time").exists() {
        skip("the kernel has no time namespaces");
    }
    Bundle::new().with("/linux/namespaces/-", json!({"type": "time"}))
}

fn time() {
    new("time", with_time(), &[]);
}

fn what_is_not_listed_is_the_runtimes() {
    for (kind, file) in [("pid", "pid"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts")] {
        let mut bundle = Bundle::new().without_namespace(kind).without_mounts(&["mqueue", "sysfs"]);
        if kind == "uts" {
            bundle.remove("/hostname");
        }
        let seen = bundle.probe(&[]);
        assert_eq!(seen["namespaces"][file], own(file));
        for file in ["cgroup", "time", "user"].iter().filter(|file| Path::new("/proc/self/ns").join(file).exists()) {
            assert_eq!(seen["namespaces"][file], own(file));
        }
    }
}

fn no_mount_namespace_is_the_runtimes() {
    let mut bundle = Bundle::new().without_namespace("mount").with("/process/args", json!(["/probe"]));
    for paths in ["/linux/maskedPaths", "/linux/readonlyPaths"] {
        bundle.remove(paths);
    }
    // In one of its own, so that what is mounted is gone with it.
    let (runtime, root) = (programs::runtime(), bundle.state_folder());
    let outcome = Call::new(&programs::find("unshare").expect("unshare"), bundle.folder())
        .args(["--mount", "sh", "-c", "readlink /proc/self/ns/mnt; exec \"$@\"", "sh"])
        .args([runtime.as_os_str(), "--root".as_ref(), root.as_os_str(), "run".as_ref(), bundle.id().as_ref()])
        .cwd(bundle.folder())
        .ok();
    let (namespace, seen) = outcome.out.split_once('\n').expect("two lines");
    let seen: Value = serde_json::from_str(seen).expect("JSON");
    assert_eq!(seen["namespaces"]["mnt"], namespace);
}

fn a_second_of_a_type_is_refused() {
    let bundle = Bundle::new().with("/linux/namespaces/-", json!({"type": "pid"}));
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn an_unknown_type_is_refused() {
    for kind in ["nonesuch", "net", "mnt", ""] {
        let bundle = Bundle::new().with("/linux/namespaces/-", json!({"type": kind}));
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}

fn a_path_is_joined() {
    let kinds = [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("cgroup", "cgroup")];
    let bundle = Bundle::new().without_mounts(&["cgroup"]);
    let folder = elsewhere(&bundle, &["--net", "--ipc", "--uts", "--cgroup"], "cgroup");
    let mut bundle = joining(bundle, &folder, &kinds);
    bundle.remove("/hostname");
    let seen = bundle.probe(&[]);
    for (_, file) in kinds {
        assert_eq!(seen["namespaces"][file], at(&format!("{folder}/{file}")));
    }
    for file in ["mnt", "pid"] {
        assert_ne!(seen["namespaces"][file], own(file));
    }
}

fn a_pid_namespace_is_joined() {
    let bundle = Bundle::new();
    let folder = elsewhere(&bundle, &["--pid", "--fork"], "pid_for_children");
    let mut bundle = joining(bundle, &folder, &[("pid", "pid_for_children")]);
    let seen = bundle.probe(&["read:/proc/1/comm"]);
    assert_eq!(seen["namespaces"]["pid"], at(&format!("{folder}/pid_for_children")));
    assert_eq!(answer(&seen, "read:/proc/1/comm"), "sleep");
}

fn a_mount_namespace_is_joined() {
    let bundle = Bundle::new();
    let folder = elsewhere(&bundle, &["--mount"], "mnt");
    let mut bundle = joining(bundle, &folder, &[("mount", "mnt")]);
    let seen = bundle.probe(&[]);
    assert_eq!(seen["namespaces"]["mnt"], at(&format!("{folder}/mnt")));
}

fn a_user_namespace_is_joined() {
    let bundle = Bundle::new();
    let folder = elsewhere(&bundle, &["--user", "--net", "--ipc", "--uts"], "uts");
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("{folder}/../{map}"), "0 100000 65536").expect("the map");
    }
    let kinds = [("user", "user"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts")];
    let mut bundle = joining(bundle, &folder, &kinds);
    bundle.remove("/hostname");
    let seen = bundle.probe(&[]);
    for (_, file) in kinds {
        assert_eq!(seen["namespaces"][file], at(&format!("{folder}/{file}")));
    }
    assert_eq!(seen["status"]["Uid"], "0 0 0 0");
}

fn a_time_namespace_is_joined() {
    drop(with_time());
    let bundle = Bundle::new();
    let folder = elsewhere(&bundle, &["--time", "--boottime", "7000"], "time_for_children");
    let mut bundle = joining(bundle, &folder, &[("time", "time_for_children")]);
    let seen = bundle.probe(&[]);
    assert_eq!(seen["namespaces"]["time"], at(&format!("{folder}/time_for_children")));
}

fn a_relative_path_is_refused() {
    let bundle = Bundle::new();
    let up = "../".repeat(bundle.folder().components().count() - 1);
    let path = format!("{up}proc/{}/ns/net", std::process::id());
    let bundle = bundle.with("/linux/namespaces/1", json!({"type": "network", "path": path}));
    assert!(bundle.folder().join(path).exists());
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn a_path_of_another_type_is_refused() {
    let bundle = Bundle::new();
    let folder = elsewhere(&bundle, &["--net", "--ipc"], "ipc");
    for file in ["ipc", "mnt", "user"] {
        let path = format!("{folder}/{file}");
        let bundle = Bundle::new().with("/linux/namespaces/1", json!({"type": "network", "path": path}));
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}

fn a_path_of_no_namespace_is_refused() {
    for path in ["/etc/passwd", "/nowhere", "/proc/self/ns", "/dev/null"] {
        let bundle = Bundle::new().with("/linux/namespaces/1", json!({"type": "network", "path": path}));
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}

fn ids_are_mapped() {
    let ranges = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}, {"containerID": 2000, "hostID": 300_000, "size": 5}]);
    let mut bundle = Bundle::new().in_user_namespace();
    bundle.set("/linux/uidMappings", ranges.clone());
    bundle.set("/linux/gidMappings/0/size", json!(5000));
    let seen = bundle.probe(&["read:/proc/self/uid_map", "read:/proc/self/gid_map"]);
    let map = |question: &str| -> Vec<String> {
        answer(&seen, question).as_str().expect("a map").split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(map("read:/proc/self/uid_map"), ["0", "100000", "1000", "2000", "300000", "5"]);
    assert_eq!(map("read:/proc/self/gid_map"), ["0", "100000", "5000"]);
}

fn files_keep_their_owners() {
    let mut bundle = Bundle::new().in_user_namespace();
    let seen = bundle.probe(&["stat:/etc/passwd"]);
    assert_eq!(answer(&seen, "stat:/etc/passwd")["uid"], 65534);
    assert_eq!(fs::metadata(bundle.rootfs("etc/passwd")).expect("the file").uid(), 0);
}

/// Fails unless a mapping without that member is refused.
#[track_caller]
fn required(member: &str) {
    let mut bundle = Bundle::new().in_user_namespace();
    bundle.remove(&format!("/linux/uidMappings/0/{member}"));
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn size_is_required() {
    required("size");
}

fn container_id_is_required() {
    required("containerID");
}

fn host_id_is_required() {
    required("hostID");
}

fn mappings_need_a_user_namespace() {
    let bundle = Bundle::new().in_user_namespace().without_namespace("user");
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn a_user_namespace_needs_mappings() {
    let bundle = Bundle::new().with("/linux/namespaces/-", json!({"type": "user"}));
    bundle.create().fails();
    bundle.assert_nothing_left();
}

/// The offsets that the container has: seconds and nanoseconds of `monotonic` and `boottime`.
fn offsets(asked: Value) -> Vec<[String; 2]> {
    let seen = with_time().with("/linux/timeOffsets", asked).probe(&[]);
    let text = seen["timens_offsets"].as_str().expect("offsets").to_owned();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    text.lines().map(words).map(|words| [words[1].clone(), words[2].clone()]).collect()
}

fn offsets_are_applied() {
    let found =
        offsets(json!({"monotonic": {"secs": 7881, "nanosecs": 2_718_281}, "boottime": {"secs": 1337, "nanosecs": 3}}));
    assert_eq!(found, [["7881", "2718281"], ["1337", "3"]]);
    let uptime = |text: &str| text.split('.').next().and_then(|secs| secs.parse::<u64>().ok()).expect("seconds");
    let seen =
        with_time().with("/linux/timeOffsets", json!({"boottime": {"secs": 1_000_000}})).probe(&["read:/proc/uptime"]);
    let outside = uptime(&fs::read_to_string("/proc/uptime").expect("the uptime"));
    let inside = uptime(answer(&seen, "read:/proc/uptime").as_str().expect("text"));
    assert!((outside + 999_900..=outside + 1_000_000).contains(&inside), "{inside} {outside}");
}

fn an_offset_may_be_negative() {
    assert_eq!(offsets(json!({"boottime": {"secs": -1}}))[1], ["-1", "0"]);
}

fn each_member_of_an_offset_may_be_absent() {
    assert_eq!(offsets(json!({})), [["0", "0"], ["0", "0"]]);
    assert_eq!(offsets(json!({"monotonic": {}, "boottime": {"nanosecs": 5}})), [["0", "0"], ["0", "5"]]);
    assert_eq!(offsets(json!({"monotonic": {"secs": 5}})), [["5", "0"], ["0", "0"]]);
}

fn an_unknown_clock_is_refused() {
    let bundle = with_time().with("/linux/timeOffsets", json!({"realtime": {"secs": 5}}));
    assert_ne!(bundle.create().code, 0);
    bundle.assert_nothing_left();
}

fn offsets_need_a_new_time_namespace() {
    let bundle = with_time().with("/linux/timeOffsets", json!({"boottime": {"secs": 5}}));
    let folder = elsewhere(&bundle, &["--time"], "time_for_children");
    let bundle = bundle.without_namespace("time");
    bundle.create().fails();
    joining(bundle, &folder, &[("time", "time_for_children")]).create().fails();
}
