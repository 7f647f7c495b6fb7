//! Device nodes and the links of `/dev`.

use crate::error::Error;
use crate::facts::Facts;
use crate::path::{inside, is, path_text, text};
use plan::{Device, Step, Text, Writer};
use spec::oci::{LinuxDevice, LinuxDeviceType, LinuxNamespaceType, Spec};
use spec::{Namespace, is_bind, namespace};
use std::borrow::Cow;
use std::path::Path;

/// `S_IFIFO`, `S_IFCHR`, `S_IFBLK`.
const FIFO: u32 = 0o010_000;
const CHARACTER: u32 = 0o020_000;
const BLOCK: u32 = 0o060_000;

/// Every container has these, mode 0666. Source: runtime-spec config-linux.md.
const DEFAULT: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// And these links. Source: runtime-spec runtime-linux.md.
const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// And this one, by custom.
const CORE: (&str, &str) = ("/dev/core", "/proc/kcore");

/// Makes the default devices, those of `/linux/devices`, and the links. Where a `/dev` of the host's is mounted over
/// `/dev`, nothing is made in it.
///
/// # Errors
/// Where a device is none.
pub fn devices(spec: &Spec, facts: &Facts, plan: &mut Writer) -> Result<(), Error> {
    // mknod(2) is not allowed in a user namespace.
    let mapped = namespace(spec, LinuxNamespaceType::User) != Namespace::Inherited;
    let own = !host_dev(spec, facts);
    let asked: Vec<_> = asked(spec, facts).collect();
    if own {
        for (path, major, minor) in DEFAULT {
            if !asked.iter().any(|(_, target, _)| is(target, path)) {
                let path = text("/linux/devices", path)?;
                let device = device(Text(&path), CHARACTER | 0o666, (major, minor), mapped);
                plan.push("", Step::Device(Device { exact: false, ..device }));
            }
        }
    }
    for (place, target, entry) in asked {
        let in_dev = target.starts_with("/dev");
        // The last one is a link, below.
        if (in_dev && !own) || is(&target, "/dev/ptmx") {
            continue;
        }
        push(&place, &target, entry, mapped, plan)?;
    }
    if own {
        link("/dev/ptmx", "pts/ptmx", true, plan)?;
        for (path, to) in links(spec, facts) {
            link(path, to, false, plan)?;
        }
    }
    Ok(())
}

fn asked<'s>(spec: &'s Spec, facts: &'s Facts) -> impl Iterator<Item = (String, Cow<'s, Path>, &'s LinuxDevice)> {
    let list = spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
    list.into_iter()
        .flatten()
        .enumerate()
        .map(|(index, device)| (format!("/linux/devices/{index}"), inside(device.path(), &facts.rootfs), device))
}

/// The links whose targets there will be. All are in `/proc`.
fn links(spec: &Spec, facts: &Facts) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut mounts = spec.mounts().iter().flatten();
    let proc = mounts.any(|entry| is(&inside(entry.destination(), &facts.rootfs), "/proc"));
    LINKS.into_iter().chain(facts.kcore.then_some(CORE)).filter(move |_| proc)
}

/// Whether `/dev` is the host's, or at least not the container's own.
fn host_dev(spec: &Spec, facts: &Facts) -> bool {
    spec.mounts()
        .iter()
        .flatten()
        .any(|entry| is_bind(entry) && is(&inside(entry.destination(), &facts.rootfs), "/dev"))
}

fn push(place: &str, target: &Path, entry: &LinuxDevice, mapped: bool, plan: &mut Writer) -> Result<(), Error> {
    if is(target, "/") {
        return Err(Error::NoName { place: format!("{place}/path"), path: entry.path().display().to_string() });
    }
    let kind = match entry.typ() {
        LinuxDeviceType::C | LinuxDeviceType::U => CHARACTER,
        LinuxDeviceType::B => BLOCK,
        LinuxDeviceType::P => FIFO,
        LinuxDeviceType::A => return Err(Error::NoDevice { place: place.to_owned() }),
    };
    let number = match (u32::try_from(entry.major()), u32::try_from(entry.minor())) {
        _ if kind == FIFO => (0, 0),
        (Ok(major), Ok(minor)) => (major, minor),
        _ => return Err(Error::NoDevice { place: place.to_owned() }),
    };
    // Bits of the type in the mode are not about the type: `type` is.
    let mode = kind | entry.file_mode().unwrap_or(0o666) & 0o777;
    let path = path_text(place, target)?;
    let device = device(Text(&path), mode, number, mapped);
    let (uid, gid) = (entry.uid().unwrap_or(0), entry.gid().unwrap_or(0));
    plan.push(place, Step::Device(Device { uid, gid, ..device }));
    Ok(())
}

fn device(path: plan::Text<'_>, mode: u32, (major, minor): (u32, u32), mapped: bool) -> Device<'_> {
    let from_host = mapped && mode & 0o170_000 != FIFO;
    Device { path, mode, major, minor, uid: 0, gid: 0, from_host, exact: true }
}

fn link(path: &str, to: &str, replace: bool, plan: &mut Writer) -> Result<(), Error> {
    let (path, to) = (text("", path)?, text("", to)?);
    plan.push("", Step::Link { path: Text(&path), to: Text(&to), replace });
    Ok(())
}
