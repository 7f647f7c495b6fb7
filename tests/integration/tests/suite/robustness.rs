//! Much of something, little of something, and what others leave in the way.

use harness::footprint::is_alive;
use harness::{Bundle, Call, eventually, need_cofferdam, need_root, programs, skip, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A call with a resource limit of its own, as util-linux's prlimit(1) sets it.
fn limited(bundle: &Bundle, limit: &str, arguments: &[&str]) -> Call {
    Call::new(&programs::find("prlimit").expect("prlimit"), bundle.folder())
        .args([limit])
        .args([programs::runtime().as_os_str(), "--root".as_ref(), bundle.state_folder().as_os_str()])
        .args(arguments)
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
}

fn without_pid_namespace(bundle: Bundle) -> Bundle {
    let namespaces = bundle.config["linux"]["namespaces"].as_array().unwrap().iter();
    let rest: Vec<Value> = namespaces.filter(|namespace| namespace["type"] != "pid").cloned().collect();
    bundle.with("/linux/namespaces", json!(rest))
}

/// The directories of the container's cgroup.
fn cgroups(bundle: &Bundle) -> Vec<PathBuf> {
    bundle.footprint().cgroups
}

#[test]
fn a_thousand_binds_with_64_descriptors() {
    need_root!();
    need_cofferdam!("it keeps a descriptor for each");
    let mut bundle = Bundle::of_shell("grep -c ' /many/' /proc/self/mountinfo; cat /many/999/file");
    fs::create_dir(bundle.folder().join("source")).unwrap();
    fs::write(bundle.folder().join("source/file"), "bound").unwrap();
    let source = bundle.folder().join("source");
    let mounts = bundle.config["mounts"].as_array().unwrap().clone().into_iter();
    let many = (0..1000).map(|number| {
        json!({"destination": format!("/many/{number}"), "type": "bind", "source": source, "options": ["rbind", "ro"]})
    });
    bundle.set("/mounts", json!(mounts.chain(many).collect::<Vec<_>>()));
    let outcome = limited(&bundle, "--nofile=64", &["run", bundle.id()]).ok();
    assert_eq!(outcome.out, "1000\nbound");
    bundle.assert_nothing_left();
}

#[test]
fn values_of_ten_thousand_characters() {
    need_root!();
    need_cofferdam!("Debian's runc has smaller limits");
    let long = "x".repeat(10_000);
    let mut bundle = Bundle::new();
    bundle.set("/annotations", json!({"long": long, &long: "key"}));
    bundle.set("/process/env/-", json!(format!("LONG={long}")));
    let view = bundle.probe(&[&format!("stat:/{long}")]);
    assert!(view["env"].as_array().unwrap().contains(&json!(format!("LONG={long}"))));
    assert_eq!(view["args"][1].as_str().unwrap().len(), 10_006);
    for pointer in [
        "/hostname",
        "/domainname",
        "/process/cwd",
        "/root/path",
        "/linux/cgroupsPath",
        "/mounts/-/destination",
        "/linux/mountLabel",
        "/process/apparmorProfile",
        "/linux/maskedPaths/-",
        "/linux/seccomp/listenerPath",
        "/process/rlimits/-/type",
    ] {
        let bundle = Bundle::of_shell("exit 0").with(pointer, json!(format!("/{long}")));
        let outcome = bundle.run();
        assert!(outcome.took < Duration::from_secs(5) && !outcome.err.contains("panicked"), "{pointer}: {outcome}");
        let lines = outcome.err.trim_end().lines().count();
        assert!(outcome.code == 0 || outcome.code == 1 && lines == 1, "{pointer}: {lines} lines: {outcome}");
        bundle.assert_nothing_left();
    }
}

#[test]
fn fifty_execs_at_once() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let running: Vec<_> = (0..50)
        .map(|number| {
            bundle.call(["exec", bundle.id(), "/bin/sh", "-c", &format!("echo {number}; exit {number}")]).begin()
        })
        .collect();
    for (number, running) in running.into_iter().enumerate() {
        let outcome = running.outcome().exits(i32::try_from(number).unwrap());
        assert_eq!(outcome.out, format!("{number}\n"));
    }
    assert_eq!(bundle.status(), "running");
    assert_eq!(bundle.footprint().processes.len(), 1, "{:?}", bundle.footprint().processes);
}

