//! Commands that need no container, and the parsing of all.

use harness::{Bundle, need_cofferdam, need_root, programs};
use serde_json::{Value, json};
use std::fs;

#[test]
fn version_is_what_engines_parse() {
    let bundle = Bundle::new();
    for flag in ["--version", "-v"] {
        let outcome = bundle.call([flag]).ok();
        let lines: Vec<&str> = outcome.out.lines().collect();
        assert!(lines[0].contains(" version "), "{outcome}");
        // dockerd takes the last line with that word.
        assert_eq!(lines.iter().filter(|line| line.contains("version")).count(), 1, "{outcome}");
        assert!(lines.iter().any(|line| line.starts_with("spec: 1.")), "{outcome}");
    }
}

#[test]
fn features_is_pure_json_without_root_folder_or_rights() {
    need_cofferdam!("Debian's runc has fewer");
    let bundle = Bundle::new();
    let outcome = bundle.call(["features"]).ok();
    assert_eq!(outcome.err, "");
    let features: Value = serde_json::from_str(&outcome.out).unwrap();
    for key in ["ociVersionMin", "ociVersionMax"] {
        assert!(features[key].as_str().is_some_and(|version| version.starts_with("1.")), "{features:#}");
    }
    for (pointer, wanted) in [
        ("/hooks", "createRuntime"),
        ("/mountOptions", "rro"),
        ("/linux/namespaces", "time"),
        ("/linux/capabilities", "CAP_CHOWN"),
        ("/linux/seccomp/actions", "SCMP_ACT_NOTIFY"),
        ("/linux/seccomp/operators", "SCMP_CMP_MASKED_EQ"),
        ("/linux/seccomp/archs", "SCMP_ARCH_X86_64"),
    ] {
        let list = features.pointer(pointer).and_then(Value::as_array);
        assert!(list.is_some_and(|list| list.contains(&json!(wanted))), "{pointer}: {list:?}");
    }
    assert_eq!(features["linux"]["mountExtensions"]["idmap"]["enabled"], true);
    assert!(features["linux"]["cgroup"]["v1"] == true && features["linux"]["cgroup"]["v2"] == true);
}

#[test]
fn spec_writes_a_config_that_runs() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::remove_file(bundle.folder().join("config.json")).unwrap();
    bundle.call(["spec"]).ok();
    bundle.call(["spec"]).fails().says("exists");
    let text = fs::read_to_string(bundle.folder().join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&config["process"]["terminal"], &config["process"]["args"]), (&json!(true), &json!(["sh"])));
    assert_eq!(config["root"], json!({"path": "rootfs", "readonly": true}));
    config["process"]["terminal"] = json!(false);
    if !harness::host::has_capability(harness::host::SYS_RESOURCE) {
        // Raising limits needs it.
        config["process"]["rlimits"] = json!([]);
    }
    bundle.config = config;
    let cgroup = format!("/cofferdam-test-{}", bundle.tag());
    bundle.set("/linux/cgroupsPath", json!(cgroup));
    let seen = bundle.probe(&[]);
    assert!(!seen["hostname"].as_str().unwrap().is_empty());
    bundle.assert_nothing_left();
}

#[test]
fn flags_are_parsed_as_go_does() {
    need_root!();
    let bundle = Bundle::of_shell("exit 4");
    let folder = bundle.folder().to_str().unwrap().to_owned();
    let equals = format!("--bundle={folder}");
    let single = format!("-bundle={folder}");
    for arguments in [
        vec!["run", "--bundle", &folder],
        vec!["run", &equals],
        vec!["run", &single],
        vec!["run", "-bundle", &folder],
        vec!["run", "-b", &folder],
        vec!["run", "-no-subreaper", "-b", &folder],
        vec!["run", "--no-pivot=false", "-b", &folder],
        vec!["run", "-b", "/nonexistent", "-b", &folder],
        vec!["--debug", "--log", "/dev/null", "run", "-b", &folder],
        vec!["--log=/dev/null", "--log-format=json", "run", "-b", &folder],
    ] {
        let mut all = arguments;
        all.push(bundle.id());
        if all.contains(&"/nonexistent") && !programs::is_cofferdam() {
            continue;
        }
        bundle.call(all).cwd("/".as_ref()).outcome().exits(4);
    }
}

#[test]
fn a_root_of_slash_is_refused() {
    need_cofferdam!("Debian's runc takes it");
    let bundle = Bundle::new();
    for root in ["/", "", "/."] {
        harness::Call::new(&programs::runtime(), bundle.folder())
            .args(["--root", root, "list"])
            .cwd("/".as_ref())
            .fails();
    }
}

#[test]
fn help_exits_with_0() {
    let bundle = Bundle::new();
    for arguments in [vec!["--help"], vec!["-h"], vec!["create", "--help"], vec!["exec", "-h"]] {
        let outcome = bundle.call(arguments).ok();
        assert!(outcome.out.lines().count() > 3, "{outcome}");
    }
}

#[test]
fn plan_needs_neither_root_nor_anything_of_the_host() {
    need_cofferdam!("plan is ours");
    let bundle = Bundle::new();
    let text = bundle.call(["plan", bundle.id()]).ok().out;
    for step in ["proc", "pivot", "exec"] {
        assert!(text.to_lowercase().contains(step), "no {step} in {text}");
    }
    let json: Value = serde_json::from_str(&bundle.call(["plan", "--format", "json", bundle.id()]).ok().out).unwrap();
    assert!(json.to_string().contains("pivot-root"), "{json:#}");
    assert!(bundle.footprint().is_empty());
}

#[test]
fn trace_is_a_chrome_trace() {
    need_root!();
    need_cofferdam!("--trace is ours");
    let bundle = Bundle::of_shell("true");
    bundle.call(["run", "--trace", "trace.json", bundle.id()]).ok();
    let text = fs::read_to_string(bundle.folder().join("trace.json")).unwrap();
    let trace: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let events = trace.get("traceEvents").unwrap_or(&trace).as_array().unwrap();
    assert!(events.len() > 20, "{trace:#}");
    let spans = events.iter().filter(|event| event["ph"] == "X");
    assert!(
        spans.clone().count() > 20 && spans.clone().all(|event| event["dur"].is_number() && event["ts"].is_number())
    );
}
