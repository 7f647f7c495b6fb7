//! Seccomp filters, judged by what calls answer.

use harness::terminal::Receiver;
use harness::{Bundle, need_cofferdam, need_root, programs};
use serde_json::{Value, json};
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

/// A bundle that makes system calls by number and prints their errors.
fn calling(numbers: &[&str], seccomp: Value) -> Bundle {
    let bundle = Bundle::new().with("/linux/seccomp", seccomp);
    fs::copy(programs::call(), bundle.rootfs("call")).unwrap();
    let arguments: Vec<&str> = ["/call"].iter().chain(numbers).copied().collect();
    bundle.with("/process/args", json!(arguments))
}

const GETPPID: &str = "110";
const GETUID: &str = "102";
const SYNC: &str = "162";

#[test]
fn an_error_is_the_one_asked_for() {
    need_root!();
    let bundle = calling(
        &[GETPPID, SYNC, GETUID],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99}, {"names": ["sync"], "action": "SCMP_ACT_ERRNO"},
        ]}),
    );
    assert_eq!(bundle.run().ok().out, "99\n1\n0\n");
}

#[test]
fn the_process_shows_the_filter() {
    need_root!();
    for privileged in [true, false] {
        let mut bundle = Bundle::new().with(
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]}),
        );
        bundle.set("/process/noNewPrivileges", json!(!privileged));
        let seen = bundle.probe(&[]);
        assert_eq!(seen["status"]["Seccomp"], "2");
        assert_eq!(seen["status"]["NoNewPrivs"], if privileged { "0" } else { "1" });
    }
    assert_eq!(Bundle::new().probe(&[])["status"]["Seccomp"], "0");
}

#[test]
fn a_call_can_end_the_process() {
    need_root!();
    for action in ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"] {
        let bundle = calling(
            &[SYNC],
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["sync"], "action": action}]}),
        );
        bundle.run().exits(128 + 31);
    }
}

#[test]
fn arguments_are_compared() {
    need_root!();
    // write(2) to descriptor 2 alone is refused.
    let bundle = Bundle::of_shell("echo one; ls /nonexistent; echo three").with("/linux/seccomp", json!({
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["write", "writev"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}));
    let outcome = bundle.run().ok();
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("one\nthree\n", ""));
}

#[test]
fn exec_runs_under_the_filter_too() {
    need_root!();
    let bundle = calling(
        &[SYNC],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}]}),
    )
    .with("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.up();
    assert_eq!(bundle.exec(&["/call", SYNC]).ok().out, "77\n");
}

#[test]
fn flags_are_taken() {
    need_root!();
    need_cofferdam!("flags are newer");
    let mut bundle = Bundle::new().with(
        "/linux/seccomp",
        json!({"defaultAction": "SCMP_ACT_ALLOW",
        "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"],
        "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]}),
    );
    assert_eq!(bundle.probe(&[])["status"]["Seccomp"], "2");
    bundle.set("/linux/seccomp/flags", json!(["SECCOMP_FILTER_FLAG_NONE"]));
    bundle.create().fails().says("SECCOMP_FILTER_FLAG_NONE");
}

fn notifying() -> Bundle {
    let bundle = calling(
        &[SYNC],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "of the test",
        "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_NOTIFY"}]}),
    );
    let path = bundle.folder().join("agent");
    bundle.with("/linux/seccomp/listenerPath", json!(path.to_str().unwrap()))
}

#[test]
fn the_agent_gets_the_notify_descriptor_and_the_state() {
    need_root!();
    let bundle = notifying();
    let receiver = Receiver::listen(&bundle.folder().join("agent"));
    let creating = bundle.call(["create", bundle.id()]).begin();
    let (descriptors, text) = receiver.receive();
    creating.outcome().ok();
    assert_eq!(descriptors.len(), 1);
    let state: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(state["fds"], json!(["seccompFd"]));
    assert_eq!(state["metadata"], "of the test");
    assert_eq!(state["state"]["id"], bundle.id());
    assert_eq!(state["pid"], bundle.pid());
    // Without an agent that answers, the call gives ENOSYS.
    drop(descriptors);
}

#[test]
fn the_agent_of_exec_may_listen_on_an_abstract_socket() {
    need_root!();
    need_cofferdam!("Debian's runc tells another pid");
    let mut bundle = notifying().with("/process/args", json!(["/bin/sleep", "1000"]));
    let name = format!("{}-agent", bundle.tag());
    bundle.set("/linux/seccomp/listenerPath", json!(format!("@{name}")));
    let receiver = Receiver::listen_at(&SocketAddr::from_abstract_name(&name).unwrap());
    let creating = bundle.call(["create", bundle.id()]).begin();
    drop(receiver.receive());
    creating.outcome().ok();
    bundle.call(["start", bundle.id()]).ok();
    let exec = bundle.call(["exec", bundle.id(), "/bin/true"]).begin();
    let (_descriptors, text) = receiver.receive();
    exec.outcome().ok();
    let state: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((&state["state"]["status"], &state["state"]["pid"]), (&json!("running"), &json!(bundle.pid())));
    assert_ne!(state["pid"], bundle.pid());
}

#[test]
fn without_an_agent_create_fails() {
    need_root!();
    let bundle = notifying();
    bundle.create().fails().says("agent");
    bundle.assert_nothing_left();
}

#[test]
fn what_would_block_the_runtime_is_refused() {
    need_root!();
    let mut bundle = notifying();
    let _receiver = Receiver::listen(&bundle.folder().join("agent"));
    bundle.set("/linux/seccomp/syscalls/0/names", json!(["write"]));
    bundle.create().fails().says("SCMP_ACT_NOTIFY cannot be used for the write syscall");
    bundle.set("/linux/seccomp/syscalls", json!([]));
    bundle.set("/linux/seccomp/defaultAction", json!("SCMP_ACT_NOTIFY"));
    bundle.create().fails().says("SCMP_ACT_NOTIFY");
    bundle.assert_nothing_left();
}