#[test]
fn list_goes_on_whatever_lies_in_the_state_folder() {
    need_root!();
    need_cofferdam!("it stumbles");
    let bundle = Bundle::of_sleep();
    bundle.up();
    let state = bundle.state_folder();
    fs::create_dir(state.join("empty")).unwrap();
    fs::create_dir(state.join("name with blanks")).unwrap();
    fs::create_dir_all(state.join("folder/state.json")).unwrap();
    fs::write(state.join("file"), "").unwrap();
    std::os::unix::fs::symlink("/etc", state.join("link")).unwrap();
    std::os::unix::fs::symlink(bundle.id(), state.join("twin")).unwrap();
    for (name, content) in [("torn", "{"), ("null", "null"), ("list", "[]"), ("zero", "\0"), ("alien", "{\"id\": 7}")] {
        fs::create_dir(state.join(name)).unwrap();
        fs::write(state.join(name).join("state.json"), content).unwrap();
    }
    fs::create_dir(state.join("fifo")).unwrap();
    let fifo = state.join("fifo/state.json");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for format in ["table", "json"] {
        let outcome = bundle.call(["list", "--format", format]).ok();
        assert!(outcome.out.contains(bundle.id()) && outcome.took < Duration::from_secs(2), "{outcome}");
    }
    assert_eq!(bundle.call(["list", "-q"]).ok().out.lines().filter(|id| *id == bundle.id()).count(), 1);
    for name in ["empty", "torn", "null", "list", "zero", "alien", "fifo", "folder"] {
        let outcome = bundle.call(["delete", "--force", name]).ok();
        assert!(!state.join(name).exists(), "{name}: {outcome}");
    }
}

#[test]
fn kill_in_the_hosts_pid_namespace_leaves_no_child() {
    need_root!();
    let script =
        "for i in 1 2 3 4 5 6 7 8 9 10; do (trap '' TERM HUP; while :; do sleep 1000 & wait; done) & done; wait";
    let bundle = without_pid_namespace(Bundle::of_shell(script));
    bundle.up();
    eventually("its children run", || bundle.footprint().processes.len() == 21);
    bundle.kill("KILL");
    eventually("all are gone", || bundle.footprint().processes.is_empty());
    bundle.delete().ok();
    bundle.assert_nothing_left();
}

