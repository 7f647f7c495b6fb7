//! Hooks: when, where, with what on stdin.

use harness::{Bundle, eventually, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;

/// A hook that adds a line to `log`: its name and what `script` prints.
fn telling(bundle: &Bundle, name: &str, script: &str) -> Value {
    let log = bundle.folder().join("hooks.log");
    json!({"path": "/bin/sh", "args": ["sh", "-c", format!("echo {name} $({script}) >>{}", log.display())]})
}

fn log(bundle: &Bundle) -> Vec<String> {
    let text = fs::read_to_string(bundle.folder().join("hooks.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn hooks_run_in_their_order() {
    need_root!();
    need_cofferdam!("Debian's runc runs poststart in create");
    let bundle = Bundle::of_sleep();
    let tell = |name| telling(&bundle, name, "true");
    let hooks = json!({
        "prestart": [tell("prestart-0"), tell("prestart-1")], "createRuntime": [tell("createRuntime")],
        "poststart": [tell("poststart")], "poststop": [tell("poststop")],
        // These look their path up in the runtime's namespace but run where the host's files are still to be seen.
        "createContainer": [tell("createContainer")],
    });
    let bundle = bundle.with("/hooks", hooks);
    bundle.create().ok();
    let created = ["prestart-0", "prestart-1", "createRuntime", "createContainer"];
    assert_eq!(log(&bundle), created);
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(log(&bundle)[4..], ["poststart"]);
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert_eq!(log(&bundle)[5..], ["poststop"]);
}

#[test]
fn hooks_get_the_state() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let tell = |name: &str| {
        let file = bundle.folder().join(name);
        json!({"path": "/bin/sh", "args": ["sh", "-c", format!("cat >{}", file.display())]})
    };
    let hooks = json!({"createRuntime": [tell("createRuntime")], "createContainer": [tell("createContainer")],
        "poststart": [tell("poststart")], "poststop": [tell("poststop")]});
    let bundle = bundle.with("/hooks", hooks).with("/annotations", json!({"a": "b"}));
    bundle.up();
    let pid = bundle.pid();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    let state = |name: &str| -> Value {
        let text = fs::read_to_string(bundle.folder().join(name)).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
    };
    for name in ["createRuntime", "createContainer", "poststart", "poststop"] {
        assert_eq!(state(name)["id"], bundle.id(), "{name}");
        assert_eq!(state(name)["bundle"], bundle.folder().to_str().unwrap(), "{name}");
        assert_eq!(state(name)["annotations"]["a"], "b", "{name}");
    }
    assert_eq!(state("createRuntime")["pid"], pid);
    assert_eq!(state("createRuntime")["status"], "creating");
    assert_eq!(state("createContainer")["pid"], 1, "the pid as the container sees it");
    assert_eq!(state("poststart")["pid"], pid);
    if harness::programs::is_cofferdam() {
        assert_eq!(state("poststart")["status"], "running");
    }
    assert_eq!(state("poststop")["status"], "stopped");
}

#[test]
fn hooks_run_in_their_namespaces() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let tell = |name| telling(&bundle, name, "readlink /proc/self/ns/mnt");
    let hooks = json!({"createRuntime": [tell("createRuntime")], "createContainer": [tell("createContainer")]});
    let bundle = bundle.with("/hooks", hooks);
    bundle.create().ok();
    let own = fs::read_link("/proc/self/ns/mnt").unwrap();
    let init = fs::read_link(format!("/proc/{}/ns/mnt", bundle.pid())).unwrap();
    assert_eq!(
        log(&bundle),
        [format!("createRuntime {}", own.display()), format!("createContainer {}", init.display())]
    );
}

#[test]
fn start_container_runs_inside_before_the_program() {
    need_root!();
    let bundle = Bundle::of_shell("cat /mark; exec sleep 1000");
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", "cat >/state; pwd >/mark; echo $PATH >>/mark"], "env": ["PATH=/bin"]});
    let bundle = bundle.with("/hooks", json!({"startContainer": [hook]}));
    bundle.create().ok();
    assert!(!bundle.rootfs("mark").exists());
    bundle.call(["start", bundle.id()]).ok();
    eventually("the hook ran", || bundle.rootfs("mark").exists());
    let state: Value = serde_json::from_str(&fs::read_to_string(bundle.rootfs("state")).unwrap()).unwrap();
    assert_eq!((&state["status"], &state["id"]), (&json!("created"), &json!(bundle.id())));
}

#[test]
fn start_container_without_an_environment_gets_the_programs() {
    need_root!();
    need_cofferdam!("Debian's runc gives it none");
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", "echo $ONE $HOME >/seen"]});
    let mut bundle = Bundle::of_shell("true").with("/hooks", json!({"startContainer": [hook]}));
    bundle.set("/process/env", json!(["PATH=/bin", "ONE=zero", "ONE=one"]));
    bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    std::os::unix::fs::chown(bundle.rootfs(""), Some(1000), Some(1000)).unwrap();
    bundle.run().ok();
    assert_eq!(fs::read_to_string(bundle.rootfs("seen")).unwrap(), "one /home/u\n");
}

#[test]
fn hooks_get_exactly_their_arguments_and_only_standard_descriptors() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let file = bundle.folder().join("seen");
    let script = format!("echo $0 $1 $2 >{0}; ls /proc/self/fd | wc -l >>{0}", file.display());
    let hook = json!({"path": "/bin/sh", "args": ["own name", "-c", script, "zero", "one", "two words"], "env": ["PATH=/bin:/usr/bin"]});
    let bundle = bundle.with("/hooks", json!({"createRuntime": [hook]}));
    bundle.create().ok();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "zero one two words");
    // 0, 1, 2 and the one that ls opens.
    assert_eq!(lines[1].trim(), "4", "descriptors leak into hooks");
}

#[test]
fn a_hook_that_does_not_read_its_stdin_is_fine() {
    need_root!();
    let big: serde_json::Map<String, Value> =
        (0..2000).map(|index| (format!("key{index}"), json!("x".repeat(100)))).collect();
    let bundle = Bundle::of_sleep()
        .with("/annotations", Value::Object(big))
        .with("/hooks", json!({"createRuntime": [{"path": "/bin/true"}], "createContainer": [{"path": "/bin/true"}]}));
    bundle.create().ok();
}

#[test]
fn a_hook_that_is_missing_is_named() {
    need_root!();
    for stage in ["prestart", "createRuntime", "createContainer"] {
        let bundle = Bundle::of_sleep().with("/hooks", json!({stage: [{"path": "/nonexistent/hook"}]}));
        let outcome = bundle.create().fails().says("/nonexistent/hook");
        assert!(outcome.err.contains("no such file or directory"), "{outcome}");
        bundle.assert_nothing_left();
    }
}
