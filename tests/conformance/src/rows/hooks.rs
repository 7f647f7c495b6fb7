//! config.md, hooks: when each kind runs, where, with what, and what comes of a failure.

use harness::{Bundle, eventually, programs};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

super::rows! { "hooks":
    "config.md, hooks" {
        all_kinds_in_their_order: "prestart, createRuntime and createContainer in `create`; startContainer, the program \
            and poststart in `start`; poststop in `delete`; each kind in the listed order",
        one_after_the_other: "a hook begins when the one before has ended",
        no_hooks_are_no_hooks: "all kinds are optional",
        a_relative_path_is_refused: "`path` must be absolute",
        a_path_that_is_not_there: "an error if the path is not there",
        the_arguments_are_as_listed: "`args` are the arguments, the first one the name",
        the_environment_is_as_listed: "`env` is the environment, no more",
        a_timeout_that_is_none_is_refused: "`timeout` must be greater than zero",
        a_timeout_ends_the_hook: "a hook that takes longer than `timeout` is aborted, and has failed",
        a_timeout_that_is_kept: "a hook that keeps its `timeout` is left alone",
        the_state_comes_on_stdin: "the state comes on stdin, which ends after it",
        a_hook_need_not_read: "a hook that does not read the state is no failure",
    }
    "config.md, prestart" {
        prestart_is_in_the_runtime_namespace: "path and namespaces are the runtime's, when the container has its own",
        prestart_that_fails: "a failure is an error of `create`, leaves nothing, and poststop follows",
    }
    "config.md, createRuntime hooks" {
        create_runtime_is_in_the_runtime_namespace: "path and namespaces are the runtime's, when the container has its \
            own",
        create_runtime_finds_the_mounts_made: "the mounts are made, and the root is not yet changed",
        create_runtime_that_fails: "a failure is an error of `create`, leaves nothing, and poststop follows",
    }
    "config.md, createContainer hooks" {
        create_container_is_in_the_container_namespace: "the path is the runtime's, the namespaces are the container's",
        create_container_finds_the_mounts_made: "the mounts are made, and the root is not yet changed",
        create_container_sees_its_own_pid: "`pid` is as the container sees it",
        create_container_that_fails: "a failure is an error of `create`, leaves nothing, and poststop follows",
    }
    "config.md, startContainer hooks" {
        start_container_is_in_the_container: "path and namespaces are the container's",
        start_container_is_before_the_program: "they end before the program begins, and see the status created",
        start_container_that_fails: "a failure is an error of `start`; the program never runs; poststop follows",
    }
    "config.md, poststart" {
        poststart_is_in_the_runtime_namespace: "path and namespaces are the runtime's, and the status is running",
        poststart_is_before_start_returns: "they have ended when `start` returns",
        poststart_that_fails: "a failure is an error of `start`; the container is stopped; poststop follows",
    }
    "config.md, poststop" {
        poststop_is_in_the_runtime_namespace: "path and namespaces are the runtime's, and the status is stopped",
        poststop_is_after_the_container: "the container's process and cgroup are gone, `delete` has not returned",
        poststop_that_fails: "a failure is a warning: the others run, and the container is deleted",
    }
}

/// The hooks of `create` that run before the container is there.
const CREATING: [&str; 3] = ["prestart", "createRuntime", "createContainer"];
const KINDS: [&str; 6] = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// A hook of the shell that runs `script`: `$state` is what came on stdin, `LOG` a file that hooks write to from inside
/// and from outside.
fn hook(bundle: &Bundle, kind: &str, script: &str) -> Value {
    let log = if kind == "startContainer" { PathBuf::from("/log") } else { bundle.rootfs("log") };
    let script = format!("state=$(cat); {script}").replace("LOG", log.to_str().expect("UTF-8"));
    json!({"path": "/bin/sh", "args": ["sh", "-c", script]})
}

