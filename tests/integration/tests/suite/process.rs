//! What `process` asks for, as the process itself sees it.

use harness::{Bundle, host, need_cofferdam, need_root, programs, skip};
use serde_json::json;
use std::fs;

#[test]
fn arguments_environment_and_directory_arrive_whole() {
    need_root!();
    let long = "x".repeat(100_000);
    let mut bundle = Bundle::new();
    bundle.set(
        "/process/env",
        json!(["PATH=/bin", "EMPTY=", "SPACE=a b", "UTF8=héé", "HOME=/z", format!("LONG={long}")]),
    );
    bundle.set("/process/cwd", json!("/home/u"));
    let seen = bundle.probe(&["", "two words", "-x", &long]);
    assert_eq!(seen["args"], json!(["/probe", "", "two words", "-x", long]));
    assert_eq!(seen["env"], bundle.config["process"]["env"]);
    assert_eq!(seen["cwd"], "/home/u");
    assert_eq!(seen["pid"], 1);
}

#[test]
fn a_missing_directory_is_made() {
    need_root!();
    let mut bundle = Bundle::new().with("/process/cwd", json!("/made/below"));
    assert_eq!(bundle.probe(&[])["cwd"], "/made/below");
}

#[test]
fn no_capabilities_means_none() {
    need_root!();
    let mut bundle = Bundle::new().with("/process/capabilities", json!({}));
    let seen = bundle.probe(&[]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(seen["status"][set], "0000000000000000", "{set}");
    }
}

#[test]
fn limits_that_are_too_low_for_the_runtime_are_not_for_the_program() {
    need_root!();
    need_cofferdam!("Debian's runc needs more descriptors");
    // No file may be opened or grow any more, and no process made.
    let kinds = ["RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_NPROC"];
    let limits: Vec<_> = kinds.iter().map(|kind| json!({"type": kind, "soft": 3, "hard": 3})).collect();
    let bundle = Bundle::of_shell("ulimit -n").with("/process/rlimits", json!(limits));
    assert_eq!(bundle.run().ok().out, "3\n");
    bundle.assert_nothing_left();
}

#[test]
fn a_scheduler_that_wants_all_cpus_needs_them() {
    need_root!();
    need_cofferdam!("scheduler is newer");
    if host::hierarchy("cpuset").is_none() || std::thread::available_parallelism().unwrap().get() == 1 {
        skip!("the CPUs can't be limited");
    }
    let mut bundle = Bundle::new().with("/linux/resources/cpu", json!({"cpus": "0", "mems": "0"}));
    let scheduler = json!({"policy": "SCHED_DEADLINE", "runtime": 42_000, "deadline": 1_000_000, "period": 1_000_000});
    bundle.set("/process/scheduler", scheduler);
    bundle.create().fails().says("process scheduler can't be used together with AllowedCPUs");
    bundle.assert_nothing_left();
}

#[test]
fn resource_limits_may_be_raised() {
    need_root!();
    if !host::has_capability(host::SYS_RESOURCE) {
        skip!("root has no CAP_SYS_RESOURCE here");
    }
    let limits = json!([{"type": "RLIMIT_NOFILE", "soft": 1_048_576, "hard": 1_048_576}]);
    let mut bundle = Bundle::new().with("/process/rlimits", limits);
    assert_eq!(bundle.probe(&[])["limits"]["open files"], json!(["1048576", "1048576"]));
}

#[test]
fn the_callers_cpus_are_not_the_containers() {
    need_root!();
    need_cofferdam!("Debian's runc does not know execCPUAffinity");
    let all = rustix::thread::sched_getaffinity(None).unwrap();
    let mut held = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
    let (Some(first), Some(second)) = (held.next(), held.next()) else { skip!("there is only one CPU") };
    let mut one = rustix::thread::CpuSet::new();
    one.set(first);
    // What this thread calls from here on inherits the one.
    rustix::thread::sched_setaffinity(None, &one).unwrap();
    let cpus = |seen: &serde_json::Value| seen["status"]["Cpus_allowed_list"].as_str().unwrap().to_owned();
    assert_ne!(cpus(&Bundle::new().probe(&[])), first.to_string());
    let bundle = Bundle::of_sleep();
    bundle.up();
    assert_ne!(cpus(&bundle.exec_probe(&[], &[])), first.to_string());
    let affinity = json!({"initial": first.to_string(), "final": second.to_string()});
    let bundle = Bundle::of_sleep().with("/process/execCPUAffinity", affinity);
    bundle.up();
    assert_eq!(cpus(&bundle.exec_probe(&[], &[])), second.to_string());
}

#[test]
fn personality_is_set() {
    need_root!();
    need_cofferdam!("personality is newer");
    let mut bundle = Bundle::new().with("/linux/personality", json!({"domain": "LINUX32"}));
    let seen = bundle.probe(&[]);
    assert_eq!(seen["personality"], "00000008");
    // User-Mode Linux does not give the other name.
    assert!(seen["machine"] == "i686" || host::is_user_mode(), "{}", seen["machine"]);
}

#[test]
fn sysctls_of_own_namespaces_are_set() {
    need_root!();
    let mut bundle = Bundle::new().with("/linux/sysctl", json!({
        "net.core.somaxconn": "1234", "kernel.shm_rmid_forced": "1", "net/ipv4/ip_forward": "1", "fs.mqueue.msg_max": "17",
    }));
    let seen = bundle.probe(&[
        "read:/proc/sys/net/core/somaxconn",
        "read:/proc/sys/kernel/shm_rmid_forced",
        "read:/proc/sys/net/ipv4/ip_forward",
        "read:/proc/sys/fs/mqueue/msg_max",
    ]);
    let answers: Vec<&str> = seen["answers"].as_object().unwrap().values().filter_map(|value| value.as_str()).collect();
    assert_eq!(answers, ["17", "1", "1234", "1"]);
}

#[test]
fn sysctls_of_the_host_are_refused() {
    need_root!();
    let before = fs::read_to_string("/proc/sys/kernel/panic").unwrap();
    for key in ["kernel.panic", "vm.swappiness", "net/../kernel/panic", "fs.file-max", "kernel.hostname"] {
        let bundle = Bundle::new().with("/linux/sysctl", json!({key: "77"}));
        let outcome = bundle.create().fails();
        assert!(outcome.err.contains(key) || !programs::is_cofferdam(), "{outcome}");
        bundle.assert_nothing_left();
    }
    let mut bundle = Bundle::new().with("/linux/sysctl", json!({"net.core.somaxconn": "77"}));
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "network");
    bundle.set("/hostname", json!("x"));
    bundle.create().fails();
    bundle.set("/linux/namespaces/-", json!({"type": "network", "path": "/proc/self/ns/net"}));
    bundle.create().fails().says("host network namespace");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/panic").unwrap(), before);
}

#[test]
fn the_session_keyring_is_the_containers_own() {
    need_root!();
    let bundle = Bundle::of_shell("cat /proc/keys").with("/linux/maskedPaths", json!([]));
    let outcome = bundle.run().ok();
    assert!(outcome.out.contains("_ses"), "{outcome}");
    assert!(outcome.out.contains(bundle.id()), "no keyring named after the container: {outcome}");
}

#[test]
fn nothing_of_the_callers_environment_arrives() {
    need_root!();
    let mut bundle = Bundle::new();
    bundle.set("/process/env", json!(["PATH=/bin"]));
    let outcome = bundle.call(["run", bundle.id()]).env("SECRET", "do not tell").ok();
    let seen = harness::bundle::seen(&outcome);
    assert_eq!(seen["env"], json!(["PATH=/bin", "HOME=/root"]));
}
