//! How cgroups are mounted where the bench runs, and what that changes in the bundles.

use std::fs;
use std::path::Path;

/// One of the two that are measured.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// `v1` or `v2`.
    pub(crate) name: &'static str,
    /// The folders of v1's hierarchies.
    pub(crate) hierarchies: Vec<String>,
    /// Memory, CPU time and processes can be limited.
    pub(crate) limits: bool,
}

impl Layout {
    /// What is mounted here.
    pub(crate) fn here() -> Self {
        let controllers = Path::new("/sys/fs/cgroup/cgroup.controllers");
        if let Ok(listed) = fs::read_to_string(controllers) {
            let limits = ["memory", "cpu", "pids"].iter().all(|name| listed.split_whitespace().any(|c| c == *name));
            return Layout { name: "v2", hierarchies: Vec::new(), limits };
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        Layout { name: "v1", hierarchies: hierarchies(&mounts), limits: true }
    }

    /// Whether it is v2.
    pub(crate) fn is_v2(&self) -> bool {
        self.name == "v2"
    }
}

fn hierarchies(mounts: &str) -> Vec<String> {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let cgroups = fields.filter(|fields| fields.get(2) == Some(&"cgroup"));
    cgroups.filter_map(|fields| Some(fields.get(1)?.strip_prefix("/sys/fs/cgroup/")?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn hierarchies_are_those_of_version_1() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\n";
        assert_eq!(super::hierarchies(mounts), ["cpu", "systemd"]);
    }
}
