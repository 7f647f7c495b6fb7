//! Whatever instant a kill strikes, `delete --force` removes everything. What the suite's sweep leaves out: the
//! runtime process dies while init, or the process that enters, is at one system call after the other. Both go on by
//! themselves, so each point is a new try under ptrace(2). A walk of all takes minutes (`COFFERDAM_SWEEP=all`); else
//! some are left out.
#![allow(missing_docs)]

use harness::footprint::is_alive;
use harness::{Bundle, Call, need_cofferdam, need_root, programs, until};
use std::time::Duration;

/// Who is killed, and whose system calls are counted.
#[derive(Clone, Copy)]
struct Kill {
    victim: &'static str,
    at: &'static str,
}

const RUNTIME: Kill = Kill { victim: "runtime", at: "runtime" };
const RUNTIME_WHILE_CHILD: Kill = Kill { victim: "runtime", at: "child" };
const CHILD: Kill = Kill { victim: "child", at: "child" };

/// How many points of a walk are tried unless all are.
const POINTS: usize = 25;

/// Kills `verb` at one call after the other; `prepare` brings a bundle to where the verb can be used.
fn sweep(kill: Kill, verb: &[&str], prepare: impl Fn(&Bundle)) {
    let all = std::env::var("COFFERDAM_SWEEP").is_ok_and(|value| value == "all");
    let calls = (1..).step_by(50).find(|number| !strike(kill, *number, verb, &prepare)).unwrap_or(50);
    let step = if all { 1 } else { calls / POINTS + 1 };
    for number in (1 + verb.len() % step..calls).step_by(step) {
        if !strike(kill, number, verb, &prepare) {
            break;
        }
    }
}

/// One point; whether the command made that many calls.
fn strike(kill: Kill, number: usize, verb: &[&str], prepare: &impl Fn(&Bundle)) -> bool {
    let bundle = Bundle::of_sleep();
    prepare(&bundle);
    let outcome = Call::new(&programs::interrupt(), bundle.folder())
        .args([kill.victim, kill.at, &number.to_string()])
        .args([programs::runtime()])
        .args(["--root".into(), bundle.state_folder()])
        .args(verb.iter().map(|word| if *word == "ID" { bundle.id() } else { word }))
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
        .outcome();
    let reached = outcome.code == 0;
    assert!(reached || outcome.code == 3, "{outcome}");
    assert!(!outcome.err.contains("panicked"), "{outcome}");
    let at = format!("{} killed at call {number} of {} of {verb:?}: ", kill.victim, kill.at);
    let delete = bundle.call(["delete", "--force", bundle.id()]).outcome();
    // The end of a PID namespace waits until the machine's init has reaped the orphans in it, which may take it a while.
    assert!(delete.code == 0 && delete.took < Duration::from_secs(6), "{at}{delete} in {:?}", delete.took);
    let pids: Vec<u32> = outcome.out.lines().filter_map(|line| line.parse().ok()).collect();
    let gone =
        until(Duration::from_secs(2), || bundle.footprint().is_empty() && !pids.iter().any(|pid| is_alive(*pid)));
    assert!(gone, "{at}left over: {:#?}, alive of {pids:?}", bundle.footprint());
    if number.is_multiple_of(7) {
        bundle.create().ok();
        bundle.call(["delete", "--force", bundle.id()]).ok();
        bundle.assert_nothing_left();
    }
    reached
}

fn nothing(_: &Bundle) {}

fn running(bundle: &Bundle) {
    bundle.up();
}

macro_rules! sweeps {
    ($($name:ident: $kill:expr, $verb:expr, $prepare:expr;)*) => {$(
        #[test]
        fn $name() {
            need_root!();
            need_cofferdam!("runc leaves things behind");
            sweep($kill, $verb, $prepare);
        }
    )*};
}

sweeps! {
    create_killed_while_init_works: RUNTIME_WHILE_CHILD, &["create", "ID"], nothing;
    exec_killed_while_its_child_works: RUNTIME_WHILE_CHILD, &["exec", "ID", "true"], running;
    child_killed_in_exec: CHILD, &["exec", "ID", "true"], running;
    pause_killed: RUNTIME, &["pause", "ID"], running;
    update_killed: RUNTIME, &["update", "--pids-limit", "50", "ID"], running;
}
