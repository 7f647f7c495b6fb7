use crate::config::*;
use serde_json::{Value, json};

#[test]
fn process() {
    let null = Value::Null;
    for (change, pointer, words) in [
        (("/process/cwd", json!("work")), "/process/cwd", "Cwd must be an absolute path"),
        (("/process/cwd", json!("")), "/process/cwd", "Cwd property must not be empty"),
        (("/process/cwd", null.clone()), "/process/cwd", "missing: Cwd property must not be empty"),
        (("/process/args", json!([])), "/process/args", "args must not be empty"),
        (("/process/args", null.clone()), "/process/args", "args must not be empty"),
        (("/process/args/0", json!(1)), "/process/args/0", "must be text"),
        (("/process/env/1", json!("SECRET")), "/process/env/1", "invalid environment variable: missing '='"),
        (("/process/env/1", json!("=SECRET")), "/process/env/1", "name cannot be empty"),
        (("/process/oomScoreAdj", json!(1001)), "/process/oomScoreAdj", "from -1000 to 1000"),
        (("/process/user/uid", json!(4_294_967_295_u32)), "/process/user/uid", "4294967294"),
        (("/process/user/additionalGids", json!([1, 4_294_967_295_u32])), "/process/user/additionalGids/1", "429"),
        (("/process/user/umask", json!(512)), "/process/user/umask", "from 0 to 511"),
        (("/process/rlimits/0/type", json!("RLIMIT_X")), "/process/rlimits/0/type", "RLIMIT_CPU"),
        (("/process/rlimits/0/type", json!("NOFILE")), "/process/rlimits/0/type", "did you mean RLIMIT_NOFILE?"),
        (("/process/rlimits/0/soft", json!(2000)), "/process/rlimits/0/soft", "above the hard limit, 1024"),
        (("/process/rlimits/1", base()["process"]["rlimits"][0].clone()), "/process/rlimits/1", "once"),
        (
            ("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 8})),
            "/process/ioPriority/priority",
            "0 to 7",
        ),
        (
            ("/process/ioPriority", json!({"class": "BEST", "priority": 8})),
            "/process/ioPriority/class",
            "IOPRIO_CLASS_RT",
        ),
        (
            ("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": 20})),
            "/process/scheduler/nice",
            "from -20 to 19",
        ),
        (
            ("/process/scheduler", json!({"policy": "SCHED_OTHER", "priority": 1})),
            "/process/scheduler/priority",
            "scheduler.priority can only be specified for",
        ),
        (
            ("/process/scheduler", json!({"policy": "SCHED_FIFO", "runtime": 1})),
            "/process/scheduler/runtime",
            "can only be specified for SchedDeadline policy",
        ),
        (("/process/scheduler", json!({})), "/process/scheduler/policy", "is required"),
        (("/process/execCPUAffinity", json!({"initial": "3-1"})), "/process/execCPUAffinity/initial", "list of CPUs"),
        (("/process/consoleSize", json!({"height": 70000, "width": 1})), "/process/consoleSize/height", "65535"),
    ] {
        let terminal = ("/process/terminal", json!(true));
        refused(&[terminal, change], pointer, words);
    }
    let text = with(&[("/process/env/1", json!("SECRET"))]).expect_err("no =").to_string();
    assert!(!text.contains("SECRET"), "{text}");
    accepted(&[("/process/consoleSize", json!({"height": 70000, "width": 1}))], 0);
    accepted(&[("/process/env", json!(["A=1", "A=2", "B=", "C==x"]))], 0);
    accepted(&[("/process/scheduler", json!({"policy": "SCHED_IDLE", "nice": 40}))], 0);
    accepted(&[("/process/rlimits/0/hard", json!(u64::MAX))], 0);
    accepted(&[("/process/execCPUAffinity", json!({"initial": " 0-3, 7", "final": ""}))], 0);
}

/// Case B08: the known ones stay, in any case; each unknown name is one warning.
#[test]
fn unknown_capabilities_are_warnings() {
    let set = json!(["CAP_CHOWN", "CAP_FUTURE_X", "cap_kill"]);
    let sets = json!({"bounding": set, "effective": set, "permitted": set, "inheritable": set, "ambient": set});
    let loaded = accepted(&[("/process/capabilities", sets)], 1);
    assert!(loaded.warnings[0].contains("CAP_FUTURE_X"), "{:?}", loaded.warnings);
    let process = loaded.spec.process().clone().expect("a process");
    let bounding = process.capabilities().as_ref().and_then(|sets| sets.bounding().clone()).expect("a set");
    assert_eq!(bounding, [spec::oci::Capability::Chown, spec::oci::Capability::Kill].into());
}

#[test]
fn a_process_by_itself() {
    let parse = |value: Value| spec::parse_process(value.to_string().as_bytes());
    let (process, warnings) =
        parse(json!({"args": ["a"], "cwd": "/", "capabilities": {"bounding": ["X"]}})).expect("a process");
    assert_eq!((process.user().uid(), warnings.len()), (0, 1));
    for (value, pointer, text) in [
        (json!({"args": ["a"], "cwd": "x"}), "/cwd", "process: /cwd is \"x\": Cwd must be an absolute path"),
        (json!({"args": ["a"]}), "/cwd", "process: /cwd is missing: Cwd property must not be empty"),
        (json!({"cwd": "/"}), "/args", "process: /args is missing: args must not be empty"),
    ] {
        let error = parse(value).expect_err("refused");
        assert_eq!((error.pointer(), error.to_string().as_str()), (pointer, text));
    }
    assert!(spec::parse_process(b"null").is_err());
    let none = accepted(&[("/process", Value::Null)], 0);
    let error = spec::process(&none.spec).expect_err("no process");
    assert!(error.to_string().contains("process property must not be empty"), "{error}");
}
