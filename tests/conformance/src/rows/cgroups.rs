//! config-linux.md: where a container's cgroup is, whose it is, and the devices that it may use.

use crate::verdict::skip;
use harness::{Bundle, host};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

super::rows! { "cgroups":
    "config-linux.md, cgroups path" {
        an_absolute_path_begins_at_the_mount_point: "an absolute `cgroupsPath` begins at the cgroup mount point",
        a_relative_path_is_the_same_place_each_time: "the same `cgroupsPath` is the same place, whoever asks",
        a_path_that_climbs_stays_below: "`..` in `cgroupsPath` does not lead out of the hierarchy, or is refused",
        without_a_path_there_is_a_default: "without `cgroupsPath` the runtime chooses one, and limits hold",
        a_missing_cgroup_is_made: "a cgroup that is not there is made, with all above it",
        what_was_there_before_stays: "a cgroup above that was there before is not removed by `delete`",
        a_cgroup_that_was_there_before_stays: "nor is one that the container was put into",
        the_process_is_in_the_cgroup: "the program runs in the cgroup from its first moment",
    }
    "config-linux.md, control groups" {
        a_frozen_cgroup_is_refused: "a cgroup that does not fit is refused: a frozen one",
        a_cgroup_in_use_is_refused: "a cgroup that does not fit is refused: one with processes in it",
    }
    "config-linux.md, cgroup ownership" {
        a_writable_cgroup_is_given_away: "a writable v2 cgroup belongs to the container's user: it and the files listed \
            in `/sys/kernel/cgroup/delegate`, no others",
        a_read_only_cgroup_is_not_given_away: "not if it is mounted read-only",
        a_shared_cgroup_namespace_is_no_reason: "not without a new cgroup namespace",
        v1_is_never_given_away: "not on v1",
    }
    "config-linux.md, allowed device list" {
        a_later_rule_wins: "device rules apply in the listed order",
        what_is_not_said_means_all: "an unset type, major or minor stands for all",
        kinds_are_told_apart: "type `c` is no `b`, type `a` is both",
        reading_is_not_writing: "access is what is said: `r`, `w`, `m`",
        the_default_devices_work: "the devices that are always supplied can be used, whatever is denied",
    }
}

/// The container's folders in all hierarchies.
fn folders(bundle: &Bundle) -> Vec<PathBuf> {
    let found = bundle.footprint().cgroups;
    assert!(!found.is_empty(), "it has no cgroup");
    found
}

fn an_absolute_path_begins_at_the_mount_point() {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let path = bundle.config["linux"]["cgroupsPath"].as_str().expect("a path");
    for folder in folders(&bundle) {
        let top = folder.to_string_lossy().replace(path, "");
        assert!(host::hierarchies().contains(&PathBuf::from(&top)), "{}", folder.display());
        let procs = fs::read_to_string(folder.join("cgroup.procs")).expect("its processes");
        assert!(procs.lines().any(|line| line == bundle.pid().to_string()), "{}: {procs}", folder.display());
    }
}

fn a_relative_path_is_the_same_place_each_time() {
    let mut bundle = Bundle::of_sleep();
    bundle.set("/linux/cgroupsPath", json!(format!("relative-{}/a", bundle.tag())));
    bundle.create().ok();
    let first = folders(&bundle);
    bundle.call(["delete", "--force", bundle.id()]).ok();
    let other = format!("{}other", bundle.tag());
    bundle.call(["create", &other]).ok();
    let second = folders(&bundle);
    bundle.call(["delete", "--force", &other]).ok();
    assert_eq!(first, second);
}

fn a_path_that_climbs_stays_below() {
    let bundle = Bundle::of_sleep();
    let name = format!("climbed-{}", bundle.tag());
    let bundle = bundle.with("/linux/cgroupsPath", json!(format!("/../../../{name}")));
    if bundle.create().code == 0 {
        assert!(folders(&bundle).iter().all(|folder| folder.ends_with(&name)));
    }
    for outside in ["/", "/sys", "/sys/fs"] {
        assert!(!Path::new(outside).join(&name).exists(), "{outside}{name}");
    }
}

fn without_a_path_there_is_a_default() {
    let mut bundle = Bundle::of_sleep().with("/linux/resources/pids", json!({"limit": 29}));
    bundle.remove("/linux/cgroupsPath");
    bundle.create().ok();
    let limits = folders(&bundle).into_iter().filter_map(|folder| fs::read_to_string(folder.join("pids.max")).ok());
    assert!(limits.into_iter().any(|limit| limit.trim() == "29"));
}

