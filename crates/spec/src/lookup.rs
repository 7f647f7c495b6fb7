//! Questions about a Spec that more than one crate asks.

use crate::error::{Error, Fault};
use oci_spec::runtime::{LinuxNamespaceType, LinuxSeccomp, Mount, Process, Spec};
use std::path::Path;

/// Where a namespace of the container comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace<'a> {
    /// It is the runtime's own: the config does not list that kind.
    Inherited,
    /// A new one is made.
    New,
    /// An existing one is joined, by its absolute path.
    Joined(&'a Path),
}

/// The seccomp section, where there is one.
pub fn seccomp(spec: &Spec) -> Option<&LinuxSeccomp> {
    spec.linux().as_ref()?.seccomp().as_ref()
}

/// Where the container's namespace of that kind comes from.
pub fn namespace(spec: &Spec, kind: LinuxNamespaceType) -> Namespace<'_> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_deref()).unwrap_or_default();
    match listed.iter().find(|namespace| namespace.typ() == kind).map(|namespace| namespace.path().as_deref()) {
        None => Namespace::Inherited,
        Some(Some(path)) if !path.as_os_str().is_empty() => Namespace::Joined(path),
        Some(_) => Namespace::New,
    }
}

/// The process that the config describes. `create` can do without one, what runs a program can't.
///
/// # Errors
/// There is none, in runc's words.
pub fn process(spec: &Spec) -> Result<&Process, Error> {
    spec.process()
        .as_ref()
        .ok_or_else(|| Fault::missing("/process", "process property must not be empty").within("config.json"))
}

/// Whether a mount is a bind: only its options say so, its type does not count.
pub fn is_bind(mount: &Mount) -> bool {
    options(mount).any(|option| option == "bind" || option == "rbind")
}

pub(crate) fn options(mount: &Mount) -> impl Iterator<Item = &str> {
    mount.options().as_deref().unwrap_or_default().iter().map(String::as_str)
}

/// The path of a sysctl beneath `/proc/sys`. A key may be written with dots or with slashes; the one that comes
/// first separates, the other stands for itself (`net.ipv4.conf.eno2/100.rp_filter` and
/// `net/ipv4/conf/eno2.100/rp_filter` are one). sysctl.d(5).
pub fn sysctl_path(key: &str) -> String {
    if key.find(['.', '/']).is_none_or(|at| key[at..].starts_with('/')) {
        return key.to_owned();
    }
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    key.chars().map(swap).collect()
}

/// The highest CPU or memory node that a list may name. The kernel is built for at most 8192 CPUs.
const HIGHEST: u32 = 65_535;

/// The longest such list, in bytes: room for each of 8192 CPUs by itself.
const LIST: usize = 64 << 10;

/// A list of CPUs or memory nodes (`0-3,7`, blanks allowed) as a mask, lowest first, without zero bytes at its
/// end. `None` where it is not such a list or goes beyond 65535
/// or 64 KiB of text. An empty list is an empty mask.
pub fn mask(list: &str) -> Option<Vec<u8>> {
    let mut mask: Vec<u8> = Vec::new();
    if list.trim().is_empty() {
        return Some(mask);
    }
    if list.len() > LIST {
        return None;
    }
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last > HIGHEST {
            return None;
        }
        let (first_byte, last_byte) = (first as usize / 8, last as usize / 8);
        if mask.len() <= last_byte {
            mask.resize(last_byte + 1, 0);
        }
        for (i, byte) in mask.iter_mut().enumerate().take(last_byte + 1).skip(first_byte) {
            let from = if i == first_byte { 0xff << (first % 8) } else { 0xff };
            let to = if i == last_byte { 0xff >> (7 - last % 8) } else { 0xff };
            *byte |= from & to;
        }
    }
    Some(mask)
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysctl_paths() {
        for (key, path) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
            ("net.ipv4.conf.eno2/100.rp_filter", "net/ipv4/conf/eno2.100/rp_filter"),
            ("net/ipv4/conf/eno2.100/rp_filter", "net/ipv4/conf/eno2.100/rp_filter"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(sysctl_path(key), path);
        }
    }

    #[test]
    fn masks() {
        let none: &[u8] = &[];
        for (list, expected) in [
            ("0", Some(&[1u8][..])),
            ("0-3,7", Some(&[0b1000_1111])),
            (" 1 - 2 , 9 ", Some(&[0b110, 0b10])),
            ("8", Some(&[0, 1])),
            ("", Some(none)),
            ("3-1", None),
            ("1,,2", None),
            ("-1", None),
            ("1-", None),
            ("+1", None),
            ("a", None),
            ("0-9876543210", None),
            ("0-65536", None),
        ] {
            assert_eq!(mask(list).as_deref(), expected, "{list}");
        }
        assert_eq!(mask("3-20").as_deref(), Some(&[0b1111_1000, 0xff, 0b1_1111][..]));
        assert_eq!(mask("65535").map(|mask| mask.len()), Some(8192));
    }
}
