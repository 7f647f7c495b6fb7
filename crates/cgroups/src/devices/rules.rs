//! Device rules in order: for each kind of access, the last rule that is about the device decides.

use crate::error::{Error, Result};
use serde::{Serialize, Serializer};
use spec::oci::{LinuxDeviceCgroup, LinuxDeviceType};
use std::fmt;

/// Ways to access a device, as bits: make a node of it, read it, write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access(u8);

impl Access {
    /// No access.
    pub const NONE: Access = Access(0);
    /// Make a device node: the kernel's `BPF_DEVCG_ACC_MKNOD`, as the next two.
    pub const MAKE: Access = Access(1);
    /// Read.
    pub const READ: Access = Access(2);
    /// Write.
    pub const WRITE: Access = Access(4);
    /// Make, read and write.
    pub const ALL: Access = Access(7);

    /// Its bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Some of the bits of `self` and `other`.
    pub(crate) fn and(self, other: Access) -> Access {
        Access(self.0 & other.0)
    }

    pub(crate) fn or(self, other: Access) -> Access {
        Access(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Access) -> Access {
        Access(self.0 & !other.0)
    }

    /// Reads letters of `rwm`; an `a` says nothing beside them, as to runc.
    pub(crate) fn parse(text: &str) -> Option<Access> {
        text.chars().try_fold(Access::NONE, |access, letter| {
            let one = match letter {
                'r' => Access::READ,
                'w' => Access::WRITE,
                'm' => Access::MAKE,
                'a' => Access::NONE,
                _ => return None,
            };
            Some(access.or(one))
        })
    }
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(Access::READ, "r"), (Access::WRITE, "w"), (Access::MAKE, "m")];
        letters
            .iter()
            .filter(|(one, _)| self.and(*one) != Access::NONE)
            .try_for_each(|(_, letter)| out.write_str(letter))
    }
}

/// A kind of device: the kernel's `BPF_DEVCG_DEV_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A block device.
    Block = 1,
    /// A character device.
    Character = 2,
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether it allows or denies.
    pub allow: bool,
    /// Of which kind of device.
    pub kind: Kind,
    /// The major number; `None` is any.
    pub major: Option<u32>,
    /// The minor number; `None` is any.
    pub minor: Option<u32>,
    /// What is allowed or denied.
    pub access: Access,
}

/// Which devices a rule is about: their kind and, each `None` for any, their numbers.
pub(crate) type Key = (Kind, Option<u32>, Option<u32>);

impl Rule {
    /// Which devices it is about.
    pub(crate) fn key(&self) -> Key {
        (self.kind, self.major, self.minor)
    }
}

/// Whether all devices of `inner` are among those of `outer`.
pub(crate) fn covers(outer: Key, inner: Key) -> bool {
    let part = |outer: Option<u32>, inner: Option<u32>| outer.is_none() || outer == inner;
    outer.0 == inner.0 && part(outer.1, inner.1) && part(outer.2, inner.2)
}

/// Whether some device is among those of both.
pub(crate) fn meets(one: Key, other: Key) -> bool {
    let part = |one: Option<u32>, other: Option<u32>| one.is_none() || other.is_none() || one == other;
    one.0 == other.0 && part(one.1, other.1) && part(one.2, other.2)
}

impl fmt::Display for Rule {
    /// As the v1 files take it: `c 1:3 rwm`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Block => 'b',
            Kind::Character => 'c',
        };
        let number = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
        write!(out, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {self}", if self.allow { "allow" } else { "deny" }))
    }
}

/// All rules of a container, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// What holds where no rule is about a device.
    pub allow_by_default: bool,
    /// The rules that follow.
    pub list: Vec<Rule>,
}

/// What every container gets, after the config's own rules: making any node (using it is another matter), the
/// devices that the specification makes the runtime supply, pseudo-terminals, and the tunnel device, which
/// containers have had since the first days of Docker.
const ALWAYS: [(Kind, Option<u32>, Option<u32>, Access); 11] = [
    (Kind::Character, None, None, Access::MAKE),
    (Kind::Block, None, None, Access::MAKE),
    (Kind::Character, Some(1), Some(3), Access::ALL),
    (Kind::Character, Some(1), Some(8), Access::ALL),
    (Kind::Character, Some(1), Some(7), Access::ALL),
    (Kind::Character, Some(5), Some(0), Access::ALL),
    (Kind::Character, Some(1), Some(5), Access::ALL),
    (Kind::Character, Some(1), Some(9), Access::ALL),
    (Kind::Character, Some(136), None, Access::ALL),
    (Kind::Character, Some(5), Some(2), Access::ALL),
    (Kind::Character, Some(10), Some(200), Access::ALL),
];

impl Rules {
    /// The config's rules and those that always hold. Nothing is allowed at first. `base` is the JSON pointer of
    /// the config's rules.
    ///
    /// # Errors
    /// [`Error::Invalid`]
    pub(crate) fn new(devices: &[LinuxDeviceCgroup], base: &str) -> Result<Self> {
        let mut rules = Rules { allow_by_default: false, list: Vec::new() };
        for (number, device) in devices.iter().enumerate() {
            rules.add(device).map_err(|reason| Error::invalid(format!("{base}/{number}"), reason))?;
        }
        let always = ALWAYS.map(|(kind, major, minor, access)| Rule { allow: true, kind, major, minor, access });
        if !rules.allows_all() {
            rules.list.extend(always);
        }
        Ok(rules)
    }

    fn add(&mut self, device: &LinuxDeviceCgroup) -> std::result::Result<(), String> {
        let text = device.access().as_deref().unwrap_or_default();
        let access = match Access::parse(text) {
            Some(Access::NONE) => return Err("device access cannot be empty: r, w and m are allowed".to_owned()),
            Some(access) => access,
            None => return Err(format!("access {text:?}: r, w and m are allowed")),
        };
        let (major, minor) = (number(device.major())?, number(device.minor())?);
        let kinds: &[Kind] = match device.typ().unwrap_or_default() {
            LinuxDeviceType::A => &[Kind::Block, Kind::Character],
            LinuxDeviceType::B => &[Kind::Block],
            LinuxDeviceType::C | LinuxDeviceType::U => &[Kind::Character],
            LinuxDeviceType::P => return Err("a FIFO is no device that can be allowed or denied".to_owned()),
        };
        if kinds.len() == 2 && major.is_none() && minor.is_none() && access == Access::ALL {
            // All that came before is void.
            *self = Rules { allow_by_default: device.allow(), list: Vec::new() };
            return Ok(());
        }
        let rule = |kind: &Kind| Rule { allow: device.allow(), kind: *kind, major, minor, access };
        self.list.extend(kinds.iter().map(rule));
        Ok(())
    }

    /// Whether nothing is denied: then there is nothing to filter.
    pub(crate) fn allows_all(&self) -> bool {
        self.allow_by_default && self.list.iter().all(|rule| rule.allow)
    }
}

/// A device number; absent or -1 is any.
fn number(given: Option<i64>) -> std::result::Result<Option<u32>, String> {
    match given {
        None | Some(-1) => Ok(None),
        Some(number) => u32::try_from(number)
            .map(Some)
            .map_err(|_| format!("device number {number}: 0 to {} or -1 is allowed", u32::MAX)),
    }
}
