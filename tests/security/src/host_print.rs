//! What the host keeps, kind by kind, as lines that can be compared.
//!
//! Other tests run beside on the same machine. So a test compares what carries its own tag ([`HostPrint::of`]); the
//! whole of the host ([`HostPrint::whole`]) is compared once, when all have ended, by the program `hostprint`.

use harness::footprint::Footprint;
use harness::programs;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Lines by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPrint(BTreeMap<String, BTreeSet<String>>);

/// Keys of `/proc/sys` that change by themselves, and those that only a write can read.
const RESTLESS: [&str; 22] = [
    "dentry-state",
    "file-nr",
    "inode-nr",
    "inode-state",
    "aio-nr",
    "ns_last_pid",
    "pty/nr",
    "random/",
    "nf_conntrack_count",
    "route/flush",
    "drop_caches",
    "compact_memory",
    "stat_refresh",
    "cad_pid",
    "sched_domain",
    "usermodehelper",
    "acct",
    "pipe-user-pages",
    "tcp_available",
    "firmware_config",
    "quota/",
    "perf_event_max_sample_rate",
];

impl HostPrint {
    /// What of the host carries a test's tag: mounts, cgroups, processes, sockets, keyrings, shared memory.
    pub fn of(tag: &str, state: &Path) -> Self {
        let mut print = HostPrint::default();
        let footprint = Footprint::of(tag, state);
        print.add("mounts", footprint.mounts);
        print.add("processes", footprint.processes);
        print.add("cgroups", footprint.cgroups.iter().map(|path| path.display().to_string()));
        print.add("state", footprint.state.iter().map(|path| path.display().to_string()));
        for (kind, lines) in [("keys", keys()), ("sockets", sockets()), ("/dev/shm", shared_memory())] {
            print.add(kind, lines.into_iter().filter(|line| line.contains(tag)));
        }
        print
    }

    /// All that the host keeps.
    pub fn whole() -> Self {
        let mut print = HostPrint::default();
        print.add("mounts", mounts());
        let mut cgroups = Vec::new();
        for top in harness::host::hierarchies() {
            folders(&top, &mut cgroups);
        }
        print.add("cgroups", cgroups.iter().map(|path| path.display().to_string()));
        print.add("processes", harness::footprint::pids("cft").iter().map(ToString::to_string));
        print.add("keys", keys());
        print.add("/dev/shm", shared_memory());
        print.add("network namespaces", network_namespaces());
        print.add("sysctls", sysctls());
        print.add("bpf programs", bpf_programs());
        print.add("sockets", sockets());
        print.add("state", ["/run/cofferdam", "/run/runc", "/run/cfd-canary"].iter().flat_map(|folder| names(folder)));
        print
    }

    /// What `after` has and this had not, and the other way round; a line each.
    pub fn changes(&self, after: &Self) -> Vec<String> {
        let none = BTreeSet::new();
        let kinds: BTreeSet<&String> = self.0.keys().chain(after.0.keys()).collect();
        let of = |kind: &String| {
            let (before, after) = (self.0.get(kind).unwrap_or(&none), after.0.get(kind).unwrap_or(&none));
            let more = after.difference(before).map(|line| format!("{kind}: + {line}"));
            // The kernel collects the keyrings of containers that have ended some time later.
            let gone = before.difference(after).filter(|line| kind != "keys" || !line.contains(" _ses."));
            let less = gone.map(|line| format!("{kind}: - {line}"));
            more.chain(less).collect::<Vec<_>>()
        };
        kinds.into_iter().flat_map(of).collect()
    }

    /// What stays changed for the whole of `patience`: what others do beside comes and goes.
    pub fn lasting_changes(&self, patience: Duration) -> Vec<String> {
        let begin = Instant::now();
        let mut lasting: BTreeSet<String> = self.changes(&HostPrint::whole()).into_iter().collect();
        while !lasting.is_empty() && begin.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(300));
            let now: BTreeSet<String> = self.changes(&HostPrint::whole()).into_iter().collect();
            lasting.retain(|line| now.contains(line));
        }
        lasting.into_iter().collect()
    }

    /// As text: a line each, `KIND<TAB>LINE`.
    pub fn text(&self) -> String {
        let lines = self.0.iter().flat_map(|(kind, lines)| lines.iter().map(move |line| format!("{kind}\t{line}\n")));
        lines.collect()
    }

    /// From text.
    pub fn parse(text: &str) -> Self {
        let mut print = HostPrint::default();
        for (kind, line) in text.lines().filter_map(|line| line.split_once('\t')) {
            print.add(kind, [line.to_owned()]);
        }
        print
    }

    fn add(&mut self, kind: &str, lines: impl IntoIterator<Item = String>) {
        self.0.entry(kind.to_owned()).or_default().extend(lines);
    }
}

/// Fails the test if the host keeps anything of this bundle; what ends by itself has a moment to do so.
#[track_caller]
pub fn assert_nothing_left(bundle: &harness::Bundle) {
    let left = || HostPrint::default().changes(&HostPrint::of(bundle.tag(), &bundle.state_folder()));
    let gone = harness::until(Duration::from_secs(20), || left().is_empty());
    assert!(gone, "left over: {:#?}", left());
}

fn lines(path: &str) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Mounts without their ids, which are handed out anew.
fn mounts() -> Vec<String> {
    let shown = |line: String| Some(line.splitn(3, ' ').nth(2)?.to_owned());
    lines("/proc/self/mountinfo").into_iter().filter_map(shown).collect()
}

/// Keyrings by owner and name. Those of users come with their first process.
fn keys() -> Vec<String> {
    let named = |line: String| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Some(format!("{} {}", fields.get(5)?, fields.get(8..)?.join(" ").rsplit_once(':')?.0))
    };
    lines("/proc/keys").into_iter().filter_map(named).filter(|key| !key.contains("_uid")).collect()
}

/// Unix sockets that have a name.
fn sockets() -> Vec<String> {
    let named = |line: String| line.split_whitespace().nth(7).map(str::to_owned);
    lines("/proc/net/unix").into_iter().skip(1).filter_map(named).collect()
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().display().to_string()).collect()
}

fn shared_memory() -> Vec<String> {
    names("/dev/shm")
}

fn folders(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
            folders(&entry.path(), found);
        }
    }
}

/// The network namespaces that some process is in, or that have a name.
fn network_namespaces() -> Vec<String> {
    let links = fs::read_dir("/proc").into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| fs::read_link(entry.path().join("ns/net")).ok();
    links.filter_map(of).map(|link| link.display().to_string()).chain(names("/run/netns")).collect()
}

/// `/proc/sys`, without what changes by itself.
fn sysctls() -> Vec<String> {
    let mut found = Vec::new();
    values(Path::new("/proc/sys"), &mut found);
    found
}

fn values(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            values(&path, found);
        } else if !RESTLESS.iter().any(|restless| path.to_string_lossy().contains(restless)) {
            let value = fs::read_to_string(&path).unwrap_or_else(|error| error.to_string());
            found.push(format!("{} = {}", path.display(), value.trim().replace(['\n', '\t'], " ")));
        }
    }
}

/// The ids of loaded BPF programs.
fn bpf_programs() -> Vec<String> {
    let lister = programs::compiled("bpf-programs", include_str!("bpf_programs.c"));
    let printed = Command::new(lister).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&printed).lines().map(str::to_owned).collect()
}
