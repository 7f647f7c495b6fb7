//! Groups in a folder that stands for a resctrl file system. It is none: nobody but the test makes the files of a new
//! group, and takes them away before the group is removed.
#![allow(clippy::unwrap_used)]

use resctrl::{Error, Groups, Plan, Schemata, plan};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

struct Fake(PathBuf);

impl Fake {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("cofferdam-resctrl-{}-{number}", std::process::id()));
        fs::create_dir_all(root.join("info/MB")).unwrap();
        fs::create_dir_all(root.join("mon_groups")).unwrap();
        let fake = Fake(root);
        fake.write("info/last_cmd_status", "ok\n");
        fake.write("info/MB/bandwidth_gran", "10\n");
        fake.write("schemata", "MB:0=100\nL3:0=fffff\n");
        fake.write("tasks", "1\n");
        fake
    }

    /// A group that is there already.
    fn group(&self, name: &str, schemata: &str) {
        fs::create_dir_all(self.path(name).join("mon_groups")).unwrap();
        self.write(&format!("{name}/schemata"), schemata);
        self.write(&format!("{name}/tasks"), "");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// What the kernel takes away with a group.
    fn empty(&self, group: &str) {
        for file in ["tasks", "schemata"] {
            fs::remove_file(self.path(group).join(file)).ok();
        }
    }

    fn plan(&self, rdt: Value) -> Plan {
        plan(&self.0, "c1", &serde_json::from_value(rdt).unwrap()).unwrap()
    }

    /// Makes the groups, and enters.
    fn up(&self, rdt: Value) -> resctrl::Result<Groups> {
        let plan = self.plan(rdt);
        let mut groups = plan.look()?;
        plan.make(&mut groups)?;
        groups.enter(4711)?;
        Ok(groups)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn a_group_of_its_own_is_made_and_removed() {
    let fake = Fake::new();
    let wanted = json!({"memBwSchema": "MB:0=20", "schemata": ["L2:0=f", "L2:1=f0"], "l3CacheSchema": "L3:0=f"});
    let groups = fake.up(wanted).unwrap();
    assert!(groups.own && groups.path == fake.path("c1"));
    assert_eq!(fake.read("c1/schemata"), "L3:0=f\nMB:0=20\nL2:0=f\nL2:1=f0\n");
    assert_eq!(fake.read("c1/tasks"), "4711");
    fake.empty("c1");
    groups.remove().unwrap();
    assert!(!fake.path("c1").exists());
    groups.remove().unwrap();
}

#[test]
fn without_schemata_none_are_written() {
    let fake = Fake::new();
    for rdt in [json!({}), json!({"l3CacheSchema": "", "schemata": []})] {
        let groups = fake.up(rdt).unwrap();
        assert!(!fake.path("c1/schemata").exists() && groups.own);
        fake.empty("c1");
        groups.remove().unwrap();
    }
    fake.group("a", "L3:0=f\n");
    fake.up(json!({"closID": "a"})).unwrap();
    assert_eq!(fake.read("a/schemata"), "L3:0=f\n");
}

#[test]
fn a_group_that_is_there_already_is_used_and_stays() {
    let fake = Fake::new();
    fake.group("c1", "L3:0=f\n");
    fake.group("a", "L3:0=f\n");
    for (rdt, name) in [(json!({}), "c1"), (json!({"closID": "a"}), "a"), (json!({"closID": "/"}), "")] {
        let groups = fake.up(rdt).unwrap();
        assert!(!groups.own, "{name}");
        assert_eq!(fake.read(&format!("./{name}/tasks")), "4711");
        fake.empty(name);
        groups.remove().unwrap();
        assert!(fake.path(name).exists(), "{name}");
    }
}

#[test]
fn a_named_group_without_schemata_must_be_there() {
    let fake = Fake::new();
    let error = fake.up(json!({"closID": "a", "enableMonitoring": true})).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert_eq!(error.place(), "/linux/intelRdt/closID");
    assert!(!fake.path("a").exists());
    let groups = fake.up(json!({"closID": "a", "schemata": ["L3:0=f"]})).unwrap();
    assert_eq!(fake.read("a/schemata"), "L3:0=f\n");
    fake.empty("a");
    groups.remove().unwrap();
    assert!(fake.path("a").exists(), "the config names it, so it stays");
}

#[test]
fn a_named_group_must_have_the_schemata_of_the_config() {
    let fake = Fake::new();
    let has = "    L3:0=0000f;1=fffff\n    MB:0=30;1=100\n";
    fake.group("a", has);
    for (schema, right) in [
        (("l3CacheSchema", "L3:1=fffff;0=f"), true),
        (("memBwSchema", "MB:0=25"), true),
        (("l3CacheSchema", "L3:0=ff"), false),
    ] {
        fake.write("a/schemata", has);
        let result = fake.up(json!({"closID": "a", schema.0: schema.1}));
        assert_eq!(result.is_ok(), right, "{schema:?}: {result:?}");
    }
    let both = json!({"closID": "a", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=100"});
    fake.write("a/schemata", has);
    let error = fake.up(both).unwrap_err();
    assert_eq!(error.place(), "/linux/intelRdt/memBwSchema");
    assert!(error.to_string().contains("L3:0=0000f;1=fffff, MB:0=30;1=100"), "{error}");
    assert_eq!((fake.read("a/schemata").as_str(), fake.read("a/tasks").as_str()), (has, "4711"));
    let listed = fake.up(json!({"closID": "a", "schemata": ["L3:0=1"]}));
    assert!(listed.is_ok(), "only the two others are compared: {listed:?}");
}

#[test]
fn monitoring_is_a_group_beneath() {
    let fake = Fake::new();
    fake.group("a", "");
    for (clos, above) in [("a", "a/"), ("/", "")] {
        let groups = fake.up(json!({"closID": clos, "enableMonitoring": true})).unwrap();
        let name = format!("{above}mon_groups/c1");
        assert_eq!(fake.read(&format!("{name}/tasks")), "4711");
        assert_eq!(fake.read(&format!("{above}tasks")), "4711");
        let again = fake.up(json!({"closID": clos, "enableMonitoring": true})).unwrap_err();
        assert!(again.to_string().ends_with("file exists"), "{again}");
        fake.empty(&name);
        groups.remove().unwrap();
        assert!(!fake.path(&name).exists());
    }
}

#[test]
fn what_fails_half_way_takes_back_what_it_made() {
    let fake = Fake::new();
    // Here nobody makes its mon_groups, as where a kernel can't monitor.
    let error = fake.up(json!({"enableMonitoring": true})).unwrap_err();
    assert_eq!(error.place(), "/linux/intelRdt/enableMonitoring");
    assert!(error.to_string().contains("mon_groups/c1"), "{error}");
    assert!(!fake.path("c1").exists());
    // A group that is full: the file is a directory.
    fake.write("info/last_cmd_status", "mask out of range\n");
    fs::create_dir_all(fake.path("a/schemata")).unwrap();
    let error = fake.up(json!({"closID": "a", "schemata": ["L3:0=f"]})).unwrap_err();
    assert!(error.to_string().ends_with(": is a directory (mask out of range)"), "{error}");
    assert_eq!(error.place(), "/linux/intelRdt/schemata");
    assert!(fake.path("a").exists(), "it was there before");
}

#[test]
fn a_group_that_another_container_has_joined_is_not_taken_back() {
    let fake = Fake::new();
    let plan = fake.plan(json!({"closID": "a", "schemata": ["L3:0=f"]}));
    for (tasks, stays) in [("99\n", true), ("\n", false)] {
        let mut groups = plan.look().unwrap();
        plan.make(&mut groups).unwrap();
        fs::remove_file(fake.path("a/schemata")).unwrap();
        if stays {
            fake.write("a/tasks", tasks);
        }
        groups.abandon();
        assert_eq!(fake.path("a").exists(), stays);
        fs::remove_dir_all(fake.path("a")).ok();
    }
}

#[test]
fn what_somebody_else_makes_between_look_and_make_is_his() {
    let fake = Fake::new();
    let plan = fake.plan(json!({}));
    let mut groups = plan.look().unwrap();
    assert!(groups.own);
    fake.group("c1", "");
    plan.make(&mut groups).unwrap();
    assert!(!groups.own);
    groups.abandon();
    assert!(fake.path("c1").exists());
}

#[test]
fn names_that_are_resctrls_own() {
    for id in ["info", "mon_groups", "mon_data", "schemata", "."] {
        let error = plan(Path::new("/r"), id, &serde_json::from_value(json!({})).unwrap()).unwrap_err();
        assert!(error.to_string().contains(id), "{error}");
        let named = serde_json::from_value(json!({"closID": "a"})).unwrap();
        assert!(plan(Path::new("/r"), id, &named).is_ok(), "it need not be a group's name: {id}");
    }
}

#[test]
fn schemata_are_changed() {
    let fake = Fake::new();
    fake.group("a", "");
    let groups = Groups::new(fake.path("a"), false, None);
    let schemata = |line: &str| Schemata::new(&serde_json::from_value(json!({"l3CacheSchema": line})).unwrap());
    groups.change(&schemata("L3:0=7")).unwrap();
    assert_eq!(fake.read("a/schemata"), "L3:0=7\n");
    groups.change(&schemata("")).unwrap();
    assert_eq!(fake.read("a/schemata"), "L3:0=7\n");
}

#[test]
fn figures() {
    let fake = Fake::new();
    fake.group("a", "    MB:0= 20\n    L3:0=0000f\n");
    let groups = Groups::new(fake.path("a"), true, None);
    let stats = |groups: &Groups| serde_json::to_value(groups.stats(&fake.0).unwrap()).unwrap();
    fs::remove_dir_all(fake.path("info/MB")).unwrap();
    assert_eq!(stats(&groups), json!({"schemata": ["MB:0= 20", "L3:0=0000f"]}));
    for folder in
        ["info/MB", "info/L3", "a/mon_data/mon_L3_00", "a/mon_data/mon_L3_01", "a/mon_groups/c1/mon_data/mon_L3_00"]
    {
        fs::create_dir_all(fake.path(folder)).unwrap();
    }
    for (file, text) in [
        ("info/L3/cbm_mask", "fffff\n"),
        ("info/L3/min_cbm_bits", "1\n"),
        ("info/L3/num_closids", "16\n"),
        ("info/MB/bandwidth_gran", "10\n"),
        ("info/MB/delay_linear", "1\n"),
        ("info/MB/min_bandwidth", "10\n"),
        ("info/MB/num_closids", "8\n"),
        ("a/mon_data/mon_L3_01/llc_occupancy", "7\n"),
        ("a/mon_data/mon_L3_00/llc_occupancy", "5\n"),
        ("a/mon_data/mon_L3_00/mbm_total_bytes", "9\n"),
        ("a/mon_data/mon_L3_00/mbm_local_bytes", "Unavailable\n"),
        ("a/mon_groups/c1/mon_data/mon_L3_00/llc_occupancy", "1\n"),
    ] {
        fake.write(file, text);
    }
    let expected = json!({
        "l3_cache_info": {"cbm_mask": "fffff", "min_cbm_bits": 1, "num_closids": 16},
        "l3_cache_schema_root": "L3:0=fffff",
        "l3_cache_schema": "L3:0=0000f",
        "mem_bw_info": {"bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10, "num_closids": 8},
        "mem_bw_schema_root": "MB:0=100",
        "mem_bw_schema": "MB:0= 20",
        "schemata": ["MB:0= 20", "L3:0=0000f"],
        "mbm_stats": [{"mbm_total_bytes": 9}],
        "cmt_stats": [{"llc_occupancy": 5}, {"llc_occupancy": 7}],
    });
    assert_eq!(stats(&groups), expected);
    let watched = Groups::new(fake.path("a"), true, Some(fake.path("a/mon_groups/c1")));
    assert_eq!(stats(&watched)["cmt_stats"], json!([{"llc_occupancy": 1}]));
}
