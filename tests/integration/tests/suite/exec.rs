//! A process more in a container that runs.

use harness::{Bundle, eventually, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;

fn running() -> Bundle {
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle
}

/// The config's process with other arguments.
fn process(bundle: &Bundle, arguments: &[&str]) -> Value {
    let mut process = bundle.config["process"].clone();
    process["args"] = json!(arguments);
    process
}

#[test]
fn exec_gives_the_commands_status_and_streams() {
    need_root!();
    let bundle = running();
    let outcome = bundle.exec(&["sh", "-c", "echo out; echo err >&2; exit 9"]).exits(9);
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("out\n", "err\n"));
    bundle.exec(&["sh", "-c", "kill -KILL $$"]).exits(137);
    let read = bundle.call(["exec", bundle.id(), "cat"]).input("typed").ok();
    assert_eq!(read.out, "typed");
}

#[test]
fn exec_joins_every_namespace_and_the_cgroup() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
    bundle.up();
    let seen = bundle.exec_probe(&[], &[]);
    for kind in ["cgroup", "ipc", "mnt", "net", "pid", "uts"] {
        let init = fs::read_link(format!("/proc/{}/ns/{kind}", bundle.pid())).unwrap();
        assert_eq!(seen["namespaces"][kind], init.to_str().unwrap(), "{kind}");
    }
    assert_eq!(seen["hostname"], "inside");
    for line in seen["cgroup"].as_array().unwrap() {
        assert!(line.as_str().unwrap().ends_with(":/"), "{line}");
    }
}

#[test]
fn exec_has_the_flags_of_the_process() {
    need_root!();
    let bundle = running();
    let options = ["--cwd", "/tmp", "-e", "A=b", "-e", "C=d", "--user", "1000:2000", "-g", "7", "-g", "8"];
    let seen = bundle.exec_probe(&options, &[]);
    assert_eq!(seen["cwd"], "/tmp");
    let environment = seen["env"].as_array().unwrap();
    assert!(environment.contains(&json!("A=b")) && environment.contains(&json!("C=d")), "{environment:?}");
    assert_eq!(seen["status"]["Uid"], "1000 1000 1000 1000");
    assert_eq!(seen["status"]["Gid"], "2000 2000 2000 2000");
    let groups = seen["status"]["Groups"].as_str().unwrap();
    assert!(groups.split(' ').any(|group| group == "7") && groups.split(' ').any(|group| group == "8"), "{groups}");
}

#[test]
fn exec_takes_a_process_file() {
    need_root!();
    let bundle = running();
    let mut process = process(&bundle, &["/probe"]);
    process["cwd"] = json!("/etc");
    process["user"] = json!({"uid": 1000, "gid": 1000, "additionalGids": [5]});
    process["env"] = json!(["PATH=/bin", "ONLY=this"]);
    let seen = harness::bundle::seen(&bundle.exec_process(&process).ok());
    assert_eq!(seen["cwd"], "/etc");
    assert_eq!(seen["status"]["Groups"], "5");
    assert_eq!(seen["env"], json!(["PATH=/bin", "ONLY=this", "HOME=/home/u"]));
    bundle.exec_process(&json!({"args": []})).fails();
}

#[test]
fn exec_adds_capabilities_and_no_new_privileges() {
    need_root!();
    let bundle = running();
    let before = bundle.exec_probe(&[], &[]);
    let seen = bundle.exec_probe(&["--cap", "CAP_NET_ADMIN", "--no-new-privs"], &[]);
    let set = |value: &Value, name: &str| u64::from_str_radix(value["status"][name].as_str().unwrap(), 16).unwrap();
    for name in ["CapBnd", "CapEff", "CapPrm"] {
        assert_eq!(set(&seen, name), set(&before, name) | 1 << 12, "{name}");
    }
    assert_eq!(set(&seen, "CapAmb"), 0);
    assert_eq!(seen["status"]["NoNewPrivs"], "1");
}

