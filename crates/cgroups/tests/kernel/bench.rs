//! A cgroup for a test, and processes in it.

use cgroups::{Layout, Paths, Plan, plan};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const KILL: i32 = 9;

/// Runs a test on each layout that this host has. The name is that of its cgroups.
pub(crate) fn on_each_layout(name: &str, test: impl Fn(&Layout, &str)) {
    if !rustix::process::geteuid().is_root() {
        println!("skipped {name}: not root");
        return;
    }
    let host = Layout::detect().unwrap();
    test(&host, &format!("/cofferdam-test-{}-{name}", std::process::id()));
    if let Layout::Legacy { unified: Some(unified), .. } = host {
        let alone = Layout::Unified(unified);
        test(&alone, &format!("/cofferdam-test-{}-{name}-v2", std::process::id()));
    }
}

/// A container's cgroup, removed with all that is in it when the test ends.
pub(crate) struct Ground {
    pub plan: Plan,
    pub paths: Paths,
}

impl Ground {
    /// Makes and limits a cgroup.
    pub(crate) fn new(layout: &Layout, path: &str, resources: &str) -> Self {
        let plan = planned(layout, path, resources);
        plan.check().unwrap();
        let ground = Ground { paths: plan.create().unwrap(), plan };
        ground.plan.limit(&ground.paths).unwrap();
        ground.plan.confine(&ground.paths, None, false).unwrap();
        ground
    }

    /// Runs a shell script in it.
    pub(crate) fn run(&self, script: &str) -> Inmate {
        let inmate = Inmate::enter(&self.paths, script);
        inmate.await_in(&self.paths);
        inmate
    }

    /// What is in a file of a controller; v1's name of both, and v2's name of the file.
    pub(crate) fn read(&self, controller: &str, v1: &str, v2: &str) -> Option<String> {
        let path = match self.paths.get(controller) {
            Some(path) => path.join(v1),
            None => self.paths.unified()?.join(v2),
        };
        std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    }

    /// All its directories.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let paths = &self.paths;
        paths.legacy().into_iter().chain(paths.unified()).map(Path::to_owned).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.paths.kill_all(KILL).unwrap();
        self.paths.remove().unwrap();
        assert!(self.directories().iter().all(|path| !path.exists()));
    }
}

pub(crate) fn planned(layout: &Layout, path: &str, resources: &str) -> Plan {
    let resources = serde_json::from_str(resources).unwrap();
    plan(layout, Some(Path::new(path)), "id", Some(&resources)).unwrap()
}

/// A process, killed when the test ends.
pub(crate) struct Inmate(Child);

impl Inmate {
    /// Starts a shell that moves itself into the cgroup and becomes the script.
    pub(crate) fn enter(paths: &Paths, script: &str) -> Self {
        let tasks = paths.legacy().into_iter().map(|path| path.join("tasks"));
        let files = tasks.chain(paths.unified().map(|path| path.join("cgroup.procs")));
        let moves: Vec<_> = files.map(|file| format!("echo 0 > '{}' && ", file.display())).collect();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{}true || exit 99\n{script}", moves.concat()));
        Inmate(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Waits until it is in the cgroup of every hierarchy.
    #[track_caller]
    pub(crate) fn await_in(&self, paths: &Paths) {
        let pid = self.pid().to_string();
        let is_in = |path: &Path| {
            std::fs::read_to_string(path.join("cgroup.procs")).is_ok_and(|list| list.lines().any(|line| line == pid))
        };
        wait_until("the process is in its cgroup", || paths.legacy().into_iter().chain(paths.unified()).all(is_in));
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    /// Its exit code, once it has ended.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("it ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Clock ticks of CPU time so far.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits, for twenty seconds at most: an emulated machine is slow.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs and tells how long that took.
pub(crate) fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (act(), start.elapsed())
}
