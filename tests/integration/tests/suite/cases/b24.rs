//! B24: a hook that fails, hangs or is nonsense.

use harness::{Bundle, Outcome, eventually, need_cofferdam, need_root, programs};
use serde_json::{Value, json};
use std::fs;

fn hook(script: &str) -> Value {
    json!({"path": "/bin/sh", "args": ["sh", "-c", script]})
}

/// A bundle with one hook of that stage after one that works, and a poststop hook that leaves a mark.
fn with(stage: &str, hook_under_test: &Value) -> Bundle {
    let bundle = Bundle::of_sleep();
    let mark = format!("touch {}", bundle.folder().join("poststop").display());
    let mut hooks = json!({"poststop": [hook(&mark)]});
    hooks[stage] = json!([hook("true"), hook_under_test]);
    bundle.with("/hooks", hooks)
}

#[track_caller]
fn gone(bundle: &Bundle) {
    bundle.assert_nothing_left();
    if programs::is_cofferdam() {
        assert!(bundle.folder().join("poststop").exists(), "poststop did not run");
    }
}

#[track_caller]
fn shows(outcome: &Outcome, stage: &str) {
    for words in ["#1", "exit status 3"] {
        assert!(outcome.err.contains(words), "no {words:?}: {outcome}");
    }
    if programs::is_cofferdam() {
        for words in [stage, "E42", "/bin/sh"] {
            assert!(outcome.err.contains(words), "no {words:?}: {outcome}");
        }
    }
}

#[test]
fn a_failure_shows_stage_index_path_status_and_its_own_words() {
    need_root!();
    for stage in ["prestart", "createRuntime", "createContainer"] {
        let bundle = with(stage, &hook("echo E42 >&2; exit 3"));
        shows(&bundle.create().fails().exits(1), stage);
        gone(&bundle);
    }
}

#[test]
fn a_failure_at_start_stops_the_container() {
    need_root!();
    need_cofferdam!("Debian's runc runs poststart in create");
    for stage in ["startContainer", "poststart"] {
        let bundle = with(stage, &hook("echo E42 >&2; exit 3"));
        bundle.create().ok();
        shows(&bundle.call(["start", bundle.id()]).fails(), stage);
        eventually("it is stopped", || !bundle.call(["state", bundle.id()]).outcome().out.contains("running"));
        bundle.call(["delete", "--force", bundle.id()]).ok();
        gone(&bundle);
    }
}

#[test]
fn a_hook_that_leaves_a_child_with_its_output_is_over_in_time() {
    need_root!();
    need_cofferdam!("Debian's runc waits for the child");
    for stage in ["prestart", "createRuntime", "createContainer"] {
        let mut slow = hook("sleep 60 & sleep 60");
        slow["timeout"] = json!(1);
        let bundle = with(stage, &slow);
        let outcome = bundle.create().fails();
        assert!((900..3000).contains(&outcome.took.as_millis()), "{:?}: {outcome}", outcome.took);
        gone(&bundle);
    }
}

#[test]
fn a_hook_whose_child_keeps_its_output_does_not_hang_create() {
    need_root!();
    need_cofferdam!("Debian's runc waits for the child");
    for stage in ["prestart", "createRuntime", "createContainer"] {
        let bundle = with(stage, &hook("sleep 60 & exit 0"));
        let outcome = bundle.create().ok();
        assert!(outcome.took.as_secs() < 5, "{outcome}");
    }
}

#[test]
fn the_environment_is_inherited_when_unset_and_empty_when_empty() {
    need_root!();
    for (env, wanted) in [(None, true), (Some(json!([])), false), (Some(json!(["A=b"])), false)] {
        let bundle = Bundle::of_sleep();
        let file = bundle.folder().join("env");
        let mut tells = hook(&format!("/usr/bin/env >{}", file.display()));
        let given = env.is_some();
        if let Some(env) = env {
            tells["env"] = env;
        }
        let bundle = bundle.with("/hooks", json!({"createRuntime": [tells]}));
        if given
            && !wanted
            && bundle.config["hooks"]["createRuntime"][0]["env"] == json!([])
            && !programs::is_cofferdam()
        {
            // Go treats the empty list as none.
            continue;
        }
        bundle.call(["create", bundle.id()]).env("FROM_OUTSIDE", "seen").ok();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.contains("FROM_OUTSIDE=seen"), wanted, "{text}");
        assert_eq!(text.contains("A=b"), bundle.config["hooks"]["createRuntime"][0]["env"] == json!(["A=b"]), "{text}");
    }
}

#[test]
fn a_timeout_of_nothing_is_refused() {
    need_root!();
    need_cofferdam!("Debian's runc takes it");
    for timeout in [0, -1] {
        let mut wrong = hook("true");
        wrong["timeout"] = json!(timeout);
        let bundle = Bundle::of_sleep().with("/hooks", json!({"poststart": [wrong]}));
        bundle.create().fails().says("timeout");
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_poststop_that_fails_is_a_warning() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let mark = bundle.folder().join("second");
    let second = hook(&format!("touch {}", mark.display()));
    let bundle = bundle.with("/hooks", json!({"poststop": [hook("echo E42 >&2; exit 1"), second]}));
    bundle.create().ok();
    let outcome = bundle.call(["--log", "log", "delete", "--force", bundle.id()]).ok();
    let log = fs::read_to_string(bundle.folder().join("log")).unwrap_or_default() + &outcome.err;
    if programs::is_cofferdam() {
        assert!(log.contains("poststop") && log.contains("warning"), "{log}");
        assert!(mark.exists(), "the second hook did not run");
    }
    bundle.assert_nothing_left();
}
