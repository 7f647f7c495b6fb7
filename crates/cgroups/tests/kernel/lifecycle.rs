//! Made, entered, frozen, killed, removed.

use crate::bench::{Ground, Inmate, KILL, on_each_layout, planned, timed, wait_until};
use cgroups::{Beneath, Error};
use std::fs::{create_dir, read_to_string, write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn entered_in_every_hierarchy_and_removed() {
    on_each_layout("entered", |layout, path| {
        let ground = Ground::new(layout, &format!("{path}/inner"), "{}");
        let inmate = ground.run("exec sleep 100");
        let own = read_to_string(format!("/proc/{}/cgroup", inmate.pid())).unwrap();
        let there = own.lines().filter(|line| line.ends_with(&format!(":{path}/inner"))).count();
        assert_eq!(there, ground.directories().len(), "{own}");
        let parents: Vec<_> = ground.directories().iter().map(|one| one.parent().unwrap().to_owned()).collect();
        drop(inmate);
        drop(ground);
        for parent in parents {
            std::fs::remove_dir(parent).unwrap();
        }
    });
}

#[test]
fn somebody_else_s_cgroup_is_refused_and_left_alone() {
    on_each_layout("taken", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let below = planned(layout, &format!("{path}/below"), "{}").create().unwrap();
        let mut inmate = Inmate::enter(&below, "exec sleep 100");
        inmate.await_in(&below);
        for result in [ground.plan.check().map(drop), ground.plan.create().map(drop)] {
            let text = result.unwrap_err().to_string();
            let words = format!("container's cgroup is not empty: 1 process(es) found ({} in ", inmate.pid());
            assert!(text.starts_with(&words), "{text}");
        }
        assert!(inmate.is_running());
        ground.paths.kill_all(KILL).unwrap();
        inmate.end();
    });
}

#[test]
fn a_frozen_cgroup_is_refused_at_once() {
    on_each_layout("frozen", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        ground.paths.freeze().unwrap();
        let (result, time) = timed(|| ground.plan.check());
        assert!(matches!(result, Err(Error::Frozen { .. })), "{result:?}");
        assert!(result.unwrap_err().to_string().starts_with("container's cgroup unexpectedly frozen"));
        // One below would be born frozen; what was made on the way there goes.
        let below = planned(layout, &format!("{path}/a/b"), "{}");
        let (result, more) = timed(|| below.create());
        assert!(matches!(result, Err(Error::Frozen { .. })), "{result:?}");
        assert!(ground.directories().iter().all(|directory| !directory.join("a").exists()));
        assert!(time + more < SECOND);
    });
}

#[test]
fn held_and_let_go() {
    on_each_layout("held", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let inmate = ground.run("while :; do :; done");
        assert!(!ground.paths.is_frozen().unwrap());
        ground.paths.freeze().unwrap();
        assert!(ground.paths.is_frozen().unwrap());
        let before = inmate.ticks();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(inmate.ticks(), before);
        ground.paths.thaw().unwrap();
        assert!(!ground.paths.is_frozen().unwrap());
        wait_until("it goes on", || inmate.ticks() > before);
    });
}

#[test]
fn a_signal_to_all_is_heard_by_all() {
    on_each_layout("heard", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let mut inmate = ground.run("trap 'exit 7' USR1; sleep 100 & wait; exit 1");
        let name = |pid: &i32| read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        wait_until("its child is there", || ground.paths.pids().unwrap().iter().any(|pid| name(pid) == "sleep\n"));
        ground.paths.kill_all(10).unwrap();
        assert_eq!(inmate.end(), Some(7));
        wait_until("the child is gone", || ground.paths.pids().unwrap().is_empty());
    });
}

#[test]
fn killed_while_frozen_with_frozen_ones_below() {
    on_each_layout("killed", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let mut inmate = ground.run("exec sleep 100");
        let below = planned(layout, &format!("{path}/below"), "{}").create().unwrap();
        let mut other = Inmate::enter(&below, "exec sleep 100");
        other.await_in(&below);
        below.freeze().unwrap();
        ground.paths.freeze().unwrap();
        let (result, time) = timed(|| {
            ground.paths.kill_all(KILL).unwrap();
            inmate.end();
            other.end();
            ground.paths.remove()
        });
        result.unwrap();
        assert!(time < 5 * SECOND, "{time:?}");
    });
}

