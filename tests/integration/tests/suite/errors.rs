//! What is wrong is refused in one line that says what and where, and leaves the host as it was.

use harness::{Bundle, Outcome, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// The one line of an error.
#[track_caller]
fn refused(bundle: &Bundle) -> Outcome {
    let outcome = bundle.create().fails().exits(1);
    assert_eq!(outcome.err.trim_end().lines().count(), 1, "more than one line: {outcome}");
    bundle.assert_nothing_left();
    outcome
}

#[test]
fn no_config() {
    let bundle = Bundle::new();
    fs::remove_file(bundle.folder().join("config.json")).unwrap();
    refused(&bundle).says("JSON specification file config.json not found");
}

#[test]
fn broken_json_of_every_kind() {
    need_root!();
    need_cofferdam!("Debian's runc panics at null");
    let bundle = Bundle::new();
    let whole = fs::read_to_string(bundle.folder().join("config.json")).unwrap();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let texts =
        ["", "{", "[]", "null", "{\"ociVersion\": 1}", &whole[..whole.len() / 2], &deep, "\u{feff}{}", "{}\u{0}"];
    for text in texts {
        fs::write(bundle.folder().join("config.json"), text).unwrap();
        refused(&bundle);
    }
    fs::write(bundle.folder().join("config.json"), format!("{whole} trailing")).unwrap();
    refused(&bundle);
}

#[test]
fn no_bundle() {
    let bundle = Bundle::new();
    bundle.call(["create", "--bundle", "/nonexistent/bundle", bundle.id()]).fails().says("/nonexistent/bundle");
    bundle.assert_nothing_left();
}

#[test]
fn no_root_file_system() {
    need_root!();
    let mut bundle = Bundle::new().with("/root/path", json!("missing"));
    refused(&bundle).says("missing");
    fs::write(bundle.folder().join("file"), "").unwrap();
    bundle.set("/root/path", json!("file"));
    refused(&bundle);
    bundle.remove("/root");
    refused(&bundle).says("root");
}

#[test]
fn ids_that_are_none() {
    need_root!();
    let bundle = Bundle::new();
    for id in ["a/b", "..", ".", "", "a b", "a\nb", "../x", "é", "a*", "/", "-x/", &"a".repeat(5000)] {
        for verb in ["create", "run", "start", "state", "kill", "delete", "ps", "pause", "resume"] {
            let outcome = bundle.call([verb, "--", id]).fails();
            assert!(!outcome.err.contains("panicked"), "{outcome}");
        }
    }
    refused(&Bundle::new().with("/root/path", json!("missing")));
    bundle.assert_nothing_left();
}

#[test]
fn an_id_that_is_none_is_called_so() {
    let bundle = Bundle::new();
    for id in ["a/b", "..", "a b"] {
        bundle.call(["create", id]).fails().says("invalid container ID format");
    }
}

#[test]
fn commands_say_how_they_are_used() {
    let bundle = Bundle::new();
    bundle.call(["create"]).outcome().exits(1);
    bundle.call(["state", "a", "b"]).outcome().exits(1);
    bundle.call(["nosuchcommand"]).fails();
    bundle.call(["create", "--nosuchflag", "x"]).fails();
}

/// A wrong value, the place that the error must name, and words that it must hold.
const WRONG: &[(&str, &str, &str)] = &[
    ("/ociVersion", "\"9.0.0\"", "ociVersion"),
    ("/ociVersion", "\"\"", "ociVersion"),
    ("/ociVersion", "1", "ociVersion"),
    ("/root/path", "7", "root"),
    ("/hostname", "7", "hostname"),
    ("/process/cwd", "\"relative\"", "cwd"),
    ("/process/cwd", "\"\"", "cwd"),
    ("/process/args", "[]", "args"),
    ("/process/args", "[1]", "args"),
    ("/process/env", "\"A=b\"", "env"),
    ("/process/user/uid", "-1", "uid"),
    ("/process/user/uid", "4294967296", "uid"),
    ("/process/user/uid", "1.5", "uid"),
    ("/process/rlimits", "[{\"type\": \"RLIMIT_NONE\", \"soft\": 1, \"hard\": 1}]", "rlimits"),
    ("/process/rlimits", "[{\"type\": \"RLIMIT_CORE\", \"soft\": -1, \"hard\": 1}]", "rlimits"),
    ("/process/noNewPrivileges", "\"yes\"", "noNewPrivileges"),
    ("/process/oomScoreAdj", "5000", "oomScoreAdj"),
    ("/mounts", "[{\"type\": \"tmpfs\"}]", "mounts"),
    ("/mounts", "[{\"destination\": 1}]", "mounts"),
    ("/mounts", "[{\"destination\": \"/x\\u0000y\", \"type\": \"tmpfs\"}]", "mounts"),
    ("/hooks", "{\"prestart\": [{\"path\": \"relative\"}]}", "hooks"),
    ("/hooks", "{\"poststop\": [{\"path\": \"/x\", \"timeout\": 0}]}", "hooks"),
    ("/hooks", "{\"poststart\": [{\"path\": \"/x\", \"timeout\": -1}]}", "hooks"),
    ("/linux/namespaces", "[{\"type\": \"nonesuch\"}]", "namespaces"),
    ("/linux/namespaces", "[{\"type\": \"pid\"}, {\"type\": \"pid\"}]", "namespaces"),
    ("/linux/namespaces", "[{\"type\": \"uts\", \"path\": \"relative\"}]", "namespaces"),
    ("/linux/uidMappings", "[{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]", "uidMappings"),
    ("/linux/timeOffsets", "{\"monotonic\": {\"secs\": 1}}", "timeOffsets"),
    ("/linux/devices", "[{\"path\": \"/dev/x\", \"type\": \"z\", \"major\": 1, \"minor\": 3}]", "devices"),
    ("/linux/resources/memory", "{\"limit\": \"64m\"}", "memory"),
    ("/linux/resources/pids", "{\"limit\": 1.5}", "pids"),
    ("/linux/sysctl", "{\"kernel.domainname\": 5}", "sysctl"),
    ("/linux/sysctl", "{\"vm.swappiness\": \"5\"}", "sysctl"),
    ("/linux/sysctl", "{\"net/../kernel/panic\": \"5\"}", "sysctl"),
    ("/linux/rootfsPropagation", "\"sideways\"", "rootfsPropagation"),
    ("/linux/maskedPaths", "[\"relative\"]", "maskedPaths"),
    ("/linux/readonlyPaths", "[\"relative\"]", "readonlyPaths"),
    ("/linux/seccomp", "{\"defaultAction\": \"SCMP_ACT_NONE\"}", "seccomp"),
    ("/linux/seccomp", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_PDP11\"]}", "seccomp"),
    (
        "/linux/seccomp",
        "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \
         \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_ALMOST\"}]}]}",
        "seccomp",
    ),
    ("/linux/personality", "{\"domain\": \"MINIX\"}", "personality"),
    ("/process/scheduler", "{\"policy\": \"SCHED_SOON\"}", "scheduler"),
    ("/process/ioPriority", "{\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 9}", "ioPriority"),
];

#[test]
fn a_wrong_value_in_each_section_is_refused_by_name() {
    need_root!();
    need_cofferdam!("Debian's runc takes many wrong values");
    let mut failed = Vec::new();
    for (pointer, value, named) in WRONG {
        let mut bundle = Bundle::new();
        bundle.set(pointer, serde_json::from_str::<Value>(value).unwrap());
        let outcome = bundle.create();
        let one_line = outcome.err.trim_end().lines().count() == 1;
        if outcome.code != 1 || !one_line || !outcome.err.contains(named) || !bundle.footprint().is_empty() {
            failed.push(format!("{pointer} = {value}: {outcome}{:?}", bundle.footprint()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Where the parser would take one of the two, or none, the key is found when there is a process already: nothing of it
/// shows.
#[test]
fn a_key_that_stands_twice_is_refused_wherever_it_is() {
    need_root!();
    need_cofferdam!("Debian's runc takes the last");
    let mut bundle = Bundle::new();
    let touch = |name: &str| json!([{"path": "/bin/touch", "args": ["touch", bundle.folder().join(name)]}]);
    let hooks = json!({"createRuntime": touch("began"), "poststop": touch("ended")});
    bundle.set("/hooks", hooks);
    let mut wrong = Vec::new();
    for pointer in ["/annotations", "/unknown/below", "/linux/sysctl", "/process"] {
        let text = fs::read_to_string(bundle.folder().join("config.json")).unwrap();
        let before = serde_json::from_str::<Value>(&text).unwrap().pointer(pointer).cloned();
        let mut object = before.clone().unwrap_or_else(|| json!({}));
        (object["twice"], object["second"]) = (json!("1"), json!("2"));
        bundle.set(pointer, object);
        let text = fs::read_to_string(bundle.folder().join("config.json")).unwrap();
        fs::write(bundle.folder().join("config.json"), text.replace("\"second\"", "\"twice\"")).unwrap();
        let outcome = refused(&bundle);
        let hooked = ["began", "ended"].iter().any(|name| bundle.folder().join(name).exists());
        if hooked || !outcome.err.contains(&format!("{pointer}/twice is given twice")) {
            wrong.push(format!("{outcome}, hooks run: {hooked}"));
        }
        match before {
            Some(before) => bundle.set(pointer, before),
            None => bundle.remove(pointer),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_in_the_log_is_one_record() {
    need_root!();
    let bundle = Bundle::new().with("/root/path", json!("missing"));
    let outcome =
        bundle.call(["--log", "log.json", "--log-format", "json", "create", bundle.id()]).fails().says("missing");
    let log = fs::read_to_string(bundle.folder().join("log.json")).unwrap();
    let record: Value = serde_json::from_str(&log).unwrap_or_else(|error| panic!("{error}: {log}"));
    assert_eq!(record["level"], "error");
    assert!(record["msg"].as_str().is_some_and(|text| text.contains("missing")), "{record}");
    assert!(record["time"].as_str().is_some_and(|time| time.len() >= 20 && time.contains('T')), "{record}");
    assert!(outcome.err.contains(record["msg"].as_str().unwrap()), "standard error tells something else: {outcome}");
}

#[test]
fn the_log_grows() {
    let bundle = Bundle::new();
    for _ in 0..2 {
        bundle.call(["--log", "log.json", "--log-format", "json", "state", "missing"]).fails();
    }
    let log = fs::read_to_string(bundle.folder().join("log.json")).unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");
}

#[test]
fn programs_that_cannot_be_run_fail_create_with_the_words_engines_know() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::write(bundle.rootfs("plain"), "#!/bin/sh\n").unwrap();
    let cases = [
        ("nosuch", "executable file not found in $PATH"),
        ("/nosuch", "no such file or directory"),
        ("/plain", "permission denied"),
        ("/etc", "is a directory"),
    ];
    for (program, words) in cases {
        bundle.set("/process/args", json!([program]));
        let outcome = bundle.create();
        if words == "is a directory" && outcome.err.contains("permission denied") {
            // Debian's runc says so; both give Docker's 126.
            continue;
        }
        outcome.fails().says(words);
        bundle.assert_nothing_left();
    }
}

#[test]
fn run_tells_what_exec_says_of_the_program_and_nothing_else() {
    need_root!();
    need_cofferdam!("Debian's runc still has its own words before it");
    let bundle = Bundle::new().with("/process/args", json!(["/script"]));
    fs::write(bundle.rootfs("script"), "#!/nosuch/interpreter\n").unwrap();
    fs::set_permissions(bundle.rootfs("script"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = bundle.run();
    assert_eq!((run.code, run.err.as_str()), (255, "exec /script: no such file or directory\n"));
    bundle.assert_nothing_left();
}

#[test]
fn a_program_that_exec_refuses_fails_start() {
    need_root!();
    let bundle = Bundle::new().with("/process/args", json!(["/garbage"]));
    fs::write(bundle.rootfs("garbage"), "neither a script nor a program").unwrap();
    fs::set_permissions(bundle.rootfs("garbage"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = bundle.run();
    assert_ne!(run.code, 0);
    assert!(run.err.contains("exec format error"), "{run}");
    bundle.assert_nothing_left();
}
