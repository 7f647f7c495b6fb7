//! Containers of an ordinary user, in a user namespace of his own and without anybody's help.

use harness::{Bundle, Call, Outcome, bundle, eventually, need_cofferdam, need_root, programs, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user that exists only as a number.
pub(crate) const USER: u32 = 54_321;

/// A bundle that belongs to a user, and the calls that he makes.
pub(crate) struct Rootless {
    pub(crate) bundle: Bundle,
    /// What root does first, in a mount namespace of the call's own.
    pub(crate) before: String,
}

impl Rootless {
    /// A bundle with the config that `spec --rootless` gives him, less the terminal.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let bundle = Bundle::new();
        fs::remove_file(bundle.folder().join("config.json")).unwrap();
        owned(bundle.folder());
        let tag = json!(format!("COFFERDAM_TEST={}", bundle.tag()));
        let mut user = Rootless { bundle, before: String::new() };
        user.call(&["spec", "--rootless"]).ok();
        let file = user.bundle.folder().join("config.json");
        user.bundle.config = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        user.bundle.set("/process/terminal", json!(false));
        user.bundle.set("/process/env/-", tag);
        user.bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
        user.bundle.set("/root/readonly", json!(false));
        user
    }

    /// A call of the runtime by the user.
    pub(crate) fn call(&self, arguments: &[&str]) -> Call {
        let script =
            format!("set -e\n{}\nexec setpriv --reuid {USER} --regid {USER} --clear-groups \"$@\"", self.before);
        let root = self.bundle.state_folder();
        Call::new(&programs::find("unshare").expect("unshare"), self.bundle.folder())
            .args(["--mount", "/bin/sh", "-c", &script, "sh"])
            .args([programs::runtime().as_os_str(), "--root".as_ref(), root.as_os_str()])
            .args(arguments)
            .cwd(self.bundle.folder())
            .env("COFFERDAM_TEST", self.bundle.tag())
    }

    /// `run`: what came of it.
    #[track_caller]
    pub(crate) fn run(&self) -> Outcome {
        self.call(&["run", self.bundle.id()]).outcome()
    }

    /// `run` of the probe: what it saw.
    #[track_caller]
    pub(crate) fn probe(&mut self, questions: &[&str]) -> Value {
        let arguments: Vec<&str> = ["/probe"].iter().chain(questions).copied().collect();
        self.bundle.set("/process/args", json!(arguments));
        bundle::seen(&self.run().ok())
    }

    #[track_caller]
    fn status(&self) -> String {
        let state = self.call(&["state", self.bundle.id()]).ok().out;
        serde_json::from_str::<Value>(&state).unwrap()["status"].as_str().unwrap().to_owned()
    }
}

/// Gives the user a folder with all that is in it.
fn owned(path: &Path) {
    std::os::unix::fs::lchown(path, Some(USER), Some(USER)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            owned(&entry.unwrap().path());
        }
    }
}

/// What lets the user have 65536 more ids: files that say so, put over the host's for that call alone.
fn ranges(bundle: &Bundle) -> String {
    let folder = bundle.folder();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    fs::write(folder.join("passwd"), format!("{passwd}cofferdam-test:x:{USER}:{USER}::/:/bin/sh\n")).unwrap();
    fs::write(folder.join("subids"), "cofferdam-test:200000:65536\n").unwrap();
    let bind = |file: &str, over: &str| format!("mount --bind {} {over}\n", folder.join(file).display());
    bind("passwd", "/etc/passwd") + &bind("subids", "/etc/subuid") + &bind("subids", "/etc/subgid")
}

/// Whether more ids than the own one can be had.
fn has_ranges() -> bool {
    ["newuidmap", "newgidmap"].iter().all(|name| programs::find(name).is_some())
        && ["/etc/subuid", "/etc/subgid"].iter().all(|path| Path::new(path).exists())
}

/// A bundle whose container has the user as its root and 65536 ids more.
fn with_ranges() -> Rootless {
    let mut user = Rootless::new();
    user.before = ranges(&user.bundle);
    let map = json!([
        {"containerID": 0, "hostID": USER, "size": 1}, {"containerID": 1, "hostID": 200_000, "size": 65_536},
    ]);
    user.bundle.set("/linux/uidMappings", map.clone());
    user.bundle.set("/linux/gidMappings", map);
    user
}

fn live(user: &Rootless) {
    let id = user.bundle.id();
    user.call(&["create", id]).ok();
    assert_eq!(user.status(), "created");
    user.call(&["start", id]).ok();
    assert_eq!(user.status(), "running");
    let seen = bundle::seen(&user.call(&["exec", id, "/probe", "read:/proc/self/uid_map"]).ok());
    assert_eq!(seen["status"]["Uid"], "0 0 0 0");
    let map = seen["answers"]["read:/proc/self/uid_map"].as_str().unwrap();
    assert_eq!(map.split_whitespace().take(3).collect::<Vec<_>>(), ["0", "54321", "1"]);
    user.call(&["exec", id, "/bin/sh", "-c", "echo >/made; exit 7"]).outcome().exits(7);
    assert_eq!(fs::metadata(user.bundle.rootfs("/made")).unwrap().uid(), USER);
    user.call(&["exec", "--user", "4000000000", id, "/bin/true"]).fails();
    let listed = user.call(&["list"]).ok().out;
    assert!(listed.contains(id) && listed.contains("running"), "{listed}");
    user.call(&["delete", id]).fails();
    user.call(&["kill", id, "KILL"]).ok();
    eventually("it is stopped", || user.status() == "stopped");
    user.call(&["delete", id]).ok();
    user.call(&["state", id]).fails().says("does not exist");
}

