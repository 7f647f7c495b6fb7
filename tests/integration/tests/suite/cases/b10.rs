//! B10: the runtime is killed in the middle of its work, and what lies about in the state folder.

use harness::call::Running;
use harness::footprint::is_alive;
use harness::{Bundle, eventually, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A bundle with a hook of that stage that tells its pid, as the host sees it, and then takes its time.
fn held_in(stage: &str) -> Bundle {
    let bundle = Bundle::of_sleep();
    let script = format!("echo $$ >{}.new; mv {0}.new {0}; exec sleep 1000", mark(&bundle).display());
    // A startContainer hook sees only the container's files.
    let script = if stage == "startContainer" { "echo >/mark; exec sleep 1000" } else { &script };
    bundle.with("/hooks", json!({stage: [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}))
}

fn mark(bundle: &Bundle) -> PathBuf {
    bundle.folder().join("mark")
}

/// Kills the runtime process when the hook runs.
#[track_caller]
fn killed_in_the_hook(bundle: &Bundle, mut running: Running) {
    eventually("the hook runs", || mark(bundle).exists() || bundle.rootfs("/mark").exists());
    assert!(running.child.try_wait().unwrap().is_none(), "it did not wait for its hook");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
}

/// What `list --format json` tells of an id.
fn listed(bundle: &Bundle, id: &str) -> Option<Value> {
    let outcome = bundle.call(["list", "--format", "json"]).ok();
    let list: Value = serde_json::from_str(&outcome.out).unwrap();
    list.as_array().into_iter().flatten().find(|state| state["id"] == id).cloned()
}

/// Ends the hook itself, which nobody's cgroup or namespace holds, and looks for anything else.
#[track_caller]
fn nothing_but_the_hook_is_left(bundle: &Bundle) {
    let hook = fs::read_to_string(mark(bundle)).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(hook) = hook.and_then(rustix::process::Pid::from_raw) {
        let _ended = rustix::process::kill_process(hook, rustix::process::Signal::KILL);
        drop(fs::remove_file(mark(bundle)));
    }
    bundle.assert_nothing_left();
}

#[test]
fn a_create_killed_in_a_hook_is_seen_and_can_be_taken_back() {
    need_root!();
    for verb in ["create", "run"] {
        for stage in ["prestart", "createRuntime", "createContainer"] {
            let bundle = held_in(stage);
            let healthy = Bundle::of_sleep();
            let root = bundle.state_folder();
            let other = |arguments: &[&str]| {
                let root = ["--root", root.to_str().unwrap()];
                healthy.call(root.iter().chain(arguments).copied()).ok()
            };
            other(&["create", healthy.id()]);
            killed_in_the_hook(&bundle, bundle.call([verb, bundle.id()]).begin());

            assert_eq!(listed(&bundle, healthy.id()).expect("the healthy one")["status"], "created");
            let state = bundle.state();
            assert!(["stopped", "creating", "created"].contains(&state["status"].as_str().unwrap()), "{state}");
            bundle.create().fails().says("already exists");

            bundle.call(["delete", "--force", bundle.id()]).ok();
            assert_eq!(listed(&bundle, bundle.id()), None);
            other(&["delete", "--force", healthy.id()]);
            nothing_but_the_hook_is_left(&bundle);
        }
    }
}

/// The child ends with the runtime process that made it: it waits for nobody.
#[test]
fn the_unfinished_container_ends_with_its_runtime() {
    need_root!();
    need_cofferdam!("its child waits for ever");
    for stage in ["prestart", "createRuntime", "createContainer"] {
        let bundle = held_in(stage);
        killed_in_the_hook(&bundle, bundle.call(["create", bundle.id()]).begin());
        bundle.await_status("stopped");
        // Without force, too: there is nothing that would have to be ended.
        bundle.delete().ok();
        nothing_but_the_hook_is_left(&bundle);
    }
}

/// A hook is a program of the host's. It is told of nothing, as under runc: it may have work of its own to finish.
#[test]
fn a_hook_of_the_runtimes_outlives_its_runtime_and_holds_nothing() {
    need_root!();
    let bundle = held_in("createRuntime");
    killed_in_the_hook(&bundle, bundle.call(["create", bundle.id()]).begin());
    let hook: u32 = fs::read_to_string(mark(&bundle)).unwrap().trim().parse().unwrap();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert!(is_alive(hook));
    assert!(bundle.footprint().cgroups.is_empty() && bundle.footprint().state.is_empty());
    nothing_but_the_hook_is_left(&bundle);
}

/// The whole of the container, the hook with it, is in one PID namespace.
#[test]
fn a_hook_inside_ends_with_the_container() {
    need_root!();
    need_cofferdam!("its start does not wait for the hook");
    let bundle = held_in("startContainer");
    bundle.create().ok();
    killed_in_the_hook(&bundle, bundle.call(["start", bundle.id()]).begin());
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn a_start_killed_in_a_poststart_hook_leaves_a_container_that_runs() {
    need_root!();
    need_cofferdam!("Debian's runc runs poststart in create");
    let bundle = held_in("poststart");
    bundle.create().ok();
    killed_in_the_hook(&bundle, bundle.call(["start", bundle.id()]).begin());
    assert_eq!(bundle.status(), "running");
    bundle.exec(&["/bin/true"]).ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    nothing_but_the_hook_is_left(&bundle);
}

#[test]
fn the_id_can_be_taken_again() {
    need_root!();
    let mut bundle = held_in("createRuntime");
    for _ in 0..3 {
        killed_in_the_hook(&bundle, bundle.call(["create", bundle.id()]).begin());
        bundle.call(["delete", "--force", bundle.id()]).ok();
        nothing_but_the_hook_is_left(&bundle);
    }
    bundle.remove("/hooks");
    bundle.up();
    assert!(frozen(&bundle).is_empty(), "{:?}", frozen(&bundle));
    bundle.exec(&["/bin/true"]).ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}

/// Cgroups that are frozen.
fn frozen(bundle: &Bundle) -> Vec<PathBuf> {
    let is_frozen = |path: &PathBuf| {
        let says = |file: &str, word: &str| fs::read_to_string(path.join(file)).is_ok_and(|text| text.contains(word));
        says("freezer.state", "FR") || says("cgroup.events", "frozen 1")
    };
    bundle.footprint().cgroups.into_iter().filter(is_frozen).collect()
}

/// State folders of containers that no command of ours can have left so.
fn broken(state: &Path, healthy: &str) -> Vec<&'static str> {
    let folder = |name: &str| {
        fs::create_dir_all(state.join(name)).unwrap();
        state.join(name).join("state.json")
    };
    fs::write(folder("torn"), "{").unwrap();
    fs::write(folder("cut"), "").unwrap();
    folder("empty");
    symlink("/nonexistent", folder("dangling")).unwrap();
    let record = fs::read(state.join(healthy).join("state.json")).unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    // What it says of processes and cgroups is nobody's.
    record["version"] = json!(99);
    record["id"] = json!("future");
    record["init_process_pid"] = json!(0);
    record["cgroup_paths"] = json!({});
    fs::write(folder("future"), record.to_string()).unwrap();
    vec!["torn", "cut", "empty", "dangling", "future"]
}

#[test]
fn list_shows_the_healthy_one_and_warns_of_each_broken_one() {
    need_root!();
    need_cofferdam!("about its state files");
    let bundle = Bundle::of_sleep();
    bundle.up();
    let state = bundle.state_folder();
    let names = broken(&state, bundle.id());
    symlink("/nonexistent", state.join("link")).unwrap();
    for options in [&["list"][..], &["list", "--format", "json"], &["list", "-q"]] {
        let outcome = bundle.call(options.iter().copied()).ok();
        assert!(outcome.out.contains(bundle.id()), "{outcome}");
        for name in &names {
            assert!(!outcome.out.contains(name) && outcome.err.contains(&format!("container {name}: ")), "{outcome}");
        }
        // A link is no container, whole or broken.
        assert!(!outcome.out.contains("link") && !outcome.err.contains("container link"), "{outcome}");
    }
    let why = bundle.call(["list"]).ok().err;
    assert!(why.contains("format 99") && why.contains("use a newer one"), "{why}");
}

#[test]
fn a_broken_one_is_an_error_to_others_and_goes_by_force() {
    need_root!();
    need_cofferdam!("about its state files");
    let bundle = Bundle::of_sleep();
    bundle.up();
    let state = bundle.state_folder();
    for name in broken(&state, bundle.id()) {
        for arguments in [&["state", name][..], &["kill", name], &["start", name], &["exec", name, "/bin/true"]] {
            let outcome = bundle.call(arguments.iter().copied()).fails();
            assert!(outcome.err.contains(name), "{outcome}");
        }
        bundle.call(["create", name]).fails().says("already exists");
        bundle.call(["delete", "--force", name]).ok();
        assert!(!state.join(name).exists(), "{name}");
    }
    assert_eq!(bundle.status(), "running");
    bundle.exec(&["/bin/true"]).ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}
