//! config-linux.md, seccomp: `SCMP_ACT_NOTIFY`, the listener and the container process state.

use super::seccomp::{GETPPID, SYNC, calling};
use harness::terminal::{Receiver, message};
use harness::{Bundle, programs};
use serde_json::{Value, json};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

super::rows! { "notify":
    "config-linux.md, seccomp listener" {
        the_listener_answers: "SCMP_ACT_NOTIFY asks the listener, whose answer is the call's",
        one_connection_one_message: "exactly one state for each connection, which is closed then",
        the_metadata: "`listenerMetadata` comes as `metadata`",
        a_process_that_joins: "a process that joins has a listener of its own",
        nobody_listening_is_an_error: "an error if sending fails",
        a_listener_without_notify_is_ignored: "`listenerPath` is ignored without SCMP_ACT_NOTIFY",
        notify_without_a_listener_is_refused: "SCMP_ACT_NOTIFY needs `listenerPath`",
        metadata_without_a_listener_is_refused: "`listenerMetadata` must not be there without `listenerPath`",
        an_errno_for_notify_is_refused: "`errnoRet` with SCMP_ACT_NOTIFY is refused",
        a_killable_wait: "the flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    }
    "config-linux.md, container process state" {
        the_descriptor_is_named: "`fds` names the descriptors: `seccompFd`",
        the_versions: "`ociVersion` of it and of the state",
        the_pid: "`pid` is the container process as the runtime sees it",
        the_state: "`state` is the container's",
    }
}

/// A bundle that asks a listener about sync(2).
fn notifying() -> (Bundle, Receiver) {
    let bundle = calling(
        &[SYNC, GETPPID],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "of the test",
        "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_NOTIFY"}]}),
    );
    let path = bundle.folder().join("agent");
    let receiver = Receiver::listen(&path);
    (bundle.with("/linux/seccomp/listenerPath", json!(path)), receiver)
}

/// Creates and starts the container, in one of which the listener hears of it: the notify descriptor, and what came
/// with it.
fn told() -> (Bundle, OwnedFd, Value) {
    let (bundle, receiver) = notifying();
    bundle.create().ok();
    let starting = bundle.call(["start", bundle.id()]).begin();
    let (mut descriptors, text) = receiver.receive();
    starting.outcome().ok();
    let state = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (bundle, descriptors.pop().expect("a descriptor"), state)
}

/// Answers calls with an error until the container is gone.
fn answer(descriptor: OwnedFd, errno: &str) -> Child {
    Command::new(programs::answer()).arg(errno).stdin(Stdio::from(descriptor)).spawn().expect("the listener")
}

fn the_listener_answers() {
    let (bundle, receiver) = notifying();
    let running = bundle.call(["run", bundle.id()]).begin();
    let (mut descriptors, _) = receiver.receive();
    let mut agent = answer(descriptors.pop().expect("a descriptor"), "77");
    let outcome = running.outcome();
    agent.kill().and_then(|()| agent.wait()).expect("its end");
    assert_eq!(outcome.ok().out, "77\n0\n");
}

fn one_connection_one_message() {
    let (bundle, receiver) = notifying();
    bundle.create().ok();
    let starting = bundle.call(["start", bundle.id()]).begin();
    let mut stream = receiver.accept();
    let (descriptors, text) = message(&stream);
    starting.outcome().ok();
    assert_eq!(descriptors.len(), 1);
    serde_json::from_str::<Value>(&text).expect("one document");
    let mut more = Vec::new();
    stream.read_to_end(&mut more).expect("its end");
    assert_eq!(more, b"");
}

fn the_metadata() {
    assert_eq!(told().2["metadata"], "of the test");
}

fn a_process_that_joins() {
    let (bundle, receiver) = notifying();
    let bundle = bundle.with("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.create().ok();
    let starting = bundle.call(["start", bundle.id()]).begin();
    drop(receiver.receive());
    starting.outcome().ok();
    let running = bundle.call(["exec", bundle.id(), "/call", SYNC]).begin();
    let (mut descriptors, text) = receiver.receive();
    let mut agent = answer(descriptors.pop().expect("a descriptor"), "66");
    let outcome = running.outcome();
    agent.kill().and_then(|()| agent.wait()).expect("its end");
    assert_eq!(outcome.ok().out, "66\n");
    let told: Value = serde_json::from_str(&text).expect("a document");
    assert_eq!((&told["state"]["id"], &told["state"]["status"]), (&json!(bundle.id()), &json!("running")));
}

fn nobody_listening_is_an_error() {
    let (bundle, receiver) = notifying();
    drop(receiver);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn a_listener_without_notify_is_ignored() {
    let (bundle, receiver) = notifying();
    drop(receiver);
    let bundle = bundle.with("/linux/seccomp/syscalls/0/action", json!("SCMP_ACT_ERRNO"));
    assert_eq!(bundle.run().ok().out, "1\n0\n");
}

fn notify_without_a_listener_is_refused() {
    let (mut bundle, _receiver) = notifying();
    bundle.remove("/linux/seccomp/listenerPath");
    bundle.remove("/linux/seccomp/listenerMetadata");
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn metadata_without_a_listener_is_refused() {
    let (bundle, _receiver) = notifying();
    let mut bundle = bundle.with("/linux/seccomp/syscalls/0/action", json!("SCMP_ACT_ERRNO"));
    bundle.remove("/linux/seccomp/listenerPath");
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn an_errno_for_notify_is_refused() {
    let (bundle, _receiver) = notifying();
    let bundle = bundle.with("/linux/seccomp/syscalls/0/errnoRet", json!(7));
    let running = bundle.call(["create", bundle.id()]).begin();
    running.outcome().fails();
    bundle.assert_nothing_left();
}

fn a_killable_wait() {
    let (bundle, receiver) = notifying();
    let bundle = bundle.with("/linux/seccomp/flags", json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]));
    bundle.create().ok();
    let starting = bundle.call(["start", bundle.id()]).begin();
    drop(receiver.receive());
    starting.outcome().ok();
}

fn the_descriptor_is_named() {
    let (_bundle, descriptor, told) = told();
    assert_eq!(told["fds"], json!(["seccompFd"]));
    let name = std::fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&descriptor)));
    assert!(name.expect("a descriptor").to_string_lossy().contains("seccomp"));
}

fn the_versions() {
    let (_bundle, _descriptor, told) = told();
    for version in [&told["ociVersion"], &told["state"]["ociVersion"]] {
        assert!(version.as_str().is_some_and(|version| version.starts_with("1.")), "{told}");
    }
}

fn the_pid() {
    let (bundle, _descriptor, told) = told();
    assert_eq!((&told["pid"], &told["state"]["pid"]), (&json!(bundle.pid()), &json!(bundle.pid())));
}

fn the_state() {
    let (bundle, _descriptor, told) = told();
    let state = &told["state"];
    assert_eq!(state["id"], json!(bundle.id()));
    assert!(["creating", "created", "running"].map(Value::from).contains(&state["status"]), "{state}");
    assert_eq!(state["bundle"], json!(bundle.folder()));
}
