//! What is mounted: in a container, and of a test on the host.

use std::collections::BTreeSet;
use std::fs;

/// The mounts that a process sees which show a part of a file system of the host without being the bundle's (its root,
/// its volumes, its cgroup: these carry the tag) or a device that the runtime takes from the host.
pub fn foreign(pid: u32, tag: &str) -> Vec<String> {
    let read = |who: &str| fs::read_to_string(format!("/proc/{who}/mountinfo")).unwrap_or_default();
    foreign_in(&read(&pid.to_string()), &read("self"), tag)
}

/// The same, of what a process saw while the host's own mounts were these.
pub fn foreign_in(seen: &str, own: &str, tag: &str) -> Vec<String> {
    // What a test itself mounted on the host may show in the container.
    let others = own.lines().filter(|line| !line.contains(tag));
    let hosts: BTreeSet<&str> = others.filter_map(|line| line.split(' ').nth(2)).collect();
    let strange = |line: &&str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let (device, root) = (fields[2], fields[3]);
        let masks = root == "/null" && line.contains(" - devtmpfs ") && fields[5].starts_with("ro,");
        hosts.contains(device) && !root.contains(tag) && !masks
    };
    seen.lines().filter(strange).map(str::to_owned).collect()
}

/// How many mounts a process sees.
pub fn count(pid: u32) -> usize {
    fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default().lines().count()
}

/// The host's own mounts that carry a tag.
pub fn on_host(tag: &str) -> Vec<String> {
    let own = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    own.lines().filter(|line| line.contains(tag)).map(str::to_owned).collect()
}
