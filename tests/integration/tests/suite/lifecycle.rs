//! From create to delete, as an engine goes.

use harness::footprint::is_alive;
use harness::{Bundle, eventually, host, need_cofferdam, need_root, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

#[test]
fn a_container_lives_from_create_to_delete() {
    need_root!();
    let bundle = Bundle::of_sleep().with("/annotations", json!({"com.example.key": "value"}));
    bundle.create().ok();
    let state = bundle.state();
    assert_eq!(state["status"], "created");
    assert_eq!(state["id"], bundle.id());
    assert_eq!(state["bundle"], bundle.folder().to_str().unwrap());
    assert_eq!(state["rootfs"], bundle.rootfs("").to_str().unwrap().trim_end_matches('/'));
    assert_eq!(state["annotations"]["com.example.key"], "value");
    assert!(state["ociVersion"].as_str().is_some_and(|version| version.starts_with("1.")), "{state}");
    assert!(state["created"].as_str().is_some_and(|time| time.contains('T')), "{state}");
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(bundle.status(), "running");
    assert_eq!(json!(bundle.pid()), state["pid"]);
    bundle.kill("KILL");
    bundle.await_status("stopped");
    assert_eq!(bundle.state().get("pid").cloned().unwrap_or(json!(0)), 0);
    bundle.delete().ok();
    bundle.call(["state", bundle.id()]).fails().says("does not exist");
    bundle.assert_nothing_left();
}

#[test]
fn a_created_container_ends_when_it_is_asked_to() {
    need_root!();
    for signal in ["HUP", "INT", "QUIT", "TERM"] {
        let bundle = Bundle::of_sleep();
        bundle.create().ok();
        bundle.kill(signal);
        bundle.await_status("stopped");
    }
}

#[test]
fn run_gives_the_programs_status_and_leaves_nothing() {
    need_root!();
    for (script, code) in
        [("exit 0", 0), ("exit 42", 42), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
    {
        // Process 1 of a pid namespace ignores its own signals; a child of it does not.
        let bundle = Bundle::of_shell(&format!("sh -c '{script}'; exit $?"));
        bundle.run().exits(code);
        bundle.assert_nothing_left();
    }
}

#[test]
fn run_gives_128_and_the_signal_of_process_1() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let running = bundle.call(["run", bundle.id()]).begin();
    eventually("it runs", || bundle.call(["state", bundle.id()]).outcome().out.contains("running"));
    bundle.kill("KILL");
    running.outcome().exits(137);
    bundle.assert_nothing_left();
}

#[test]
fn run_passes_standard_streams_on() {
    need_root!();
    let bundle = Bundle::of_shell("cat; echo problem >&2");
    let outcome = bundle.call(["run", bundle.id()]).input("from outside\n").ok();
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("from outside\n", "problem\n"));
}

#[test]
fn run_ends_with_the_program_though_stdin_stays_open() {
    need_root!();
    let bundle = Bundle::of_shell("exit 3");
    let (reader, _writer) = std::io::pipe().unwrap();
    bundle.call(["run", bundle.id()]).stdin(reader).outcome().exits(3);
}

#[test]
fn run_forwards_signals_to_the_program() {
    need_root!();
    let bundle = Bundle::of_shell("trap 'exit 7' TERM; trap 'echo usr' USR1; echo ready; while :; do sleep .05; done");
    let running = bundle.call(["run", bundle.id()]).begin();
    eventually("the traps are set", || running.out().contains("ready"));
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::USR1).unwrap();
    eventually("USR1 arrived", || running.out().contains("usr"));
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    running.outcome().exits(7);
}

#[test]
fn run_keep_leaves_the_container_stopped() {
    need_root!();
    let bundle = Bundle::of_shell("exit 5");
    bundle.call(["run", "--keep", bundle.id()]).outcome().exits(5);
    assert_eq!(bundle.status(), "stopped");
    assert!(!bundle.footprint().cgroups.is_empty(), "the cgroup, which BuildKit reads after the run, is gone");
    bundle.delete().ok();
    bundle.assert_nothing_left();
}

