//! `exec --cgroup`: a program in a cgroup below the container's; and where init has gone below by itself.

use harness::{Bundle, host, need_root, skip};
use serde_json::json;
use std::fs;
use std::path::Path;

/// A running container with a cgroup `below` its own, in every hierarchy.
fn with_below() -> Bundle {
    let bundle = Bundle::of_sleep();
    bundle.up();
    for cgroup in bundle.footprint().cgroups {
        let below = cgroup.join("below");
        fs::create_dir_all(&below).unwrap();
        for list in ["cpuset.cpus", "cpuset.mems"] {
            // On v1 no process can be where none of these is.
            if let Ok(own) = fs::read_to_string(cgroup.join(list)).as_deref().map(str::trim)
                && !own.is_empty()
            {
                fs::write(below.join(list), own).unwrap();
            }
        }
    }
    bundle
}

/// The cgroups of a program that `exec` starts there: controllers and path of each, where the hierarchy is mounted.
#[track_caller]
fn places(bundle: &Bundle, options: &[&str]) -> Vec<(String, String)> {
    let seen = bundle.exec_probe(options, &[]);
    let lines = seen["cgroup"].as_array().unwrap().iter().filter_map(|line| line.as_str());
    let fields = lines.map(|line| line.splitn(3, ':').map(str::to_owned).collect::<Vec<_>>());
    let v2 = host::pure_v2() || Path::new("/sys/fs/cgroup/unified/cgroup.procs").exists();
    let mounted = fields.filter(|fields| v2 || !fields[1].is_empty());
    mounted.map(|fields| (fields[1].clone(), fields[2].clone())).collect()
}

#[test]
fn a_program_may_run_below() {
    need_root!();
    let bundle = with_below();
    for path in ["below", "/below", "x/../below/."] {
        let places = places(&bundle, &["--cgroup", path]);
        assert!(!places.is_empty() && places.iter().all(|(_, place)| place.ends_with("/below")), "{places:?}");
    }
    // Its own is below itself.
    assert!(places(&bundle, &["--cgroup", "/"]).iter().all(|(_, place)| !place.ends_with("/below")));
}

#[test]
fn a_program_may_run_below_for_some_controllers() {
    need_root!();
    let bundle = with_below();
    if host::pure_v2() {
        bundle.call(["exec", "--cgroup", "pids:below", bundle.id(), "true"]).fails().says("pids");
        return;
    }
    let places = places(&bundle, &["--cgroup", "pids,memory:below", "--cgroup", "cpu:/"]);
    for (controllers, place) in &places {
        let expected = controllers.split(',').any(|one| one == "pids" || one == "memory");
        assert_eq!(place.ends_with("/below"), expected, "{places:?}");
    }
}

#[test]
fn places_that_are_not_below_are_refused() {
    need_root!();
    let bundle = with_below();
    for (options, words) in [
        (&["--cgroup", ".."][..], "bad sub cgroup path"),
        (&["--cgroup", "below/../.."], "bad sub cgroup path"),
        (&["--cgroup", "pids:/../x"], "bad sub cgroup path"),
        (&["--cgroup", "below", "--cgroup", "below"], "missing <controller>: prefix"),
        (&["--cgroup", ":below"], "empty <controller> prefix"),
        (&["--cgroup", "pids,pids:below"], "specified multiple times"),
        (&["--cgroup", "nosuch:below"], "nosuch"),
        (&["--cgroup", "nonesuch"], "nonesuch"),
    ] {
        let arguments = ["exec"].iter().chain(options).copied().chain([bundle.id(), "true"]);
        bundle.call(arguments).fails().says(words);
    }
    assert_eq!(bundle.status(), "running");
}

/// As systemd does in a container: then no process may be in the container's own cgroup any more.
#[test]
fn exec_goes_where_init_is_when_that_has_gone_below() {
    need_root!();
    if !host::pure_v2() || host::hierarchy("memory").is_none() {
        skip!("cgroup v1 knows no such thing, or no memory controller");
    }
    let mut bundle = Bundle::of_shell(
        "cd /sys/fs/cgroup && mkdir init.scope && echo 0 >init.scope/cgroup.procs && echo +memory >cgroup.subtree_control
         echo done; exec sleep 1000",
    );
    bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
    let mounts = bundle.config["mounts"].as_array().unwrap();
    let mount = mounts.iter().position(|mount| mount["source"] == "cgroup").unwrap();
    bundle.set(&format!("/mounts/{mount}/options"), json!(["nosuid", "noexec", "nodev", "relatime", "rw"]));
    bundle.up();
    let own = bundle.cgroup("memory");
    let shared = || fs::read_to_string(own.join("cgroup.subtree_control")).is_ok_and(|text| text.contains("memory"));
    harness::eventually("init has gone below", shared);
    let seen = bundle.exec_probe(&[], &[]);
    assert_eq!(seen["cgroup"], json!(["0::/init.scope"]));
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}
