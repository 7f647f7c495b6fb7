//! Seccomp filters, judged by what calls answer.

use harness::terminal::Receiver;
use harness::{Bundle, need_cofferdam, need_root, programs};
use serde_json::{Value, json};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

/// A bundle that makes system calls by number and prints their errors.
fn calling(numbers: &[&str], seccomp: Value) -> Bundle {
    let bundle = Bundle::new().with("/linux/seccomp", seccomp);
    programs::copy(&programs::call(), &bundle.rootfs("call"));
    let arguments: Vec<&str> = ["/call"].iter().chain(numbers).copied().collect();
    bundle.with("/process/args", json!(arguments))
}

const SYNC: &str = "162";

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