#[test]
fn run_detached_leaves_a_child_of_its_caller() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let outcome = bundle.call(["run", "--detach", "--pid-file", "pid", bundle.id()]).ok();
    assert_eq!(outcome.out, "");
    let pid = fs::read_to_string(bundle.folder().join("pid")).unwrap();
    assert_eq!(pid, bundle.pid().to_string(), "digits and no newline");
    assert_eq!(bundle.status(), "running");
}

#[test]
fn start_needs_a_created_container() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.call(["start", bundle.id()]).fails().says("cannot start an already running container");
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.call(["start", bundle.id()]).fails().says("cannot start a container that has stopped");
}

#[test]
fn later_edits_of_config_have_no_effect() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    bundle.create().ok();
    bundle.set("/process/args", json!(["/bin/false"]));
    bundle.set("/process/env", json!(["PATH=/bin", "EDITED=1"]));
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(bundle.status(), "running");
}

#[test]
fn an_id_is_taken_until_it_is_deleted() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let pid = bundle.pid();
    bundle.create().fails().says("container with given ID already exists");
    assert_eq!((bundle.status().as_str(), bundle.pid()), ("running", pid));
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.create().ok();
}

#[test]
fn delete_of_a_running_container_needs_force() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.delete().fails().says("is not stopped");
    assert_eq!(bundle.status(), "running");
    let pid = bundle.pid();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert!(!is_alive(pid));
    bundle.assert_nothing_left();
}

#[test]
fn delete_removes_a_created_container() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    bundle.delete().ok();
    bundle.assert_nothing_left();
}

#[test]
fn delete_of_what_is_not_there_fails_unless_forced() {
    let bundle = Bundle::new();
    bundle.delete().fails().says("does not exist");
    bundle.call(["delete", "--force", bundle.id()]).ok();
}

#[test]
fn delete_force_ends_all_processes_of_a_container_without_a_pid_namespace() {
    need_root!();
    let mut bundle = Bundle::of_shell("sleep 1000 & sleep 1000 & exec sleep 1000");
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "pid");
    bundle.set("/ociVersion", json!("1.0.2"));
    bundle.up();
    eventually("its children run", || bundle.footprint().processes.len() == 3);
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn list_shows_containers_in_each_form() {
    need_root!();
    let bundle = Bundle::of_sleep();
    fs::create_dir_all(bundle.state_folder()).unwrap();
    let listed = |options: &[&str]| bundle.call(["list"].iter().chain(options).copied()).ok().out;
    assert_eq!(listed(&["--format", "json"]).trim(), "null");
    bundle.up();
    let one: Value = serde_json::from_str(&listed(&["--format=json"])).unwrap();
    assert_eq!(one[0]["id"], bundle.id());
    assert_eq!(one[0]["status"], "running");
    assert_eq!(one[0]["pid"], bundle.pid());
    assert_eq!(one[0]["owner"], "root");
    assert_eq!(listed(&["-q"]), format!("{}\n", bundle.id()));
    let table = listed(&[]);
    let header: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
    assert!(table.lines().nth(1).is_some_and(|row| row.starts_with(bundle.id()) && row.contains("running")), "{table}");
}

/// So many that several threads look.
#[test]
fn list_shows_many_in_order_and_whose_they_are() {
    need_root!();
    need_cofferdam!("the twins are made of its state");
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let (own, state) = (bundle.state_folder().join(bundle.id()), bundle.state_folder());
    let rows = || -> Vec<[String; 3]> {
        let table = bundle.call(["list"]).ok().out;
        let row = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            [cells[0], cells[2], cells[5]].map(str::to_owned)
        };
        table.lines().skip(1).map(row).filter(|row| row[0].starts_with("twin")).collect()
    };
    for status in ["created", "running"] {
        let mut twins = Vec::new();
        for number in 100..500 {
            let twin = state.join(format!("twin{number}"));
            assert!(Command::new("cp").arg("-a").args([&own, &twin]).status().unwrap().success());
            let owner = u32::from(number % 3 == 0);
            for path in [twin.clone(), twin.join("start.sock")] {
                if path.exists() {
                    chown(path, Some(owner), None).unwrap();
                }
            }
            twins.push((
                twin,
                [format!("twin{number}"), status.to_owned(), ["root", "daemon"][owner as usize].to_owned()],
            ));
        }
        let seen = rows();
        for (twin, _) in &twins {
            fs::remove_dir_all(twin).unwrap();
        }
        let meant: Vec<_> = twins.into_iter().map(|(_, row)| row).collect();
        assert_eq!(seen, meant);
        if status == "created" {
            bundle.call(["start", bundle.id()]).ok();
        }
    }
}

