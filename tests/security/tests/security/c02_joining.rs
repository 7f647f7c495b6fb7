//! SECURITY C2: nothing in a container looks into a process that joins it before that is the container's own program.
//!
//! Controls: `the_spy_catches_a_program_that_is_not_protected`; runc 1.1.5, whose processes can be traced by a
//! container with `CAP_SYS_PTRACE` and hold directories of the host; the mutants `c02-`.

use harness::{Bundle, eventually, host, need_root};
use rig::attackers::SPY;
use rig::rounds;
use serde_json::{Value, json};
use std::os::unix::fs::chown;
use std::process::Command;

/// A container whose first process is hostile.
fn spy() -> Bundle {
    Bundle::new().with("/process/args", json!(["/spy"]))
}

/// What it has seen of many that joined.
#[track_caller]
fn spied(bundle: &Bundle, execs: usize) -> Value {
    let execs = if host::is_user_mode() { 10 } else { execs };
    SPY.plant(bundle);
    bundle.up();
    SPY.wait(bundle);
    // On a busy machine the spy sleeps through most.
    let enough = |log: &Value| log["seen"].as_u64() > Some(execs as u64 / 10);
    for number in 0..10 * execs {
        bundle.call(["exec", bundle.id(), "/bin/true"]).env("CFD_SECRET", "CFD_SECRET").ok();
        if number >= execs && enough(&SPY.log(bundle)) {
            break;
        }
    }
    let log = SPY.log(bundle);
    assert!(enough(&log), "the spy saw hardly any process: {log}");
    log
}

/// Fails the test if the spy got anything in one of these ways.
#[track_caller]
fn got_nothing(log: &Value, ways: &[&str]) {
    for way in ways {
        assert_eq!(log[way], 0, "{way}: {log}");
    }
}

/// All of the spy's ways.
const WAYS: [&str; 11] =
    ["trace", "read memory", "mem", "fd", "cwd", "root", "environ", "maps", "steal fd", "climbs", "secrets"];

#[test]
fn a_hostile_first_process_sees_nothing() {
    need_root!();
    got_nothing(&spied(&spy(), rounds(100, 2000)), &WAYS);
}

#[test]
fn the_root_of_a_user_namespace_that_may_trace_sees_nothing() {
    need_root!();
    let bundle = spy().with_capability("CAP_SYS_PTRACE").in_user_namespace();
    chown(bundle.rootfs(""), Some(100_000), Some(100_000)).unwrap();
    got_nothing(&spied(&bundle, rounds(100, 1000)), &WAYS);
}

/// With `CAP_SYS_PTRACE` in the host's user namespace nothing keeps the kernel from letting it look, so nothing of the
/// host may be there to be seen.
#[test]
fn who_may_trace_on_the_host_sees_nothing_of_it() {
    need_root!();
    let bundle = spy().with_capability("CAP_SYS_PTRACE");
    got_nothing(&spied(&bundle, rounds(100, 1000)), &["cwd", "root", "climbs", "secrets"]);
}

/// `exec` works before `start`: who is there then finds init still waiting.
#[test]
fn init_that_waits_is_not_looked_into() {
    need_root!();
    for in_user_namespace in [false, true] {
        let mut bundle = Bundle::of_sleep();
        if in_user_namespace {
            bundle = bundle.with_capability("CAP_SYS_PTRACE").in_user_namespace();
            chown(bundle.rootfs(""), Some(100_000), Some(100_000)).unwrap();
        }
        bundle.create().ok();
        for file in ["maps", "environ", "mem", "fd/0", "root/", "cwd/", "exe"] {
            let tried = bundle.exec(&["/bin/dd", &format!("if=/proc/1/{file}"), "count=1"]);
            assert!(tried.code != 0 && tried.err.contains("ermission denied"), "{in_user_namespace} {file}: {tried}");
        }
    }
}

/// The positive control: `nsenter`, which enters the PID namespace in the host's mount namespace, is caught.
#[test]
fn the_spy_catches_a_program_that_is_not_protected() {
    need_root!();
    let bundle = spy().with_capability("CAP_SYS_PTRACE");
    SPY.plant(&bundle);
    bundle.up();
    SPY.wait(&bundle);
    let script = format!("exec 9</etc; exec nsenter --target {} --pid sleep 0.05", bundle.pid());
    eventually("the spy sees what is of the host", || {
        let mut enter = Command::new("sh");
        let status = enter.args(["-c", &script]).env("CFD_SECRET", "CFD_SECRET").status();
        let log = SPY.log(&bundle);
        status.is_ok() && ["trace", "root", "climbs", "secrets"].iter().all(|way| log[way] != 0)
    });
}