/// A bundle with a hook of each of `kinds`, its script made by `script`.
fn with_hooks(bundle: Bundle, kinds: &[&str], script: impl Fn(&str) -> String) -> Bundle {
    let hooks = kinds.iter().map(|kind| ((*kind).to_owned(), json!([hook(&bundle, kind, &script(kind))])));
    let hooks = Value::Object(hooks.collect());
    bundle.with("/hooks", hooks)
}

/// What was written to `LOG`.
fn log(bundle: &Bundle) -> Vec<String> {
    let text = fs::read_to_string(bundle.rootfs("log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Ends the container.
fn end(bundle: &Bundle) {
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.delete().ok();
}

fn all_kinds_in_their_order() {
    let bundle = Bundle::of_shell("echo program >>/log; sleep 1000");
    // Slow ones tell whether what follows waits for them.
    let two = |kind: &str| [0, 1].map(|number| hook(&bundle, kind, &format!("sleep .1; echo {kind} {number} >>LOG")));
    let hooks = KINDS.map(|kind| (kind.to_owned(), json!(two(kind)))).into_iter().collect();
    let bundle = bundle.with("/hooks", Value::Object(hooks));
    let expected = |kinds: &[&str]| -> Vec<String> {
        kinds.iter().flat_map(|kind| [0, 1].map(|number| format!("{kind} {number}"))).collect()
    };
    bundle.create().ok();
    assert_eq!(log(&bundle), expected(&CREATING));
    bundle.call(["start", bundle.id()]).ok();
    eventually("it runs", || log(&bundle).contains(&"program".to_owned()));
    let started = log(&bundle);
    assert!(
        started.iter().position(|line| line == "program") > started.iter().position(|line| line == "startContainer 1")
    );
    end(&bundle);
    let whole: Vec<String> = log(&bundle).into_iter().filter(|line| line != "program").collect();
    assert_eq!(whole, expected(&KINDS));
}

fn one_after_the_other() {
    let bundle = Bundle::of_sleep();
    let both = ["echo begin >>LOG; sleep .2; echo end >>LOG"; 2].map(|script| hook(&bundle, "createRuntime", script));
    let bundle = bundle.with("/hooks", json!({"createRuntime": both}));
    bundle.create().ok();
    assert_eq!(log(&bundle), ["begin", "end", "begin", "end"]);
}

fn no_hooks_are_no_hooks() {
    let none = KINDS.map(|kind| (kind.to_owned(), json!([]))).into_iter().collect();
    for hooks in [json!({}), Value::Object(none)] {
        Bundle::of_shell("true").with("/hooks", hooks).run().ok();
    }
}

/// A hook that is refused, of whichever kind, before anything is done.
#[track_caller]
fn refused(hook: &Value) {
    for kind in KINDS {
        let bundle = Bundle::of_sleep().with("/hooks", json!({kind: [hook]}));
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}

fn a_relative_path_is_refused() {
    refused(&json!({"path": "bin/true"}));
}

fn a_path_that_is_not_there() {
    for kind in CREATING {
        let bundle = Bundle::of_sleep().with("/hooks", json!({kind: [{"path": "/nonexistent/hook"}]}));
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}

fn the_arguments_are_as_listed() {
    for kind in KINDS {
        let bundle = Bundle::of_sleep();
        // By its first argument busybox knows what it is to be.
        let mut hook = hook(&bundle, kind, "echo \"$0|$1|$2\" >LOG");
        hook["path"] = if kind == "startContainer" { json!("/bin/busybox") } else { json!(programs::busybox()) };
        hook["args"].as_array_mut().expect("arguments").extend([json!("zero"), json!(""), json!("two words")]);
        let bundle = bundle.with("/hooks", json!({kind: [hook]}));
        bundle.up();
        eventually("it ran", || kind == "poststop" || !log(&bundle).is_empty());
        end(&bundle);
        assert_eq!(log(&bundle), ["zero||two words"], "{kind}");
    }
}

fn the_environment_is_as_listed() {
    for kind in KINDS {
        let bundle = Bundle::of_sleep();
        let mut hook = hook(&bundle, kind, "tr '\\0' '\\n' </proc/self/environ >LOG.new; mv LOG.new LOG");
        hook["env"] = json!(["PATH=/usr/bin:/bin", "A=b c"]);
        let bundle = bundle.with("/hooks", json!({kind: [hook]}));
        bundle.up();
        eventually("it ran", || kind == "poststop" || !log(&bundle).is_empty());
        end(&bundle);
        let mut said = log(&bundle);
        said.sort();
        assert_eq!(said, ["A=b c", "PATH=/usr/bin:/bin"], "{kind}");
    }
}

fn a_timeout_that_is_none_is_refused() {
    for timeout in [0, -1] {
        refused(&json!({"path": "/bin/true", "timeout": timeout}));
    }
}

fn a_timeout_ends_the_hook() {
    let bundle = Bundle::of_sleep();
    let mut hook = hook(&bundle, "createRuntime", "echo $$ >LOG; exec sleep 100");
    hook["timeout"] = json!(1);
    let bundle = bundle.with("/hooks", json!({"createRuntime": [hook]}));
    let outcome = bundle.create().fails();
    assert!(outcome.took.as_secs() < 10, "{outcome}");
    let pid = log(&bundle)[0].parse().expect("a pid");
    eventually("the hook is gone", || !harness::footprint::is_alive(pid));
    bundle.assert_nothing_left();
}

fn a_timeout_that_is_kept() {
    let bundle = Bundle::of_sleep();
    let mut hook = hook(&bundle, "createRuntime", "sleep .2; echo done >LOG");
    hook["timeout"] = json!(10);
    let bundle = bundle.with("/hooks", json!({"createRuntime": [hook]}));
    bundle.create().ok();
    assert_eq!(log(&bundle), ["done"]);
}

fn the_state_comes_on_stdin() {
    let bundle =
        with_hooks(Bundle::of_sleep(), &KINDS, |kind| format!("echo \"$state\" >LOG.new; mv LOG.new LOG.{kind}"));
    let bundle = bundle.with("/annotations", json!({"a": "b"}));
    bundle.up();
    eventually("it ran", || bundle.rootfs("log.startContainer").exists());
    end(&bundle);
    for kind in KINDS {
        let text = fs::read_to_string(bundle.rootfs(&format!("log.{kind}"))).expect("the hook ran");
        let state: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{kind}: {error}: {text}"));
        assert_eq!((&state["id"], &state["annotations"]), (&json!(bundle.id()), &json!({"a": "b"})), "{kind}");
        assert_eq!(state["bundle"], json!(bundle.folder()), "{kind}");
        assert!(state["ociVersion"].is_string() && state["status"].is_string(), "{kind}: {state}");
    }
}

fn a_hook_need_not_read() {
    let long = (0..2000).map(|number| (format!("key{number}"), json!("x".repeat(100)))).collect();
    let hooks = KINDS.map(|kind| (kind.to_owned(), json!([{"path": "/bin/true"}]))).into_iter().collect();
    let bundle = Bundle::of_sleep().with("/annotations", Value::Object(long)).with("/hooks", Value::Object(hooks));
    bundle.up();
    end(&bundle);
}

/// What a hook of `kind` says of where it is: its path is that of a link to the shell which only one side has.
fn place(kind: &str, tell: &str) -> (Bundle, Vec<String>) {
    let bundle = Bundle::of_sleep();
    let mut hook = hook(&bundle, kind, &format!("{{ {tell}; }} >LOG.new; mv LOG.new LOG"));
    let (link, path) = if kind == "startContainer" {
        (bundle.rootfs("only-inside"), PathBuf::from("/only-inside"))
    } else {
        (bundle.folder().join("only-outside"), bundle.folder().join("only-outside"))
    };
    symlink("/bin/sh", link).expect("a link");
    hook["path"] = json!(path);
    let bundle = bundle.with("/hooks", json!({kind: [hook]}));
    bundle.create().ok();
    if !CREATING.contains(&kind) {
        bundle.call(["start", bundle.id()]).ok();
    }
    if kind == "poststop" {
        end(&bundle);
    }
    eventually("it ran", || !log(&bundle).is_empty());
    let said = log(&bundle);
    (bundle, said)
}

const NAMESPACES: [&str; 5] = ["mnt", "uts", "ipc", "net", "pid"];

/// The namespaces of a hook, in the order of [`NAMESPACES`].
fn namespaces_in(kind: &str) -> (Bundle, Vec<String>) {
    place(kind, "for kind in mnt uts ipc net pid; do readlink /proc/self/ns/$kind; done")
}

fn namespaces_of(process: &str) -> Vec<String> {
    let link = |kind| fs::read_link(format!("/proc/{process}/ns/{kind}")).expect("a namespace");
    NAMESPACES.map(|kind| link(kind).to_string_lossy().into_owned()).into()
}

#[track_caller]
fn is_in_the_runtime_namespace(kind: &str) {
    assert_eq!(namespaces_in(kind).1, namespaces_of("self"));
}

#[track_caller]
fn is_in_the_container_namespace(kind: &str) {
    let (bundle, said) = namespaces_in(kind);
    assert_eq!(said, namespaces_of(&bundle.pid().to_string()));
}

/// The state that a hook of `kind` gets.
#[track_caller]
fn state_in(kind: &str) -> (Bundle, Value) {
    let (bundle, said) = place(kind, "echo \"$state\"");
    let state = serde_json::from_str(&said.concat()).expect("a state");
    (bundle, state)
}

/// A failing hook of `create`.
#[track_caller]
fn fails_create(kind: &str) {
    let bundle = Bundle::of_shell("echo program >>/log");
    let hooks = json!({
        kind: [hook(&bundle, kind, "echo first >>LOG; exit 7"), hook(&bundle, kind, "echo second >>LOG")],
        "startContainer": [hook(&bundle, "startContainer", "echo start >>LOG")],
        "poststop": [hook(&bundle, "poststop", "echo poststop >>LOG")],
    });
    let bundle = bundle.with("/hooks", hooks);
    bundle.create().fails();
    assert_eq!(log(&bundle), ["first", "poststop"]);
    bundle.call(["state", bundle.id()]).fails();
    bundle.assert_nothing_left();
}

fn prestart_is_in_the_runtime_namespace() {
    is_in_the_runtime_namespace("prestart");
    let (bundle, state) = state_in("prestart");
    assert_eq!(state["pid"], bundle.pid());
}

fn prestart_that_fails() {
    fails_create("prestart");
}

fn create_runtime_is_in_the_runtime_namespace() {
    is_in_the_runtime_namespace("createRuntime");
    let (bundle, state) = state_in("createRuntime");
    assert_eq!(state["pid"], bundle.pid());
}

/// The config's mounts, as a hook before the change of the root must see them in the container's mount namespace.
#[track_caller]
fn finds_the_mounts_made(kind: &str, mountinfo: &str) {
    let (bundle, said) = place(kind, mountinfo);
    let target = bundle.rootfs("dev/shm").to_string_lossy().into_owned();
    assert!(said.iter().any(|line| line.split(' ').nth(4) == Some(&target)), "{target}: {said:#?}");
}

fn create_runtime_finds_the_mounts_made() {
    let pid = "sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'";
    finds_the_mounts_made("createRuntime", &format!("cat /proc/$(echo \"$state\" | tr -d '\\n' | {pid})/mountinfo"));
}

fn create_runtime_that_fails() {
    fails_create("createRuntime");
}

fn create_container_is_in_the_container_namespace() {
    is_in_the_container_namespace("createContainer");
}

fn create_container_finds_the_mounts_made() {
    finds_the_mounts_made("createContainer", "cat /proc/self/mountinfo");
}

fn create_container_sees_its_own_pid() {
    assert_eq!(state_in("createContainer").1["pid"], 1);
}

fn create_container_that_fails() {
    fails_create("createContainer");
}

fn start_container_is_in_the_container() {
    is_in_the_container_namespace("startContainer");
}

fn start_container_is_before_the_program() {
    let (_bundle, state) = state_in("startContainer");
    assert_eq!((&state["status"], &state["pid"]), (&json!("created"), &json!(1)));
    let bundle = Bundle::of_shell("echo program >>/log; sleep 1000");
    let bundle = with_hooks(bundle, &["startContainer"], |_| "sleep .1; echo hook >>LOG".to_owned());
    bundle.up();
    eventually("it runs", || log(&bundle).len() == 2);
    assert_eq!(log(&bundle), ["hook", "program"]);
}

/// A hook that fails in `start`: the container is gone, or stopped and then deleted; poststop runs once.
#[track_caller]
fn fails_start(kind: &str) -> Vec<String> {
    let bundle = Bundle::of_shell("echo program >>/log; sleep 1000");
    let hooks = json!({
        kind: [hook(&bundle, kind, "echo first >>LOG; exit 7"), hook(&bundle, kind, "echo second >>LOG")],
        "poststop": [hook(&bundle, "poststop", "echo poststop >>LOG")],
    });
    let bundle = bundle.with("/hooks", hooks);
    bundle.create().ok();
    bundle.call(["start", bundle.id()]).fails();
    let told = bundle.call(["state", bundle.id()]).outcome();
    if told.code == 0 {
        assert!(kind == "startContainer" || bundle.status() == "stopped", "{told}");
        bundle.await_status("stopped");
        bundle.delete().ok();
    }
    bundle.assert_nothing_left();
    log(&bundle)
}

fn start_container_that_fails() {
    assert_eq!(fails_start("startContainer"), ["first", "poststop"]);
}

fn poststart_is_in_the_runtime_namespace() {
    is_in_the_runtime_namespace("poststart");
    let (bundle, state) = state_in("poststart");
    assert_eq!((&state["status"], &state["pid"]), (&json!("running"), &json!(bundle.pid())));
}

fn poststart_is_before_start_returns() {
    let bundle = with_hooks(Bundle::of_sleep(), &["poststart"], |_| "sleep .2; echo done >LOG".to_owned());
    bundle.create().ok();
    assert_eq!(log(&bundle), Vec::<String>::new());
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(log(&bundle), ["done"]);
}

fn poststart_that_fails() {
    let said = fails_start("poststart");
    let said: Vec<&str> = said.iter().map(String::as_str).filter(|line| *line != "program").collect();
    assert_eq!(said, ["first", "poststop"]);
}

fn poststop_is_in_the_runtime_namespace() {
    is_in_the_runtime_namespace("poststop");
    let (_bundle, state) = state_in("poststop");
    assert_eq!(state["status"], "stopped");
    assert_eq!(state.get("pid").cloned().unwrap_or(json!(0)), 0);
}

fn poststop_is_after_the_container() {
    let bundle = Bundle::of_sleep();
    let cgroup = bundle.cgroup("pids");
    let script = format!("test -e {} || echo gone >LOG", cgroup.display());
    let bundle = with_hooks(bundle, &["poststop"], |_| script.clone());
    bundle.up();
    end(&bundle);
    assert_eq!(log(&bundle), ["gone"]);
}

fn poststop_that_fails() {
    let bundle = Bundle::of_sleep();
    let scripts = ["echo first >>LOG; exit 7", "echo second >>LOG"];
    let hooks = scripts.map(|script| hook(&bundle, "poststop", script));
    let bundle = bundle.with("/hooks", json!({"poststop": hooks}));
    bundle.up();
    end(&bundle);
    assert_eq!(log(&bundle), ["first", "second"]);
    bundle.assert_nothing_left();
}