#[test]
fn list_passes_over_what_is_not_its_own() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let state = bundle.state_folder();
    fs::create_dir(state.join("empty")).unwrap();
    fs::create_dir(state.join("broken")).unwrap();
    fs::write(state.join("broken/state.json"), "{").unwrap();
    fs::write(state.join("stray"), "").unwrap();
    let outcome = bundle.call(["list", "-q"]).ok();
    assert!(outcome.out.lines().any(|id| id == bundle.id()), "{outcome}");
    for name in ["empty", "broken"] {
        fs::remove_dir_all(state.join(name)).unwrap();
    }
}

#[test]
fn ps_tells_the_processes() {
    need_root!();
    let bundle = Bundle::of_shell("sleep 1000 & exec sleep 1000");
    bundle.up();
    let pids = || -> Vec<u32> {
        serde_json::from_str(&bundle.call(["ps", "--format", "json", bundle.id()]).ok().out).unwrap()
    };
    eventually("two processes", || pids().len() == 2);
    assert!(pids().contains(&bundle.pid()));
    if host::is_user_mode() {
        skip!("ps(1) does not work on this kernel");
    }
    let table = bundle.call(["ps", bundle.id()]).ok().out;
    assert!(table.starts_with("UID") && table.lines().count() == 3, "{table}");
    let table = bundle.call(["ps", bundle.id(), "-o", "pid,comm"]).ok().out;
    assert_eq!(table.lines().filter(|line| line.ends_with("sleep")).count(), 2, "{table}");
}

#[test]
fn pause_and_resume() {
    need_root!();
    let bundle = Bundle::of_shell("while :; do date >/tick 2>/dev/null || echo >>/tick; sleep .02; done");
    bundle.up();
    bundle.call(["resume", bundle.id()]).fails().says("container not paused");
    bundle.call(["pause", bundle.id()]).ok();
    assert_eq!(bundle.status(), "paused");
    let ticked = || fs::metadata(bundle.rootfs("tick")).map(|found| found.len()).unwrap_or_default();
    std::thread::sleep(std::time::Duration::from_millis(50));
    let before = ticked();
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert_eq!(ticked(), before, "a paused container went on");
    bundle.exec(&["/bin/true"]).exits(255).says("cannot exec in a paused container");
    bundle.call(["resume", bundle.id()]).ok();
    assert_eq!(bundle.status(), "running");
    eventually("it goes on", || ticked() != before);
}

#[test]
fn delete_force_removes_a_paused_container() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    bundle.call(["pause", bundle.id()]).ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn kill_takes_names_and_numbers_in_any_case() {
    need_root!();
    let bundle = Bundle::of_shell("trap 'echo got' USR1; echo ready; while :; do sleep .02; done");
    let running = bundle.call(["create", bundle.id()]).begin();
    let printed = |count: usize| running.out().matches("got").count() == count;
    eventually("created", || bundle.call(["state", bundle.id()]).outcome().out.contains("created"));
    bundle.call(["start", bundle.id()]).ok();
    eventually("ready", || running.out().contains("ready"));
    for (count, name) in ["USR1", "SIGUSR1", "sigusr1", "usr1", "10"].into_iter().enumerate() {
        bundle.kill(name);
        eventually(name, || printed(count + 1));
    }
}
