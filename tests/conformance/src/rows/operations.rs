//! runtime.md: the operations, the state, and what errors and warnings leave.

use harness::{Bundle, eventually};
use serde_json::{Value, json};
use std::fs;

super::rows! { "operations":
    "runtime.md, state" {
        the_state_has_what_it_must: "`ociVersion`, `id`, `status`, `pid` and `bundle`, each of its kind",
        the_bundle_is_absolute: "`bundle` is an absolute path",
        annotations_are_passed_on: "`annotations` are the config's; absent or empty without any",
        the_status_follows_the_life: "`status` is created, running, stopped",
        the_status_while_it_is_made: "`status` is creating while it is made",
        the_pid_is_the_container_process: "`pid` is the container process",
    }
    "runtime.md, query state" {
        state_needs_an_id: "an error without an id",
        state_of_what_is_not_there: "an error if there is no such container",
    }
    "runtime.md, create" {
        create_needs_an_id: "an error without an id",
        create_needs_a_bundle: "an error without a bundle",
        create_of_an_id_in_use: "an error if the id is in use, and the container that has it goes on",
        create_of_an_id_that_is_none: "an error if the id can't be one",
        create_applies_the_config: "all but the process is applied",
        create_does_not_run_the_program: "the program does not run before `start`",
        what_can_not_be_applied_is_an_error: "an error if a property can't be applied, and no container",
        later_changes_of_the_config_have_no_effect: "changes of config.json after `create` have no effect",
    }
    "runtime.md, start" {
        start_needs_an_id: "an error without an id, and if there is no such container",
        start_runs_the_program: "the program runs",
        start_of_a_running_container: "an error if it runs already, without effect",
        start_of_a_stopped_container: "an error if it has stopped, without effect",
        start_without_a_process: "an error if `process` was not set",
    }
    "runtime.md, kill" {
        kill_needs_an_id: "an error without an id, and if there is no such container",
        kill_sends_the_signal: "the container process gets the signal that was named",
        kill_of_a_created_container: "a created container can be killed",
        kill_of_a_stopped_container: "an error if it has stopped, without effect",
    }
    "runtime.md, delete" {
        delete_needs_an_id: "an error without an id, and if there is no such container",
        delete_of_a_running_container: "an error if it runs, without effect",
        delete_of_a_created_container: "an error if it is created, without effect",
        delete_leaves_nothing: "what `create` made is gone",
        delete_leaves_what_others_made: "what the container did not make stays",
        an_id_can_be_used_again: "the id can be used again",
    }
    "runtime.md, errors" {
        an_error_leaves_nothing: "what fails leaves no cgroup, mount, process or state, wherever it fails",
        an_error_leaves_the_others_alone: "what fails leaves other containers alone",
    }
    "runtime.md, warnings" {
        a_warning_changes_nothing: "what is only worth a warning stops nobody: an unknown property, an unknown capability",
    }
}

fn the_state_has_what_it_must() {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let state = bundle.state();
    let version = state["ociVersion"].as_str().expect("a version");
    assert!(version.starts_with("1.") && version.split('.').count() >= 3, "{version}");
    assert_eq!((&state["id"], &state["status"]), (&json!(bundle.id()), &json!("created")));
    assert!(state["pid"].as_u64().is_some_and(|pid| pid > 1) && state["bundle"].is_string(), "{state}");
}

fn the_bundle_is_absolute() {
    let bundle = Bundle::of_sleep();
    bundle.call(["create", "--bundle", ".", bundle.id()]).ok();
    let told = bundle.state()["bundle"].as_str().map(str::to_owned).expect("a bundle");
    assert!(told.starts_with('/'), "{told}");
    assert_eq!(fs::canonicalize(told).expect("a folder"), fs::canonicalize(bundle.folder()).expect("a folder"));
}

