//! SECURITY C2: nothing in a container looks into a process that joins it before that is the container's own program.

use harness::{Bundle, need_root};
use rig::attackers::SPY;
use rig::rounds;
use serde_json::{Value, json};

/// What a hostile first process saw of many that joined.
fn spied(bundle: &Bundle, execs: usize) -> Value {
    SPY.plant(bundle);
    bundle.up();
    SPY.wait(bundle);
    for _ in 0..execs {
        bundle.call(["exec", bundle.id(), "/bin/true"]).env("CFD_SECRET", "CFD_SECRET").ok();
    }
    SPY.log(bundle)
}

fn spy() -> Bundle {
    Bundle::new().with("/process/args", json!(["/spy"]))
}

#[test]
fn a_hostile_first_process_sees_nothing() {
    need_root!();
    let log = spied(&spy(), rounds(100, 2000));
    eprintln!("plain {log}");
    let log = spied(&spy().with_capability("CAP_SYS_PTRACE"), rounds(100, 2000));
    eprintln!("ptrace {log}");
    let b = spy().with_capability("CAP_SYS_PTRACE").in_user_namespace();
    std::os::unix::fs::chown(b.rootfs(""), Some(100000), None).unwrap();
    let log = spied(&b, rounds(100, 2000));
    eprintln!("user {log}");
    panic!();
}
