//! Intel RDT. No machine of ours has it, so the runtime is shown a folder as a resctrl file system: it is called from a
//! mount namespace where its own mountinfo tells of one. Nobody but the test makes the files of a new group there, and
//! takes them away before the group is removed.

use harness::{Bundle, Call, Outcome, need_cofferdam, need_root, programs, skip};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

struct Fake {
    bundle: Bundle,
    root: PathBuf,
}

impl Fake {
    fn new(rdt: Value) -> Self {
        let bundle = Bundle::of_sleep().with("/linux/intelRdt", rdt);
        let root = bundle.folder().join("resctrl");
        fs::create_dir(&root).unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let line = format!("9999 1 0:999 / {} rw,relatime - resctrl resctrl rw\n", root.display());
        fs::write(bundle.folder().join("mountinfo"), mounts + &line).unwrap();
        Fake { bundle, root }
    }

    /// A group that is there already.
    fn group(&self, name: &str, schemata: &str) {
        fs::create_dir_all(self.root.join(name).join("mon_groups")).unwrap();
        fs::write(self.root.join(name).join("schemata"), schemata).unwrap();
        fs::write(self.root.join(name).join("tasks"), "").unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn own_group(&self) -> PathBuf {
        self.root.join(self.bundle.id())
    }

    /// What the kernel takes away with a group.
    fn empty(group: &Path) {
        for file in ["tasks", "schemata"] {
            drop(fs::remove_file(group.join(file)));
        }
    }

    fn call(&self, arguments: &[&str]) -> Outcome {
        let script = r#"mount --bind "$0" /proc/$$/mountinfo && exec "$@""#;
        let (folder, state) = (self.bundle.folder(), self.bundle.state_folder());
        Call::new(Path::new("unshare"), folder)
            .args(["-m", "sh", "-c", script])
            .args([folder.join("mountinfo"), programs::runtime(), "--root".into(), state])
            .args(arguments)
            .cwd(folder)
            .env("COFFERDAM_TEST", self.bundle.tag())
            .outcome()
    }

    fn create(&self) -> Outcome {
        self.call(&["create", self.bundle.id()])
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).unwrap().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

macro_rules! need_fake {
    () => {
        need_root!();
        need_cofferdam!("another one may look at /sys/fs/resctrl alone");
    };
}

#[test]
fn without_a_mount_it_is_an_error() {
    need_root!();
    if fs::read_to_string("/proc/mounts").unwrap().contains(" resctrl ") {
        skip!("resctrl is mounted here");
    }
    let bundle = Bundle::of_sleep().with("/linux/intelRdt", json!({"closID": "a"}));
    let outcome = bundle.call(["--log", "log.json", "--log-format", "json", "create", bundle.id()]).fails();
    assert!(outcome.err.contains("intelRdt is specified in config, but Intel RDT is not enabled"), "{outcome}");
    if programs::is_cofferdam() {
        let log = fs::read_to_string(bundle.folder().join("log.json")).unwrap();
        assert!(log.contains(r#""/linux/intelRdt""#), "{log}");
    }
    bundle.assert_nothing_left();
}

#[test]
fn a_container_without_it_touches_nothing() {
    need_fake!();
    let mut fake = Fake::new(Value::Null);
    fake.bundle.remove("/linux/intelRdt");
    fake.group("a", "L3:0=f\n");
    fake.create().ok();
    assert_eq!(fake.names(), ["a"]);
    assert_eq!(fake.read("a/tasks"), "");
    let event: Value = serde_json::from_str(&fake.call(&["events", "--stats", fake.bundle.id()]).ok().out).unwrap();
    assert_eq!(event["data"]["intel_rdt"], json!({}));
}

#[test]
fn a_group_of_its_own_from_create_to_delete() {
    need_fake!();
    let fake = Fake::new(json!({"memBwSchema": "MB:0=20", "schemata": ["L2:0=3"], "l3CacheSchema": "L3:0=f"}));
    fake.create().ok();
    let name = fake.bundle.id();
    assert_eq!(fake.read(&format!("{name}/schemata")), "L3:0=f\nMB:0=20\nL2:0=3\n");
    assert_eq!(fake.read(&format!("{name}/tasks")), fake.bundle.pid().to_string());
    let event: Value = serde_json::from_str(&fake.call(&["events", "--stats", name]).ok().out).unwrap();
    assert_eq!(event["data"]["intel_rdt"]["schemata"], json!(["L3:0=f", "MB:0=20", "L2:0=3"]));
    let state = fs::read_to_string(fake.bundle.state_folder().join(name).join("state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["intel_rdt_path"], json!(fake.own_group()));
    Fake::empty(&fake.own_group());
    fake.bundle.delete().ok();
    assert!(fake.names().is_empty());
    fake.bundle.assert_nothing_left();
}

#[test]
fn a_group_of_the_config_is_joined_and_stays() {
    need_fake!();
    let fake = Fake::new(json!({"closID": "a", "enableMonitoring": true}));
    fake.create().fails().says("clos dir not accessible");
    fake.bundle.assert_nothing_left();
    assert!(fake.names().is_empty());
    fake.group("a", "L3:0=f\n");
    fake.create().ok();
    let pid = fake.bundle.pid().to_string();
    let watching = fake.root.join("a/mon_groups").join(fake.bundle.id());
    assert_eq!(fake.read("a/tasks"), pid);
    assert_eq!(fs::read_to_string(watching.join("tasks")).unwrap(), pid);
    fake.create().fails().says("container with given ID already exists");
    Fake::empty(&watching);
    fake.bundle.delete().ok();
    assert!(!watching.exists() && fake.root.join("a").exists());
    assert_eq!(fake.read("a/schemata"), "L3:0=f\n");
    fake.bundle.assert_nothing_left();
}

#[test]
fn exec_is_in_the_group_too() {
    need_fake!();
    let fake = Fake::new(json!({"closID": "a", "enableMonitoring": true}));
    fake.group("a", "L3:0=f\n");
    fake.create().ok();
    fake.bundle.call(["start", fake.bundle.id()]).ok();
    let pid = fake.bundle.folder().join("pid");
    let sleep = ["exec", "-d", "--pid-file", pid.to_str().unwrap(), fake.bundle.id(), "sleep", "1000"];
    fake.bundle.call(sleep).ok();
    let pid = fs::read_to_string(pid).unwrap();
    let tasks = [fake.read("a/tasks"), fake.read(&format!("a/mon_groups/{}/tasks", fake.bundle.id()))];
    // A folder keeps only what was written last, and of that what is not shorter.
    assert!(
        pid != fake.bundle.pid().to_string() && tasks.iter().all(|tasks| tasks.starts_with(&pid)),
        "{pid}: {tasks:?}"
    );
    fs::remove_dir_all(fake.root.join("a")).unwrap();
    fake.bundle.exec(&["true"]).ok();
}

#[test]
fn the_root_group() {
    need_fake!();
    let fake = Fake::new(json!({"closID": "/"}));
    fake.group("", "L3:0=f\n");
    fake.create().ok();
    assert_eq!(fake.read("tasks"), fake.bundle.pid().to_string());
    fake.bundle.delete().ok();
    assert!(fake.root.join("schemata").exists());
}

#[test]
fn a_group_with_other_schemata_is_refused() {
    need_fake!();
    let mut fake = Fake::new(json!({"closID": "a", "l3CacheSchema": "L3:0=ff"}));
    fake.group("a", "    L3:0=0000f;1=fffff\n");
    fake.create().fails().says("/linux/intelRdt/l3CacheSchema");
    assert_eq!(fake.read("a/tasks"), "");
    fake.bundle.assert_nothing_left();
    fake.bundle.set("/linux/intelRdt/l3CacheSchema", json!("L3:1=fffff;0=f"));
    fake.create().ok();
}

#[test]
fn what_fails_half_way_takes_the_group_back() {
    need_fake!();
    // Nobody makes mon_groups in it, as where a kernel can't monitor.
    let mut fake = Fake::new(json!({"enableMonitoring": true}));
    fake.create().fails().says("/linux/intelRdt/enableMonitoring");
    assert!(fake.names().is_empty());
    fake.bundle.assert_nothing_left();
    fake.bundle.set("/linux/intelRdt", json!({"closID": "info"}));
    fake.create().fails().says("/linux/intelRdt/closID");
    assert!(fake.names().is_empty());
}

#[test]
fn delete_finds_the_group_of_a_create_that_was_killed() {
    need_fake!();
    let script = json!({"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID; sleep 1"]});
    let fake = Fake::new(json!({})).hooked(&script);
    assert_eq!(fake.create().code, 137);
    assert!(fake.own_group().exists());
    Fake::empty(&fake.own_group());
    fake.bundle.call(["delete", "--force", fake.bundle.id()]).ok();
    assert!(fake.names().is_empty());
    fake.bundle.assert_nothing_left();
}

impl Fake {
    fn hooked(mut self, hook: &Value) -> Self {
        self.bundle.set("/hooks", json!({"createRuntime": [hook]}));
        self
    }
}

#[test]
fn update_writes_other_schemata_and_makes_a_group_where_there_is_none() {
    need_fake!();
    let mut fake = Fake::new(json!({"closID": "a"}));
    fake.group("a", "L3:0=f\n");
    fake.create().ok();
    let id = fake.bundle.id().to_owned();
    fake.call(&["update", "--l3-cache-schema", "L3:0=7", "--mem-bw-schema", "MB:0=20", &id]).ok();
    assert_eq!(fake.read("a/schemata"), "L3:0=7\nMB:0=20\n");
    fake.call(&["update", "--mem-bw-schema", "L3:0=7", &id]).fails().says("must begin with MB:");
    fake.bundle.call(["delete", "--force", &id]).ok();
    fake.bundle.remove("/linux/intelRdt");
    fake.create().ok();
    assert_eq!(fake.names(), ["a"]);
    fake.call(&["update", "--l3-cache-schema", "L3:0=3", &id]).ok();
    assert_eq!(fake.read(&format!("{id}/schemata")), "L3:0=3\n");
    assert_eq!(fake.read(&format!("{id}/tasks")), fake.bundle.pid().to_string());
    Fake::empty(&fake.own_group());
    fake.bundle.call(["delete", "--force", &id]).ok();
    assert_eq!(fake.names(), ["a"]);
}