fn annotations_are_passed_on() {
    let wanted = json!({"com.example.key": "value", "org.opencontainers.image.os": "linux", "empty": ""});
    let bundle = Bundle::of_sleep().with("/annotations", wanted.clone());
    bundle.create().ok();
    assert_eq!(bundle.state()["annotations"], wanted);
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let none = bundle.state().get("annotations").cloned().unwrap_or_default();
    assert!(none.is_null() || none == json!({}), "{none}");
}

fn the_status_follows_the_life() {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    assert_eq!(bundle.status(), "created");
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(bundle.status(), "running");
    bundle.kill("KILL");
    bundle.await_status("stopped");
    assert_eq!(bundle.state().get("pid").cloned().unwrap_or(json!(0)), 0);
}

fn the_status_while_it_is_made() {
    let bundle = Bundle::of_sleep();
    let told = bundle.folder().join("told");
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", format!("cat >{}", told.display())]});
    let bundle = bundle.with("/hooks", json!({"createRuntime": [hook]}));
    bundle.create().ok();
    let told: Value = serde_json::from_slice(&fs::read(told).expect("the hook ran")).expect("a state");
    assert_eq!(told["status"], "creating");
}

fn the_pid_is_the_container_process() {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let pid = bundle.pid();
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).expect("a process");
    assert_ne!(namespace(&pid.to_string()), namespace("self"));
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(bundle.pid(), pid);
    let line = || fs::read(format!("/proc/{pid}/cmdline")).expect("a process");
    eventually("it is the program", || line() == b"/bin/sleep\x001000\0");
}

fn state_needs_an_id() {
    Bundle::new().call(["state"]).outcome().fails();
}

fn state_of_what_is_not_there() {
    let bundle = Bundle::of_sleep();
    bundle.call(["state", bundle.id()]).fails();
    bundle.up();
    bundle.call(["state", "another"]).fails();
}

fn create_needs_an_id() {
    let bundle = Bundle::of_sleep();
    bundle.call(["create"]).fails();
    bundle.assert_nothing_left();
}

fn create_needs_a_bundle() {
    let bundle = Bundle::of_sleep();
    fs::create_dir(bundle.folder().join("empty")).expect("a folder");
    for folder in ["empty", "nonexistent"] {
        bundle.call(["create", "--bundle", folder, bundle.id()]).fails();
        bundle.assert_nothing_left();
    }
}

fn create_of_an_id_in_use() {
    let mut bundle = Bundle::of_sleep();
    bundle.up();
    let before = bundle.footprint();
    let path = format!("/other-{}", bundle.tag());
    bundle.set("/linux/cgroupsPath", json!(path));
    bundle.create().fails();
    eventually("all is as before", || bundle.footprint() == before);
    assert_eq!(bundle.status(), "running");
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.create().fails();
    assert_eq!(bundle.status(), "stopped");
}

fn create_of_an_id_that_is_none() {
    let bundle = Bundle::of_sleep();
    for id in ["", "..", "a/b", "../../x"] {
        bundle.call(["create", "--", id]).fails();
    }
    bundle.assert_nothing_left();
}

fn create_applies_the_config() {
    let bundle = Bundle::of_sleep().with("/linux/resources/pids", json!({"limit": 47}));
    let mount = json!({"destination": "/applied", "type": "tmpfs", "source": "tmpfs"});
    let bundle = bundle.with("/mounts/-", mount);
    bundle.create().ok();
    assert_eq!(bundle.cgroup_file("pids", "pids.max", "pids.max"), "47");
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", bundle.pid())).expect("a process");
    assert!(mounts.lines().any(|line| line.split(' ').nth(4) == Some("/applied")), "{mounts}");
}

fn create_does_not_run_the_program() {
    let bundle = Bundle::of_shell("echo ran >/ran; sleep 1000");
    bundle.create().ok();
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(!bundle.rootfs("ran").exists());
    bundle.call(["start", bundle.id()]).ok();
    eventually("it runs", || bundle.rootfs("ran").exists());
}