#[test]
fn a_whole_life_with_one_id() {
    need_root!();
    let user = Rootless::new();
    live(&user);
    user.bundle.assert_nothing_left();
}

#[test]
fn a_whole_life_with_ranges_of_ids() {
    need_root!();
    if !has_ranges() {
        skip!("newuidmap(1), newgidmap(1) or their files are not there");
    }
    let before = ["/etc/subuid", "/etc/subgid", "/etc/passwd"].map(|path| fs::read(path).unwrap());
    let user = with_ranges();
    live(&user);
    user.bundle.assert_nothing_left();
    assert_eq!(["/etc/subuid", "/etc/subgid", "/etc/passwd"].map(|path| fs::read(path).unwrap()), before);
}

#[test]
fn ids_that_the_user_does_not_have_are_refused() {
    need_root!();
    need_cofferdam!("it does not say which");
    let mut user = Rootless::new();
    for (pointer, place) in [("/linux/uidMappings", "uid"), ("/linux/gidMappings", "gid")] {
        let own = user.bundle.config.pointer(pointer).unwrap().clone();
        for map in [
            json!([{"containerID": 0, "hostID": 0, "size": 1}]),
            json!([{"containerID": 0, "hostID": USER, "size": 1}, {"containerID": 1, "hostID": 200_000, "size": 65_536}]),
        ] {
            user.bundle.set(pointer, map);
            user.run().fails().says(place);
            user.bundle.assert_nothing_left();
        }
        user.bundle.set(pointer, own);
    }
}

#[test]
fn more_groups_need_more_ids() {
    need_root!();
    let mut user = Rootless::new();
    user.bundle.set("/process/user/additionalGids", json!([0]));
    user.run().fails().says("additional");
    user.bundle.assert_nothing_left();
    if programs::is_cofferdam() && has_ranges() {
        let mut user = with_ranges();
        user.bundle.set("/process/user", json!({"uid": 1000, "gid": 1001, "additionalGids": [5, 10]}));
        let seen = user.probe(&["stat:/proc/self"]);
        assert_eq!(seen["status"]["Uid"], "1000 1000 1000 1000");
        assert_eq!(seen["status"]["Gid"], "1001 1001 1001 1001");
        assert_eq!(seen["status"]["Groups"], "5 10");
        user.bundle.assert_nothing_left();
    }
}

#[test]
fn an_exec_with_more_groups_is_refused_too() {
    need_root!();
    need_cofferdam!("Debian's runc has no such option");
    let user = Rootless::new();
    let id = user.bundle.id();
    user.call(&["run", "--detach", id]).ok();
    user.call(&["exec", "--additional-gids", "0", id, "/bin/true"]).fails().says("additional");
    user.call(&["exec", id, "/bin/true"]).ok();
    user.call(&["delete", "--force", id]).ok();
    user.bundle.assert_nothing_left();
}

#[test]
fn devices_are_the_hosts() {
    need_root!();
    let mut user = Rootless::new();
    let questions = ["stat:/dev/null", "stat:/dev/zero", "stat:/dev/tty", "write:/dev/null=x"];
    let seen = user.probe(&questions);
    for (question, numbers) in questions.iter().zip([(1, 3), (1, 5), (5, 0)]) {
        let node = &seen["answers"][question];
        assert_eq!(
            (&node["kind"], &node["major"], &node["minor"]),
            (&json!("character"), &json!(numbers.0), &json!(numbers.1))
        );
        assert_eq!(node["device"], fs::metadata("/dev/null").unwrap().dev());
    }
    assert_eq!(seen["answers"]["write:/dev/null=x"], "ok");
    user.bundle.assert_nothing_left();
}

#[test]
fn a_device_that_the_host_has_not_is_refused_with_its_place() {
    need_root!();
    need_cofferdam!("it has no places");
    let user = Rootless::new();
    let device = json!([{"path": "/dev/cofferdam-none", "type": "c", "major": 1, "minor": 3}]);
    let mut user = user;
    user.bundle.set("/linux/devices", device);
    user.run().fails().says("/linux/devices/0").says("/dev/cofferdam-none");
    user.bundle.assert_nothing_left();
}

#[test]
fn without_a_right_to_cgroups_a_container_can_do_without_one() {
    need_root!();
    let mut user = Rootless::new();
    let seen = user.probe(&[]);
    let tag = user.bundle.tag().to_owned();
    assert!(!seen["cgroup"].to_string().contains(&tag), "{}", seen["cgroup"]);
    for (pointer, value) in [
        ("/linux/resources/memory", json!({"limit": 100_000_000})),
        ("/linux/resources/pids", json!({"limit": 10})),
        ("/linux/cgroupsPath", json!(format!("/cofferdam-test-{tag}"))),
    ] {
        let mut user = Rootless::new();
        user.bundle.set(pointer, value);
        user.run().fails().says("cgroup");
        user.bundle.assert_nothing_left();
    }
}

#[test]
fn what_needs_a_cgroup_says_so() {
    need_root!();
    need_cofferdam!("some of it passes");
    let user = Rootless::new();
    let id = user.bundle.id();
    user.call(&["run", "--detach", id]).ok();
    for arguments in [&["pause", id][..], &["update", "--pids-limit", "10", id]] {
        user.call(arguments).fails().says("cgroup");
        assert_eq!(user.status(), "running");
    }
    user.call(&["kill", "--all", id, "KILL"]).ok();
    eventually("it is stopped", || user.status() == "stopped");
    user.call(&["delete", id]).ok();
    user.bundle.assert_nothing_left();
}
