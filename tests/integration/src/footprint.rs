//! What the host keeps of a container: everything of a test carries its tag.

use crate::host;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// All that carries a tag: mounts, cgroups, processes, entries of the state folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Lines of the host's mountinfo.
    pub mounts: Vec<String>,
    /// Folders of cgroup hierarchies.
    pub cgroups: Vec<PathBuf>,
    /// Process ids with their names.
    pub processes: Vec<String>,
    /// What is in the state folder.
    pub state: Vec<PathBuf>,
}

impl Footprint {
    /// Looks at the host.
    pub fn of(tag: &str, state: &Path) -> Self {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mounts = mountinfo.lines().filter(|line| line.contains(tag)).map(str::to_owned).collect();
        let mut cgroups = Vec::new();
        for top in host::hierarchies() {
            tagged_folders(&top, tag, &mut cgroups);
        }
        let state = fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        Footprint { mounts, cgroups, processes: processes(tag), state }
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        *self == Footprint::default()
    }
}

fn tagged_folders(folder: &Path, tag: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.path().to_string_lossy().contains(tag) {
                found.push(entry.path());
            }
            tagged_folders(&entry.path(), tag, found);
        }
    }
}

/// Live processes of a test: by their cgroup, command line or environment.
fn processes(tag: &str) -> Vec<String> {
    pids(tag)
        .into_iter()
        .map(|pid| {
            let mut text = pid.to_string();
            for part in ["comm", "cmdline", "cgroup"] {
                let content = fs::read_to_string(format!("/proc/{pid}/{part}")).unwrap_or_default();
                let _written = write!(text, " {}", content.replace(['\0', '\n'], " ").trim());
            }
            text
        })
        .collect()
}

/// The ids of live processes of a test.
pub fn pids(tag: &str) -> Vec<u32> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id() && carries(*pid, tag) && is_alive(*pid))
        .collect()
}

fn carries(pid: u32, tag: &str) -> bool {
    ["cgroup", "cmdline", "environ"].iter().any(|part| {
        let content = fs::read(format!("/proc/{pid}/{part}")).unwrap_or_default();
        content.windows(tag.len()).any(|window| window == tag.as_bytes())
    })
}

/// Whether a process is there, and not a mere zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !matches!(rest.trim().chars().next(), Some('Z' | 'X')))
}