fn what_can_not_be_applied_is_an_error() {
    let mount = json!({"destination": "/x", "type": "nonesuch", "source": "x"});
    let bundle = Bundle::of_sleep().with("/mounts/-", mount);
    bundle.create().fails();
    bundle.call(["state", bundle.id()]).fails();
    bundle.call(["start", bundle.id()]).fails();
}

fn later_changes_of_the_config_have_no_effect() {
    let mut bundle = Bundle::of_shell("echo old >/said; sleep 1000");
    bundle.create().ok();
    bundle.set("/process/args", json!(["/bin/sh", "-c", "echo new >/said; sleep 1000"]));
    bundle.set("/annotations", json!({"new": "new"}));
    bundle.call(["start", bundle.id()]).ok();
    eventually("it runs", || fs::read_to_string(bundle.rootfs("said")).is_ok_and(|said| !said.is_empty()));
    assert_eq!(fs::read_to_string(bundle.rootfs("said")).expect("a file"), "old\n");
    assert!(bundle.state()["annotations"].get("new").is_none());
    fs::remove_file(bundle.folder().join("config.json")).expect("the config");
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.delete().ok();
}

/// `verb` without an id and for a container that is not there.
#[track_caller]
fn needs_an_id(verb: &str, more: &[&str]) {
    let bundle = Bundle::of_sleep();
    bundle.call([verb]).fails();
    bundle.call([verb, bundle.id()].into_iter().chain(more.iter().copied())).fails();
    bundle.assert_nothing_left();
}

fn start_needs_an_id() {
    needs_an_id("start", &[]);
}

fn start_runs_the_program() {
    let bundle = Bundle::of_shell("echo $0 $1 >/said; sleep 1000");
    let bundle = bundle.with("/process/args/-", json!("zero")).with("/process/args/-", json!("one"));
    bundle.up();
    eventually("it runs", || fs::read_to_string(bundle.rootfs("said")).is_ok_and(|said| said == "zero one\n"));
}

fn start_of_a_running_container() {
    let bundle = Bundle::of_shell("echo once >>/said; sleep 1000");
    bundle.up();
    eventually("it runs", || bundle.rootfs("said").exists());
    let pid = bundle.pid();
    bundle.call(["start", bundle.id()]).fails();
    assert_eq!((bundle.status().as_str(), bundle.pid()), ("running", pid));
    assert_eq!(fs::read_to_string(bundle.rootfs("said")).expect("a file"), "once\n");
}

fn start_of_a_stopped_container() {
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.call(["start", bundle.id()]).fails();
    assert_eq!(bundle.status(), "stopped");
}

fn start_without_a_process() {
    let mut bundle = Bundle::of_sleep();
    bundle.remove("/process");
    if bundle.create().code == 0 {
        bundle.call(["start", bundle.id()]).fails();
    }
}

fn kill_needs_an_id() {
    needs_an_id("kill", &["KILL"]);
}

fn kill_sends_the_signal() {
    let traps = "for s in USR1 USR2 HUP INT QUIT WINCH TERM; do trap \"echo $s >>/got\" $s; done";
    let bundle = Bundle::of_shell(&format!("{traps}; echo ready >>/got; while :; do sleep .02; done"));
    bundle.up();
    let got = || fs::read_to_string(bundle.rootfs("got")).unwrap_or_default();
    eventually("ready", || got() == "ready\n");
    let mut expected = "ready\n".to_owned();
    for signal in ["USR1", "USR2", "HUP", "INT", "QUIT", "WINCH", "TERM"] {
        bundle.kill(signal);
        expected.push_str(&format!("{signal}\n"));
        eventually(signal, || got() == expected);
    }
    assert_eq!(bundle.status(), "running");
}

fn kill_of_a_created_container() {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    bundle.kill("KILL");
    bundle.await_status("stopped");
}