#[test]
fn what_forks_all_the_time_is_killed() {
    on_each_layout("forks", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        // Orphans too: the shell does not wait for what it starts.
        let script = "for i in $(seq 40); do (while :; do (sleep 0.01 &) ; sleep 0.01; done) & done; wait";
        let mut inmate = ground.run(script);
        wait_until("they are many", || ground.paths.pids().unwrap().len() > 40);
        let (result, time) = timed(|| {
            ground.paths.kill_all(KILL).unwrap();
            ground.paths.remove()
        });
        result.unwrap();
        inmate.end();
        assert!(time < 5 * SECOND, "{time:?}");
    });
}

#[test]
fn who_stays_is_named() {
    on_each_layout("stays", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let inmate = ground.run("exec sleep 100");
        let (result, time) = timed(|| ground.paths.remove());
        let text = result.unwrap_err().to_string();
        assert!(text.contains(&format!("({} in ", inmate.pid())), "{text}");
        assert!(time < 15 * SECOND, "{time:?}");
    });
}

#[test]
fn deeper_than_a_path_is_long() {
    on_each_layout("deep", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let name = "n".repeat(250);
        for directory in ground.directories() {
            // Each mkdir stays short: a shell goes down.
            let script = "for i in $(seq 20); do mkdir $0 $0-twin && cd -P $0 || exit 1; done";
            let made = Command::new("sh").arg("-c").arg(script).arg(&name).current_dir(directory).status().unwrap();
            assert!(made.success());
        }
        assert!(ground.paths.pids().unwrap().is_empty());
    });
}

#[test]
fn what_can_not_be_made_leaves_nothing() {
    on_each_layout("undone", |layout, path| {
        if matches!(layout, cgroups::Layout::Unified(_)) {
            println!("part skipped: v2 takes any CPU");
            return;
        }
        let plan = planned(layout, &format!("{path}/a/b"), r#"{"cpu":{"cpus":"4000"}}"#);
        let error = plan.create().unwrap_err();
        assert_eq!(error.place(), Some("/linux/resources/cpu/cpus"), "{error}");
        for directory in plan.paths.legacy().into_iter().chain(plan.paths.unified()) {
            let top = directory.ancestors().nth(2).unwrap();
            assert!(top.to_str().unwrap().contains("cofferdam-test") && !top.exists(), "{top:?}");
        }
    });
}

#[test]
fn entrances_lead_where_they_should() {
    on_each_layout("ways", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let directories = ground.directories();
        let place = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            Beneath::parse(&arguments).unwrap()
        };
        let leads = read_link;
        let top = ground.paths.entrance().unwrap();
        assert_eq!(top.tasks.len(), ground.paths.tasks());
        let all = top.tasks.iter().map(AsRawFd::as_raw_fd).chain(top.directory.iter().map(AsRawFd::as_raw_fd));
        for (fd, directory) in all.zip(&directories) {
            assert!(leads(fd) == *directory || leads(fd) == directory.join("tasks"), "{:?}", leads(fd));
        }
        let error = ground.paths.entrance_beneath(&place(&["nonexistent"])).unwrap_err().to_string();
        assert!(error.contains(" adding pid ") && error.contains("no such file or directory"), "{error}");
        let error = ground.paths.entrance_beneath(&place(&["whaaat:/"])).unwrap_err().to_string();
        assert!(error.contains("unknown controller "), "{error}");
        for directory in &directories {
            create_dir(directory.join("sub")).unwrap();
        }
        let sub = ground.paths.entrance_beneath(&place(&["/x/../sub"])).unwrap();
        for tasks in &sub.tasks {
            assert!(leads(tasks.as_raw_fd()).ends_with("sub/tasks"));
        }
        assert!(sub.directory.iter().all(|directory| leads(directory.as_raw_fd()).ends_with("sub")));
        if ground.paths.get("memory").is_some() {
            let one = ground.paths.entrance_beneath(&place(&["memory:sub"])).unwrap();
            let below = one.tasks.iter().filter(|tasks| leads(tasks.as_raw_fd()).ends_with("sub/tasks")).count();
            assert_eq!(below, 1);
        }
    });
}