#[test]
fn exec_detached_leaves_a_pid_file() {
    need_root!();
    let bundle = running();
    bundle.call(["exec", "--detach", "--pid-file", "exec.pid", bundle.id(), "sleep", "1000"]).ok();
    let pid: u32 = fs::read_to_string(bundle.folder().join("exec.pid")).unwrap().parse().unwrap();
    assert!(harness::footprint::is_alive(pid) && pid != bundle.pid());
    let inside = fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap();
    assert_eq!(inside, fs::read_link(format!("/proc/{}/ns/pid", bundle.pid())).unwrap());
}

#[test]
fn exec_that_fails_leaves_no_pid_file_and_exits_255() {
    need_root!();
    let bundle = running();
    let pid_file = ["exec", "--pid-file", "exec.pid"];
    let run = |command: &str| bundle.call(pid_file.into_iter().chain([bundle.id(), command])).fails().exits(255);
    run("nosuch").says("executable file not found in $PATH");
    run("/nosuch").says("no such file or directory");
    run("/etc/passwd").says("permission denied");
    assert!(!bundle.folder().join("exec.pid").exists());
    bundle.call(["exec", "missing", "true"]).fails().says("does not exist");
}

#[test]
fn exec_needs_a_container_that_is_not_stopped() {
    need_root!();
    let bundle = running();
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.exec(&["true"]).exits(255).says("cannot exec in a stopped container");
}

#[test]
fn exec_works_before_start() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    bundle.exec(&["true"]).ok();
    assert_eq!(bundle.status(), "created");
}

#[test]
fn exec_into_a_paused_container_is_refused_unless_asked() {
    need_root!();
    need_cofferdam!("--ignore-paused is newer");
    let bundle = running();
    bundle.call(["pause", bundle.id()]).ok();
    bundle.exec(&["true"]).exits(255).says("cannot exec in a paused container (use --ignore-paused to override)");
    let waiting = bundle.call(["exec", "--ignore-paused", bundle.id(), "true"]).begin();
    std::thread::sleep(std::time::Duration::from_millis(100));
    bundle.call(["resume", bundle.id()]).ok();
    waiting.outcome().ok();
}

#[test]
fn exec_passes_descriptors_on_when_told() {
    need_root!();
    let bundle = running();
    let seen = bundle.exec_probe(&[], &[]);
    assert_eq!(seen["descriptors"].as_object().unwrap().len(), 3, "{}", seen["descriptors"]);
}

#[test]
fn many_execs_at_once_all_return() {
    need_root!();
    let bundle = running();
    let all: Vec<_> = (0..40).map(|_| bundle.call(["exec", bundle.id(), "sh", "-c", "exit 3"]).begin()).collect();
    for one in all {
        one.outcome().exits(3);
    }
    eventually("only the container's own process is left", || bundle.footprint().processes.len() == 1);
}

#[test]
fn exec_does_not_hang_on_what_a_child_holds_open() {
    need_root!();
    need_cofferdam!("runc waits for its pipes");
    let bundle = running();
    let outcome = bundle.exec(&["sh", "-c", "sleep 1000 & exit 4"]).exits(4);
    assert!(outcome.took.as_secs() < 5, "{outcome}");
}

/// Init of a process that joins goes on to the program without another word: what is done for it is done by then.
#[test]
fn each_process_begins_with_its_oom_score() {
    need_root!();
    let bundle = Bundle::of_sleep().with("/process/oomScoreAdj", json!(321));
    bundle.up();
    for _ in 0..30 {
        let outcome = bundle.exec(&["cat", "/proc/self/oom_score_adj"]).ok();
        assert_eq!(outcome.out, "321\n");
    }
}

#[test]
fn a_process_whose_pid_file_cannot_be_written_is_ended() {
    need_root!();
    let bundle = running();
    for options in [&["--detach"][..], &[]] {
        let rest = ["--pid-file", "missing/pid", bundle.id(), "sleep", "1000"];
        let line = ["exec"].iter().chain(options).chain(&rest).copied();
        bundle.call(line).fails().says("missing/pid");
        eventually("only the container's own process is left", || bundle.footprint().processes.len() == 1);
    }
}