fn kill_of_a_stopped_container() {
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.call(["kill", bundle.id(), "TERM"]).fails();
    assert_eq!(bundle.status(), "stopped");
}

fn delete_needs_an_id() {
    needs_an_id("delete", &[]);
}

fn delete_of_a_running_container() {
    let bundle = Bundle::of_sleep();
    bundle.up();
    let before = bundle.footprint();
    bundle.delete().fails();
    assert_eq!((bundle.status().as_str(), bundle.footprint()), ("running", before));
}

fn delete_of_a_created_container() {
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    bundle.delete().fails();
    assert_eq!(bundle.status(), "created");
}

/// Runs the container to its end.
fn live(bundle: &Bundle) {
    bundle.up();
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.delete().ok();
}

fn delete_leaves_nothing() {
    let bundle = Bundle::of_sleep();
    live(&bundle);
    bundle.assert_nothing_left();
    bundle.call(["state", bundle.id()]).fails();
}

fn delete_leaves_what_others_made() {
    let bundle = Bundle::of_sleep();
    let data = bundle.folder().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("file"), "kept").expect("a file");
    let mount = json!({"destination": "/data", "source": data, "options": ["rbind"]});
    let bundle = bundle.with("/mounts/-", mount);
    live(&bundle);
    assert_eq!(fs::read_to_string(data.join("file")).expect("a file"), "kept");
    assert!(data.join("../config.json").exists() && data.join("../rootfs/bin/busybox").exists());
}

fn an_id_can_be_used_again() {
    let bundle = Bundle::of_sleep();
    for _ in 0..2 {
        live(&bundle);
    }
}

/// Configs that fail, each at another moment of `create`.
fn failing() -> Vec<(&'static str, Value)> {
    let failing_hook = json!([{"path": "/bin/false"}]);
    vec![
        ("/root/path", json!("nowhere")),
        ("/mounts/-", json!({"destination": "/x", "type": "nonesuch", "source": "x"})),
        ("/linux/namespaces/-", json!({"type": "cgroup", "path": "/proc/self/ns/uts"})),
        ("/linux/resources/cpu", json!({"quota": 5, "period": 5})),
        ("/linux/sysctl", json!({"net.ipv4.nonesuch": "1"})),
        ("/hooks/createRuntime", failing_hook.clone()),
        ("/hooks/createContainer", failing_hook),
        ("/process/cwd", json!("/etc/passwd/x")),
    ]
}

fn an_error_leaves_nothing() {
    for (pointer, value) in failing() {
        let bundle = Bundle::of_sleep();
        let config = fs::read(bundle.folder().join("config.json")).expect("the config");
        let bundle = bundle.with(pointer, value);
        bundle.create().fails();
        bundle.assert_nothing_left();
        // The same id can be had by another at once.
        fs::write(bundle.folder().join("config.json"), config).expect("the config");
        bundle.create().ok();
        bundle.call(["delete", "--force", bundle.id()]).ok();
    }
}

fn an_error_leaves_the_others_alone() {
    let first = Bundle::of_sleep();
    first.up();
    let before = first.footprint();
    for (pointer, value) in failing() {
        let second = Bundle::of_sleep().with(pointer, value);
        second.call(["--root", first.state_folder().to_str().expect("UTF-8"), "create", second.id()]).fails();
    }
    // What fails may still be ending; its command line has the name of the first one's state folder.
    eventually("all is as before", || first.footprint() == before);
    assert_eq!(first.status(), "running");
}

fn a_warning_changes_nothing() {
    let mut bundle = Bundle::new().with("/nonesuch", json!({"a": 1})).with("/linux/nonesuch", json!([1]));
    bundle.set("/process/nonesuch", json!("x"));
    bundle.set("/process/capabilities/bounding/-", json!("CAP_NONESUCH"));
    let seen = bundle.probe(&[]);
    assert_eq!(seen["pid"], 1);
}
