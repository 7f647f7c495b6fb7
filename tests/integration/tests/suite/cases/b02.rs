//! B02: a bind is what says `bind` or `rbind` in its options, whatever its type.

use harness::{Bundle, need_root, programs};
use serde_json::{Value, json};
use std::fs;

fn with_file(mount: Value) -> Bundle {
    let mut bundle = Bundle::of_shell("cat /m1");
    fs::write(bundle.folder().join("f"), "content").unwrap();
    bundle.set("/mounts/-", mount);
    bundle
}

#[test]
fn no_type_and_a_relative_target() {
    need_root!();
    let bundle = with_file(json!({"source": "./f", "destination": "m1", "options": ["bind"]}));
    assert_eq!(bundle.run().ok().out, "content");
}

#[test]
fn a_relative_target_is_warned_of() {
    need_root!();
    let bundle = with_file(json!({"source": "./f", "destination": "m1", "options": ["bind"]}));
    bundle.call(["--log", "log", "run", bundle.id()]).ok();
    let log = fs::read_to_string(bundle.folder().join("log")).unwrap();
    assert!(log.contains("warning") && log.contains("m1"), "{log}");
}

#[test]
fn type_none_and_other_dummies() {
    need_root!();
    for kind in ["none", "bind", "", "nonesuch"] {
        for option in ["bind", "rbind"] {
            let mount = json!({"type": kind, "source": "f", "destination": "/m1", "options": [option, "ro"]});
            assert_eq!(with_file(mount).run().ok().out, "content", "{kind} {option}");
        }
    }
}

#[test]
fn type_bind_alone_is_taken_or_refused_by_name() {
    need_root!();
    for options in [json!([]), json!(["ro"]), Value::Null] {
        let mut mount = json!({"type": "bind", "source": "f", "destination": "/m1"});
        if !options.is_null() {
            mount["options"] = options;
        }
        let bundle = with_file(mount);
        let outcome = bundle.run();
        if outcome.code == 0 {
            assert_eq!(outcome.out, "content");
        } else if programs::is_cofferdam() {
            assert!(outcome.err.contains("bind") && outcome.err.contains("/m1"), "{outcome}");
        }
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_source_is_relative_to_the_bundle_whatever_the_callers_directory() {
    need_root!();
    let bundle = with_file(json!({"source": "f", "destination": "/m1", "options": ["bind"]}));
    let folder = bundle.folder().to_str().unwrap().to_owned();
    let outcome = bundle.call(["run", "--bundle", &folder, bundle.id()]).cwd("/".as_ref()).ok();
    assert_eq!(outcome.out, "content");
}
