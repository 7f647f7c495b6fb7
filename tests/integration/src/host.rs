//! What the machine offers.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// `CAP_SYS_RESOURCE`: raising resource limits.
pub const SYS_RESOURCE: u32 = 24;

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this process has the capability of that number.
pub fn has_capability(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & (1 << number) != 0)
}

/// Whether `/sys/fs/cgroup` is the v2 hierarchy.
pub fn pure_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The folder of a controller's hierarchy: `/sys/fs/cgroup/memory` or, on v2, `/sys/fs/cgroup`, or the v2 side of a
/// hybrid host.
pub fn hierarchy(controller: &str) -> Option<PathBuf> {
    let top = Path::new("/sys/fs/cgroup");
    let has = |folder: &Path| {
        let listed = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
        listed.split_whitespace().any(|name| name == controller)
    };
    let own = top.join(controller);
    if !pure_v2() && own.join("cgroup.procs").exists() {
        return Some(own);
    }
    [top.to_owned(), top.join("unified")].into_iter().find(|folder| has(folder))
}

/// The top of every cgroup hierarchy.
pub fn hierarchies() -> Vec<PathBuf> {
    let top = PathBuf::from("/sys/fs/cgroup");
    if pure_v2() {
        return vec![top];
    }
    let folders = fs::read_dir(&top).into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter(|path| path.join("cgroup.procs").exists()).collect()
}

/// Whether a security module is on: `apparmor`.
pub fn has_security_module(name: &str) -> bool {
    fs::read_to_string("/sys/kernel/security/lsm").is_ok_and(|list| list.trim().split(',').any(|one| one == name))
}

/// Whether this is a User-Mode Linux kernel: some fifty times slower, its files those of another machine.
pub fn is_user_mode() -> bool {
    fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains("User Mode Linux"))
}

/// Says that the running test is skipped: its thread is named after it.
pub fn say_skipped(reason: &str) {
    say_is_skipped(std::thread::current().name().unwrap_or("?"), reason);
}

/// Says that a test is skipped, past the capture of the test runner.
pub fn say_is_skipped(test: &str, reason: &str) {
    // A line of its own, though the runner may be in the middle of one.
    let line = format!("\nskipped: {test}: {reason}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// A whole disk's numbers: `8:0`.
pub fn disk() -> Option<(u32, u32)> {
    let disks = fs::read_dir("/sys/block").ok()?.flatten().map(|disk| disk.path());
    let mut disks: Vec<_> = disks.collect();
    // Any will do, but none that comes and goes.
    disks.sort_by_key(|path| path.to_string_lossy().contains("zram"));
    let numbers = fs::read_to_string(disks.first()?.join("dev")).ok()?;
    let (major, minor) = numbers.trim().split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