fn a_missing_cgroup_is_made() {
    let mut bundle = Bundle::of_sleep();
    bundle.set("/linux/cgroupsPath", json!(format!("/deep-{}/a/b", bundle.tag())));
    bundle.create().ok();
    assert!(bundle.cgroup("pids").is_dir());
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert!(!bundle.cgroup("pids").exists());
}

fn what_was_there_before_stays() {
    let mut bundle = Bundle::of_sleep();
    bundle.set("/linux/cgroupsPath", json!(format!("/before-{}/own", bundle.tag())));
    let own = bundle.cgroup("pids");
    let above = own.parent().expect("a folder");
    fs::create_dir(above).expect("a cgroup");
    bundle.create().ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert!(above.is_dir() && !own.exists());
}

fn a_cgroup_that_was_there_before_stays() {
    let bundle = Bundle::of_sleep();
    let own = bundle.cgroup("pids");
    fs::create_dir(&own).expect("a cgroup");
    bundle.create().ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert!(own.is_dir());
}

fn the_process_is_in_the_cgroup() {
    let mut bundle = Bundle::new();
    let seen = bundle.probe(&[]);
    let path = bundle.config["linux"]["cgroupsPath"].as_str().expect("a path");
    let inside = |controller: &str| {
        let mut lines = seen["cgroup"].as_array().expect("lines").iter().filter_map(Value::as_str);
        lines.any(|line| line.ends_with(path) && (host::pure_v2() || line.contains(&format!(":{controller}:"))))
    };
    for controller in ["cpu", "memory", "pids"].into_iter().filter(|name| host::hierarchy(name).is_some()) {
        assert!(inside(controller), "{controller}: {}", seen["cgroup"]);
    }
}

/// A frozen cgroup; thawed when dropped, so that what is in it can end.
struct Frozen {
    state: PathBuf,
    thawed: &'static str,
}

impl Frozen {
    fn of(bundle: &Bundle) -> Self {
        let (controller, file, frozen, thawed) = if host::pure_v2() {
            ("pids", "cgroup.freeze", "1", "0")
        } else {
            ("freezer", "freezer.state", "FROZEN", "THAWED")
        };
        let folder = bundle.cgroup(controller);
        fs::create_dir(&folder).expect("a cgroup");
        fs::write(folder.join(file), frozen).expect("frozen");
        Frozen { state: folder.join(file), thawed }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(fs::write(&self.state, self.thawed));
    }
}

fn a_frozen_cgroup_is_refused() {
    let bundle = Bundle::of_sleep();
    let _frozen = Frozen::of(&bundle);
    bundle.create().fails();
}

fn a_cgroup_in_use_is_refused() {
    let first = Bundle::of_sleep();
    first.up();
    let second = Bundle::of_sleep().with("/linux/cgroupsPath", first.config["linux"]["cgroupsPath"].clone());
    second.create().fails();
    assert_eq!(first.status(), "running");
}

/// A container whose root is another user of the host, with a cgroup namespace of its own and a writable cgroup.
fn delegated() -> Bundle {
    let map = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
    let mut bundle = Bundle::of_sleep().with("/linux/uidMappings", map.clone()).with("/linux/gidMappings", map);
    bundle.set("/linux/namespaces/-", json!({"type": "user"}));
    bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
    let mounts = bundle.config["mounts"].as_array().expect("mounts");
    let cgroup = mounts.iter().position(|mount| mount["type"] == "cgroup").expect("a cgroup mount");
    bundle.with(&format!("/mounts/{cgroup}/options"), json!(["nosuid", "noexec", "nodev", "rw"]))
}

/// Which files of the container's cgroups belong to its root; `.` is the folder.
fn given_away(bundle: &Bundle) -> Vec<String> {
    bundle.create().ok();
    let is_given = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.uid() == 100_000);
    let mut given = Vec::new();
    for folder in folders(bundle) {
        given.extend(is_given(&folder).then(|| ".".to_owned()));
        let files = fs::read_dir(&folder).expect("a cgroup").flatten().filter(|entry| is_given(&entry.path()));
        given.extend(files.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    }
    given.sort();
    given
}

fn a_writable_cgroup_is_given_away() {
    need_v2();
    let bundle = delegated();
    let given = given_away(&bundle);
    let listed = fs::read_to_string("/sys/kernel/cgroup/delegate").unwrap_or_default();
    let folder = bundle.cgroup("pids");
    let listed = listed.lines().filter(|name| folder.join(name).exists()).map(str::to_owned);
    let mut expected: Vec<String> = listed.chain([".".to_owned()]).collect();
    expected.sort();
    assert_eq!(given, expected);
}

