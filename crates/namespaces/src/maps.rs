//! Id maps of a user namespace: which ids of the container are which of the host.

use crate::error::Error;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, geteuid};
use serde::Serialize;
use spec::oci::LinuxIdMapping;
use std::process::Command;
use sys::Errno;
use sys::clone::Side;
use sys::namespace::CLONE_NEWUSER;

/// A user namespace's two maps, in the text that the kernel reads: lines `inside outside count`.
/// See user_namespaces(7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Map {
    /// For `uid_map`.
    pub users: String,
    /// For `gid_map`.
    pub groups: String,
}

impl Map {
    /// The maps that the config gives.
    pub fn new(users: &[LinuxIdMapping], groups: &[LinuxIdMapping]) -> Self {
        Map { users: lines(users), groups: lines(groups) }
    }

    /// The first id inside, by the lines of one map.
    pub fn first(map: &str) -> Option<u32> {
        map.split(' ').next()?.parse().ok()
    }

    /// The host's id of an id inside, by the lines of one map.
    pub fn outside(map: &str, inside: u32) -> Option<u32> {
        map.lines().find_map(|line| {
            let mut numbers = line.split(' ').filter_map(|number| number.parse::<u32>().ok());
            let (first, host, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
            let distance = inside.checked_sub(first).filter(|distance| *distance < count)?;
            host.checked_add(distance)
        })
    }
}

fn lines(mappings: &[LinuxIdMapping]) -> String {
    let line = |map: &LinuxIdMapping| format!("{} {} {}\n", map.container_id(), map.host_id(), map.size());
    mappings.iter().map(line).collect()
}

/// Writes the maps of the user namespace that process `pid` is in. Root writes them itself; anybody else maps
/// its own id alone by itself and asks newuidmap(1) and newgidmap(1) for more.
///
/// # Errors
/// Where the kernel or the program refuses.
pub fn write(pid: Pid, map: &Map) -> Result<(), Error> {
    let number = pid.as_raw_nonzero().get();
    if geteuid().is_root() {
        put(number, "/linux/uidMappings", "uid_map", &map.users)?;
        return put(number, "/linux/gidMappings", "gid_map", &map.groups);
    }
    if single(&map.users) {
        put(number, "/linux/uidMappings", "uid_map", &map.users)?;
    } else {
        ask("/linux/uidMappings", "newuidmap", number, &map.users)?;
    }
    if single(&map.groups) {
        // Without CAP_SETGID outside, a map of groups may be written only once setgroups(2) is given up.
        put(number, "/linux/gidMappings", "setgroups", "deny")?;
        return put(number, "/linux/gidMappings", "gid_map", &map.groups);
    }
    ask("/linux/gidMappings", "newgidmap", number, &map.groups)
}

/// Whether the map has one line for one id.
fn single(map: &str) -> bool {
    map.lines().count() == 1 && map.trim_end().ends_with(" 1")
}

fn put(pid: i32, place: &'static str, file: &'static str, text: &str) -> Result<(), Error> {
    let failed = |errno| Error::Map { place, file, pid, errno };
    let path = format!("/proc/{pid}/{file}");
    let to = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    // The kernel takes a map only in one write.
    match rustix::io::write(&to, text.as_bytes()).map_err(failed)? {
        written if written == text.len() => Ok(()),
        _ => Err(failed(Errno::INVAL)),
    }
}

fn ask(place: &'static str, program: &'static str, pid: i32, map: &str) -> Result<(), Error> {
    let failed = |output: String| Error::Program { place, program, output };
    let output = Command::new(program)
        .arg(pid.to_string())
        .args(map.split_whitespace())
        .output()
        .map_err(|error| failed(error.to_string().to_lowercase()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// A user namespace that nobody is in, only to hold the maps of an id-mapped mount: see mount_setattr(2).
///
/// # Errors
/// Where no process or namespace can be made or the maps are refused.
pub fn holder(place: &str, map: &Map) -> Result<OwnedFd, Error> {
    let failed = |errno| Error::Holder { place: place.to_owned(), errno };
    match sys::clone::clone(u64::from(CLONE_NEWUSER), None).map_err(failed)? {
        Side::Child => loop {
            // Only there to be looked at; the parent ends us.
            rustix::event::pause();
        },
        Side::Parent(pid, pidfd) => {
            let path = format!("/proc/{}/ns/user", pid.as_raw_nonzero());
            let namespace = write(pid, map)
                .and_then(|()| rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed));
            rustix::process::pidfd_send_signal(&pidfd, Signal::KILL).map_err(failed)?;
            rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty()).map_err(failed)?;
            namespace
        }
    }
}
