//! Hooks: when, where, with what on stdin.

use harness::{Bundle, need_cofferdam, need_root};
use serde_json::json;
use std::fs;

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
fn a_hook_that_is_missing_is_named() {
    need_root!();
    for stage in ["prestart", "createRuntime", "createContainer"] {
        let bundle = Bundle::of_sleep().with("/hooks", json!({stage: [{"path": "/nonexistent/hook"}]}));
        let outcome = bundle.create().fails().says("/nonexistent/hook");
        assert!(outcome.err.contains("no such file or directory"), "{outcome}");
        bundle.assert_nothing_left();
    }
}