fn a_read_only_cgroup_is_not_given_away() {
    need_v2();
    let mut bundle = delegated();
    let mounts = bundle.config["mounts"].as_array().expect("mounts");
    let cgroup = mounts.iter().position(|mount| mount["type"] == "cgroup").expect("a cgroup mount");
    bundle.set(&format!("/mounts/{cgroup}/options/-"), json!("ro"));
    assert_eq!(given_away(&bundle), Vec::<String>::new());
}

fn a_shared_cgroup_namespace_is_no_reason() {
    need_v2();
    let mut bundle = delegated();
    let namespaces = bundle.config["linux"]["namespaces"].as_array_mut().expect("namespaces");
    namespaces.retain(|namespace| namespace["type"] != "cgroup");
    let namespaces = json!(namespaces);
    bundle.set("/linux/namespaces", namespaces);
    assert_eq!(given_away(&bundle), Vec::<String>::new());
}

fn v1_is_never_given_away() {
    if host::pure_v2() {
        skip("cgroup v2 only");
    }
    assert_eq!(given_away(&delegated()), Vec::<String>::new());
}

fn need_v2() {
    if !host::pure_v2() {
        skip("cgroup v1");
    }
}

/// Which of the opens a list of rules lets through: `open:` reads, `write:` writes. `/fuse` and `/hpet` are character
/// devices of one major number, `/loop` is a block device.
fn let_through(rules: Value, opens: &[&str]) -> Vec<bool> {
    let mut bundle = Bundle::new().with("/linux/resources/devices", rules);
    for (name, kind, major, minor) in [
        ("fuse", FileType::CharacterDevice, 10, 229),
        ("hpet", FileType::CharacterDevice, 10, 228),
        ("loop", FileType::BlockDevice, 7, 0),
    ] {
        mknodat(CWD, bundle.rootfs(name), kind, Mode::from_raw_mode(0o666), makedev(major, minor)).expect("a device");
    }
    let seen = bundle.probe(opens);
    let denied = |open: &&str| seen["answers"][*open].as_str().is_some_and(|said| said.contains("not permitted"));
    opens.iter().map(|open| !denied(open)).collect()
}

fn deny() -> Value {
    json!({"allow": false, "access": "rwm"})
}

fn a_later_rule_wins() {
    let fuse = |allow: bool| json!({"allow": allow, "type": "c", "major": 10, "minor": 229, "access": "rwm"});
    assert_eq!(let_through(json!([deny(), fuse(true)]), &["open:/fuse", "open:/hpet"]), [true, false]);
    assert_eq!(let_through(json!([deny(), fuse(true), fuse(false)]), &["open:/fuse"]), [false]);
    assert_eq!(let_through(json!([deny(), fuse(true), deny()]), &["open:/fuse"]), [false]);
}

fn what_is_not_said_means_all() {
    let opens = ["open:/fuse", "open:/hpet", "open:/loop"];
    assert_eq!(let_through(json!([deny()]), &opens), [false; 3]);
    assert_eq!(let_through(json!([deny(), {"allow": true, "access": "rwm"}]), &opens), [true; 3]);
    let major = json!({"allow": true, "type": "c", "major": 10, "access": "rwm"});
    assert_eq!(let_through(json!([deny(), major]), &opens), [true, true, false]);
}

fn kinds_are_told_apart() {
    let opens = ["open:/fuse", "open:/loop"];
    let all = |kind: &str| json!({"allow": true, "type": kind, "access": "rwm"});
    assert_eq!(let_through(json!([deny(), all("c")]), &opens), [true, false]);
    assert_eq!(let_through(json!([deny(), all("b")]), &opens), [false, true]);
    assert_eq!(let_through(json!([deny(), all("a")]), &opens), [true, true]);
}

fn reading_is_not_writing() {
    let rule = |access: &str| json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": access});
    let opens = ["open:/fuse", "write:/fuse="];
    assert_eq!(let_through(json!([deny(), rule("r")]), &opens), [true, false]);
    assert_eq!(let_through(json!([deny(), rule("w")]), &opens), [false, true]);
    assert_eq!(let_through(json!([deny(), rule("m")]), &opens), [false, false]);
}

fn the_default_devices_work() {
    let mut bundle = Bundle::new().with("/linux/resources/devices", json!([deny()]));
    let devices = ["null", "zero", "full", "random", "urandom", "ptmx"].map(|name| format!("open:/dev/{name}"));
    let questions: Vec<&str> = devices.iter().map(String::as_str).chain(["write:/dev/null=x"]).collect();
    let seen = bundle.probe(&questions);
    for question in questions {
        assert_eq!(seen["answers"][question], "ok", "{question}");
    }
}
