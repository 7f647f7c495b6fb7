//! What fuzzers try here: texts that the kernel writes, and what systemd answers.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use crate::file;
use crate::layout::{Layout, from_mounts, memberships, mounts};
use crate::stats::lists;
use crate::systemd::bus::{Bus, Refusal};
use rustix::net::{AddressFamily, SendFlags, Shutdown, SocketFlags, SocketType, send, shutdown, socketpair};
use std::path::{Component, Path};
use std::time::Duration;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// mountinfo, and memberships after an empty line.
pub fn mountinfo(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (found, own) = text.split_once("\n\n").unwrap_or((text, "3:cpu,cpuacct:/docker/a\n0::/a\n"));
    let own = memberships(own);
    let Layout::Legacy { hierarchies, unified } = from_mounts(&mounts(found), &own) else { unreachable!() };
    for own in hierarchies.iter().map(|one| &one.own).chain(unified.iter().map(|one| &one.own)) {
        is_clean(own);
    }
}

/// `/proc/PID/cgroup`, and the files of a cgroup.
pub fn cgroup_files(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for member in memberships(text) {
        is_clean(&member.cgroup);
    }
    read_lists(text);
    let lines = text.lines().count();
    assert!(file::pairs(text).count() <= lines);
    for (key, _) in file::pairs(text).take(16) {
        assert!(file::value(text, key).is_some());
    }
}

/// What a bus or systemd says, before it hangs up: an answer or a refusal comes of it, at once.
pub fn systemd_replies(data: &[u8]) {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    let sent = send(&theirs, &[b"OK 1\r\n", data].concat(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    if sent.is_err() || shutdown(&theirs, Shutdown::Write).is_err() {
        return;
    }
    let mut bus = Bus::over(ours, Duration::from_secs(2)).map_err(|refusal| at_once(&refusal)).unwrap();
    // Each is one message more of what there is.
    for _ in 0..4 {
        if let Err(refusal) = bus.call("GetUnit", &[]) {
            at_once(&refusal);
        }
    }
    if let Err(refusal) = bus.job("StopUnit", &[]) {
        at_once(&refusal);
    }
}

/// Who has hung up is not waited for, whatever it has said.
fn at_once(refusal: &Refusal) {
    assert!(!matches!(refusal, Refusal::Lost(text) if text.ends_with("no answer in time")), "{refusal:?}");
}

/// A cgroup of ours never leads out of its hierarchy.
fn is_clean(cgroup: &Path) {
    let mut parts = cgroup.components();
    assert_eq!(parts.next(), Some(Component::RootDir), "{cgroup:?}");
    assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{cgroup:?}");
}

fn read_lists(text: &str) {
    lists::number(text);
    let numbers = lists::numbers(text).len();
    assert!(numbers <= text.len());
    let range = lists::range(text);
    assert!(range.is_sorted() && range.len() <= 1 << 16, "{} numbers", range.len());
    let (bytes, requests) = lists::io(text);
    assert!(lists::blkio(text).len() + bytes.len() + requests.len() <= text.len());
    lists::pressure(text);
}

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;

    #[test]
    fn corpora() {
        replay("mountinfo", mountinfo);
        replay("cgroup_files", cgroup_files);
        replay("systemd_replies", systemd_replies);
    }
}