#[test]
fn a_process_joins_even_where_init_has_moved_below() {
    on_each_layout("moved", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let Some(unified) = ground.paths.unified() else { return };
        let inmate = ground.run("exec sleep 100");
        let leads = || {
            let entrance = ground.paths.entrance_beside(inmate.pid()).unwrap();
            read_link(entrance.directory.unwrap().as_raw_fd())
        };
        create_dir(unified.join("below")).unwrap();
        write(unified.join("below/cgroup.procs"), inmate.pid().to_string()).unwrap();
        assert_eq!(leads(), unified, "nothing keeps it out yet");
        let controllers = read_to_string(unified.join("cgroup.controllers")).unwrap();
        for controller in ["memory", "hugetlb"].into_iter().filter(|name| controllers.contains(name)) {
            write(unified.join("cgroup.subtree_control"), format!("+{controller}")).unwrap();
            assert_eq!(leads(), unified.join("below"));
        }
        // Nobody outside is ever found.
        assert!(ground.paths.entrance_beside(1).is_err());
    });
}

#[test]
fn threads_below_are_no_hindrance() {
    on_each_layout("threads", |layout, path| {
        let ground = Ground::new(layout, path, "{}");
        let Some(unified) = ground.paths.unified().filter(|_| ground.paths.is_unified()) else { return };
        let mut inmate = ground.run("exec sleep 100");
        let below = unified.join("below");
        create_dir(&below).unwrap();
        if let Err(error) = write(below.join("cgroup.type"), "threaded") {
            println!("part skipped: no threaded cgroups here: {error}");
            return;
        }
        write(below.join("cgroup.threads"), inmate.pid().to_string()).unwrap();
        assert_eq!(read_to_string(below.join("cgroup.procs")).unwrap_err().raw_os_error(), Some(95));
        assert_eq!(ground.paths.pids().unwrap(), [inmate.pid()]);
        ground.paths.kill_all(15).unwrap();
        inmate.end();
    });
}

#[test]
fn given_away() {
    on_each_layout("given", |layout, path| {
        use std::os::unix::fs::MetadataExt;
        let ground = Ground::new(layout, path, "{}");
        let mut plan = planned(layout, path, "{}");
        plan.give_to(65_534);
        plan.limit(&ground.paths).unwrap();
        let owner = |path: &Path| std::fs::metadata(path).unwrap().uid();
        for directory in ground.directories() {
            let given = if ground.paths.is_unified() { 65_534 } else { 0 };
            assert_eq!(owner(&directory), given);
            assert_eq!(owner(&directory.join("cgroup.procs")), given);
            assert!(
                ["cgroup.freeze", "cgroup.kill", "cgroup.max.depth", "devices.allow"]
                    .iter()
                    .map(|name| directory.join(name))
                    .all(|file| !file.exists() || owner(&file) == 0)
            );
        }
    });
}

#[test]
fn without_the_right_to_make_one() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: not root, so it can't become somebody else");
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "lifecycle::as_nobody"]).uid(65_534).gid(65_534);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The other half of `without_the_right_to_make_one`.
#[test]
#[ignore = "run as another user by without_the_right_to_make_one"]
fn as_nobody() {
    let layout = cgroups::Layout::detect().unwrap();
    let limits = serde_json::from_str(r#"{"pids":{"limit":5}}"#).unwrap();
    let named = Path::new("/cofferdam-test-nobody");
    let paths = cgroups::plan(&layout, None, "cofferdam-test-nobody", None).unwrap().create().unwrap();
    assert!(paths.is_empty(), "{paths:?}");
    assert!(!paths.is_frozen().unwrap() && paths.pids().unwrap().is_empty());
    paths.kill_all(KILL).unwrap();
    paths.remove().unwrap();
    let error = cgroups::plan(&layout, Some(named), "x", None).unwrap().create().unwrap_err().to_string();
    assert!(error.starts_with("mkdir ") && error.ends_with("permission denied"), "{error}");
    let error = cgroups::plan(&layout, None, "x", Some(&limits)).unwrap().create().unwrap_err().to_string();
    assert!(error.starts_with("rootless needs no limits + no cgrouppath"), "{error}");
}

/// What a descriptor is open on.
fn read_link(fd: i32) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap()
}
