//! B22: kill and delete in every state, in the words that containerd looks for.

use harness::{Bundle, eventually, need_cofferdam, need_root};

#[test]
fn kill_of_a_created_container_is_delivered() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    bundle.kill("KILL");
    bundle.await_status("stopped");
}

#[test]
fn kill_of_a_running_container_is_delivered() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.kill("KILL");
    bundle.await_status("stopped");
}

#[test]
fn kill_of_a_stopped_container_says_so() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.kill("9");
    bundle.await_status("stopped");
    bundle.call(["kill", bundle.id(), "KILL"]).fails().says("container not running");
    bundle.call(["kill", "--all", bundle.id(), "KILL"]).ok();
    bundle.call(["kill", "-a", bundle.id(), "9"]).ok();
}

#[test]
fn kill_of_what_is_not_there_says_so() {
    Bundle::new().call(["kill", "missing", "KILL"]).fails().says("does not exist");
}

#[test]
fn signals_are_checked() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    for name in ["NOPE", "SIG", "99", "9x"] {
        bundle.call(["kill", bundle.id(), name]).fails();
    }
    assert_eq!(bundle.status(), "running");
}

#[test]
fn signal_0_asks_and_real_time_signals_arrive() {
    need_root!();
    need_cofferdam!("Debian's runc knows neither");
    let bundle = Bundle::of_shell("trap 'echo >/rt' 35; echo >/ready; while :; do sleep .02; done");
    bundle.up();
    eventually("the trap is set", || bundle.rootfs("ready").exists());
    bundle.kill("0");
    bundle.kill("SIGRTMIN+1");
    eventually("the signal arrives", || bundle.rootfs("rt").exists());
    bundle.kill("35");
    assert_eq!(bundle.status(), "running");
}

#[test]
fn kill_reaches_all_processes_when_asked() {
    need_root!();
    let bundle = Bundle::of_shell(
        "trap '' TERM; (trap 'echo >/child; exit' TERM; echo >/ready; while :; do sleep .02; done) & wait",
    );
    bundle.up();
    eventually("the trap is set", || bundle.rootfs("ready").exists());
    bundle.call(["kill", "--all", bundle.id(), "TERM"]).ok();
    eventually("the child got it", || bundle.rootfs("child").exists());
}

#[test]
fn kill_of_all_processes_works_after_init_died_in_the_hosts_pid_namespace() {
    need_root!();
    let mut bundle = Bundle::of_shell("(trap '' HUP; exec sleep 1000) & echo >/ready; exec sleep 1000");
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "pid");
    bundle.set("/ociVersion", serde_json::json!("1.0.2"));
    bundle.up();
    eventually("the child runs", || bundle.rootfs("ready").exists());
    let init = rustix::process::Pid::from_raw(bundle.pid().cast_signed()).unwrap();
    rustix::process::kill_process(init, rustix::process::Signal::KILL).unwrap();
    bundle.await_status("stopped");
    assert_eq!(bundle.footprint().processes.len(), 1, "{:?}", bundle.footprint().processes);
    bundle.call(["kill", "--all", bundle.id(), "KILL"]).ok();
    eventually("the child is gone", || bundle.footprint().processes.is_empty());
    bundle.delete().ok();
    bundle.assert_nothing_left();
}

#[test]
fn delete_of_a_running_container_changes_nothing() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let before = bundle.footprint();
    bundle.delete().fails().says("is not stopped");
    let after = bundle.footprint();
    assert_eq!((after.cgroups, after.state, after.processes.len()), (before.cgroups, before.state, 1));
    assert_eq!(bundle.status(), "running");
}

#[test]
fn delete_of_a_created_container_kills_it() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let pid = bundle.pid();
    bundle.delete().ok();
    assert!(!harness::footprint::is_alive(pid));
    bundle.assert_nothing_left();
}