/// The state folder says of a bystander that it is init; what it says of its identity is another process's.
#[test]
fn a_process_that_has_got_inits_number_is_spared() {
    need_root!();
    need_cofferdam!("about its state file");
    let bundle = without_pid_namespace(Bundle::of_sleep());
    bundle.up();
    bundle.kill("KILL");
    bundle.await_status("stopped");
    let mut bystander = Command::new("sleep").arg("1000").env("COFFERDAM_TEST", bundle.tag()).spawn().unwrap();
    let file = bundle.state_folder().join(bundle.id()).join("state.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    record["init_process_pid"] = json!(bystander.id());
    // Without the pidfd's inode, as on kernels before 6.9, its start time still tells.
    for inode in [record["init_process_inode"].clone(), json!(0)] {
        record["init_process_inode"] = inode;
        fs::write(&file, record.to_string()).unwrap();
        assert_eq!(bundle.status(), "stopped");
        assert_eq!(bundle.state()["pid"].as_u64().unwrap_or(0), 0);
        bundle.call(["kill", bundle.id(), "KILL"]).fails().says("not running");
        bundle.call(["kill", "--all", bundle.id(), "KILL"]).ok();
        bundle.call(["exec", bundle.id(), "/bin/true"]).fails();
    }
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert!(is_alive(bystander.id()));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    bundle.assert_nothing_left();
}

#[test]
fn delete_takes_the_cgroups_that_the_container_made() {
    need_root!();
    for ending in ["delete", "kill"] {
        let bundle = Bundle::of_sleep();
        bundle.up();
        for top in cgroups(&bundle).iter().filter(|path| !path.to_string_lossy().contains("/cpuset/")) {
            fs::create_dir_all(top.join("a/b/c")).unwrap();
            fs::create_dir_all(top.join("d")).unwrap();
        }
        assert!(cgroups(&bundle).iter().any(|path| path.ends_with("a/b/c")));
        if ending == "kill" {
            bundle.kill("KILL");
            bundle.await_status("stopped");
            bundle.delete().ok();
        } else {
            bundle.call(["delete", "--force", bundle.id()]).ok();
        }
        bundle.assert_nothing_left();
    }
}

/// Where there is no PID namespace, processes in cgroups below are ended with the container.
#[test]
fn processes_in_cgroups_below_end_with_the_container() {
    need_root!();
    let bundle = without_pid_namespace(Bundle::of_shell("sleep 1000 & exec sleep 1000"));
    bundle.up();
    eventually("its child runs", || bundle.footprint().processes.len() == 2);
    let child = harness::footprint::pids(bundle.tag()).into_iter().find(|pid| *pid != bundle.pid()).unwrap();
    for top in cgroups(&bundle).iter().filter(|path| !path.to_string_lossy().contains("/cpuset/")) {
        let below = top.join("below");
        fs::create_dir(&below).unwrap();
        drop(fs::write(below.join("cgroup.procs"), child.to_string()));
    }
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}

/// Two that are created at once with one cgroup: who comes too late is refused, and takes nothing of the other's back.
#[test]
fn of_two_in_one_cgroup_the_later_leaves_the_first_alone() {
    need_root!();
    need_cofferdam!("it is about its own calls");
    if programs::find("strace").is_none() {
        skip!("needs strace");
    }
    let first = Bundle::of_sleep();
    let mut second = Bundle::of_sleep();
    second.set("/linux/cgroupsPath", json!(format!("/cofferdam-test-{}", first.tag())));
    // The first directory that it makes is its own, then comes the cgroup's: the other is there by then.
    let options = ["-f", "-o", "/dev/null", "-e", "trace=mkdirat", "-e", "inject=mkdirat:delay_enter=4000000:when=2"];
    let late = second.under_strace(&options, ["create", second.id()]).begin();
    let state = second.state_folder().join(second.id()).join("state.json");
    eventually("it has a state", || state.exists());
    first.up();
    let outcome = late.outcome();
    assert!(outcome.code != 0 && outcome.err.contains("not empty"), "{outcome}");
    assert_eq!(first.status(), "running");
    eventually("it is gone", || !state.exists());
}

/// The file that freezes a cgroup, and the words for it.
fn freezer(cgroup: &Path) -> Option<(PathBuf, &'static str, &'static str)> {
    let (v1, v2) = (cgroup.join("freezer.state"), cgroup.join("cgroup.freeze"));
    let found = [(v1, "FROZEN", "THAWED"), (v2, "1", "0")].into_iter().find(|(file, ..)| file.exists());
    found.filter(|_| cgroup.starts_with("/sys/fs/cgroup/freezer") || harness::host::pure_v2())
}

#[test]
fn a_frozen_cgroup_is_refused_at_once() {
    need_root!();
    need_cofferdam!("it hangs");
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let Some(cgroup) = cgroups(&bundle).into_iter().find(|path| freezer(path).is_some()) else {
        skip!("no freezer");
    };
    bundle.call(["delete", "--force", bundle.id()]).ok();
    fs::create_dir(&cgroup).unwrap();
    let (file, frozen, thawed) = freezer(&cgroup).unwrap();
    fs::write(&file, frozen).unwrap();
    for verb in ["create", "run"] {
        let outcome = bundle.call([verb, bundle.id()]).fails().says("frozen");
        assert!(outcome.took < Duration::from_secs(2), "{outcome}");
    }
    fs::write(&file, thawed).unwrap();
    drop(fs::remove_dir(&cgroup));
    bundle.assert_nothing_left();
}

#[test]
fn kill_and_delete_reach_what_is_frozen_below() {
    need_root!();
    for verb in ["kill", "delete"] {
        let bundle = without_pid_namespace(Bundle::of_shell("sleep 1000 & exec sleep 1000"));
        bundle.up();
        eventually("its child runs", || bundle.footprint().processes.len() == 2);
        let Some(cgroup) = cgroups(&bundle).into_iter().find(|path| freezer(path).is_some()) else {
            skip!("no freezer");
        };
        let below = cgroup.join("below");
        fs::create_dir(&below).unwrap();
        let child = harness::footprint::pids(bundle.tag()).into_iter().find(|pid| *pid != bundle.pid()).unwrap();
        fs::write(below.join("cgroup.procs"), child.to_string()).unwrap();
        let (file, frozen, _) = freezer(&below).unwrap();
        fs::write(&file, frozen).unwrap();
        if verb == "kill" {
            let outcome = bundle.call(["kill", bundle.id(), "KILL"]).ok();
            assert!(outcome.took < Duration::from_secs(5), "{outcome}");
            assert!(
                until(Duration::from_secs(5), || bundle.footprint().processes.is_empty()),
                "{:?}",
                bundle.footprint()
            );
        }
        let outcome = bundle.call(["delete", "--force", bundle.id()]).ok();
        assert!(outcome.took < Duration::from_secs(5), "{outcome}");
        bundle.assert_nothing_left();
    }
}

#[test]
fn one_process_is_enough_to_run_and_to_exec() {
    need_root!();
    let bundle = Bundle::of_shell("exit 4").with("/linux/resources/pids", json!({"limit": 1}));
    bundle.run().exits(4);
    bundle.assert_nothing_left();
    let bundle = Bundle::of_sleep().with("/linux/resources/pids", json!({"limit": 2}));
    bundle.up();
    bundle.exec(&["/bin/sh", "-c", "exit 5"]).exits(5);
    bundle.call(["update", "--pids-limit", "1", bundle.id()]).ok();
    // Where the kernel counts who joins (v2), there is no room for a second one: an error, in words.
    let outcome = bundle.exec(&["/bin/true"]);
    if outcome.code != 0 {
        outcome.fails();
    }
    assert_eq!(bundle.status(), "running");
}

/// Signals that arrive all the time interrupt no command.
#[test]
fn signals_do_not_disturb() {
    need_root!();
    let bundle = Bundle::of_sleep();
    for _ in 0..5 {
        let mut running = bundle.call(["create", bundle.id()]).begin();
        let pid = Pid::from_child(&running.child);
        while running.child.try_wait().unwrap().is_none() {
            for signal in [Signal::WINCH, Signal::CHILD, Signal::URG, Signal::CONT] {
                let _ended = kill_process(pid, signal);
            }
        }
        running.outcome().ok();
        bundle.call(["delete", "--force", bundle.id()]).ok();
    }
    bundle.assert_nothing_left();
}
