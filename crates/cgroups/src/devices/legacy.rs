//! Device rules in a v1 devices cgroup: a default, and exceptions to it. The kernel refuses an allowance that the
//! cgroup above does not have, so only what differs from what is there is written: what a nested host has denied
//! itself does not stand in the way of a container that asks for no more.

use super::rules::{Access, Key, Kind, Rule, Rules, covers, meets};
use crate::error::{Error, Result};
use crate::{file, userns};
use std::path::Path;
use sys::Errno;

/// What a devices cgroup allows: all but the exceptions, or nothing but them.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    allow_by_default: bool,
    exceptions: Exceptions,
}

/// Exceptions in the order in which they came, which is that of `devices.list`: people and tests look there for the
/// config's.
#[derive(Debug, Clone, Default)]
struct Exceptions(Vec<(Key, Access)>);

impl Exceptions {
    fn get(&self, key: Key) -> Access {
        self.0.iter().find(|(other, _)| *other == key).map_or(Access::NONE, |(_, access)| *access)
    }

    fn set(&mut self, key: Key, access: Access) {
        match self.0.iter_mut().find(|(other, _)| *other == key) {
            Some((_, there)) => *there = access,
            None => self.0.push((key, access)),
        }
        self.0.retain(|(_, access)| *access != Access::NONE);
    }
}

/// Lets a v1 devices cgroup allow just what the rules allow. In a user namespace, where nobody may change it, it
/// is left alone.
pub(crate) fn confine(path: &Path, rules: &Rules) -> Result<()> {
    let failed = |act, name: &str, errno| Error::file(act, path.join(name), errno);
    let wanted = State::of(rules)?;
    // A list of what is allowed is begun anew: what there is need not be known.
    let there = if wanted.allow_by_default {
        let list = file::read(&path.join("devices.list")).map_err(|errno| failed("read", "devices.list", errno))?;
        State::parse(&list)
    } else {
        State { allow_by_default: true, ..State::default() }
    };
    let writes = there.transition(&wanted);
    let (mut allow, mut deny) = (None, None);
    for (allows, text) in writes {
        let (name, open) = if allows { ("devices.allow", &mut allow) } else { ("devices.deny", &mut deny) };
        let written = match open {
            Some(file) => file::put(&*file, &text),
            None => file::writable(&path.join(name)).and_then(|file| file::put(&*open.insert(file), &text)),
        };
        match written {
            Err(Errno::PERM | Errno::ACCESS) if userns::is_inside() => return Ok(()),
            Err(errno) => return Err(refused(path.join(name), text, errno)),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn refused(path: std::path::PathBuf, value: String, errno: Errno) -> Error {
    let remark = match errno {
        Errno::PERM => " (the cgroup above does not allow it either)".to_owned(),
        _ => String::new(),
    };
    Error::Limit { place: "/linux/resources/devices".to_owned(), value, path, errno, remark }
}

impl State {
    /// The state that rules lead to.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a rule takes back a part of an earlier, wider one: an exception to an exception,
    /// which v1 can't express.
    pub(crate) fn of(rules: &Rules) -> Result<Self> {
        let mut state = State { allow_by_default: rules.allow_by_default, ..State::default() };
        for rule in &rules.list {
            let key = rule.key();
            if rule.allow == state.allow_by_default {
                state.take_back(key, rule)?;
            } else {
                state.exceptions.set(key, state.exceptions.get(key).or(rule.access));
            }
        }
        Ok(state)
    }

    fn take_back(&mut self, key: Key, rule: &Rule) -> Result<()> {
        for (other, access) in &mut self.exceptions.0 {
            if covers(key, *other) {
                *access = access.without(rule.access);
            } else if meets(key, *other) && access.and(rule.access) != Access::NONE {
                let wider = Rule { kind: other.0, major: other.1, minor: other.2, access: *access, ..*rule };
                let reason = format!(
                    "requested rule [{rule}] not supported by devices cgroupv1 (cannot punch hole in existing \
                     wildcard rule [{wider}])"
                );
                return Err(Error::invalid("/linux/resources/devices", reason));
            }
        }
        self.exceptions.0.retain(|(_, access)| *access != Access::NONE);
        Ok(())
    }

    /// Reads `devices.list`. Of a cgroup that allows by default it does not show the exceptions.
    pub(crate) fn parse(list: &str) -> Self {
        let mut state = State::default();
        for line in list.lines() {
            let mut fields = line.split([' ', ':']);
            let kind = match fields.next() {
                Some("a") => return State { allow_by_default: true, ..State::default() },
                Some("b") => Kind::Block,
                Some("c") => Kind::Character,
                _ => continue,
            };
            let mut number = || fields.next().and_then(|field| field.parse().ok());
            let key = (kind, number(), number());
            let access = fields.next().and_then(Access::parse).unwrap_or(Access::NONE);
            state.exceptions.set(key, access);
        }
        state
    }

    /// The writes (whether to `devices.allow`, and what) that lead from this state to another.
    pub(crate) fn transition(&self, wanted: &State) -> Vec<(bool, String)> {
        let mut writes = Vec::new();
        let default = wanted.allow_by_default;
        // A change of the default voids all exceptions; where it is to allow they can't be seen.
        let void = self.allow_by_default || default;
        let none = Exceptions::default();
        let there = if void { &none } else { &self.exceptions };
        let nothing_to_do = self.allow_by_default && default && wanted.exceptions.0.is_empty();
        if void && !nothing_to_do {
            writes.push((default, "a".to_owned()));
        }
        let mut differ = |from: &Exceptions, to: &Exceptions, allow| {
            for (key @ (kind, major, minor), access) in &from.0 {
                let access = access.without(to.get(*key));
                if access != Access::NONE {
                    let rule = Rule { allow, kind: *kind, major: *major, minor: *minor, access };
                    writes.push((allow, rule.to_string()));
                }
            }
        };
        differ(there, &wanted.exceptions, default);
        differ(&wanted.exceptions, there, !default);
        writes
    }
}

#[cfg(test)]
impl State {
    /// The kernel's rule (security/device_cgroup.c): an exception that allows must allow all that is wanted, one
    /// that denies need only meet some of it.
    pub(crate) fn permits(&self, key: (Kind, u32, u32), access: Access) -> bool {
        let about = |other: &Key| covers(*other, (key.0, Some(key.1), Some(key.2)));
        let mut about = self.exceptions.0.iter().filter(|(other, _)| about(other));
        if self.allow_by_default {
            !about.any(|(_, denied)| denied.and(access) != Access::NONE)
        } else {
            about.any(|(_, allowed)| access.without(*allowed) == Access::NONE)
        }
    }

    /// A write as the kernel takes it: `a` voids all, an exception is added, or taken from the one of the same key.
    pub(crate) fn take(&mut self, allow: bool, text: &str) {
        if text == "a" {
            *self = State { allow_by_default: allow, ..State::default() };
            return;
        }
        for (key, access) in State::parse(text).exceptions.0 {
            let there = self.exceptions.get(key);
            let now = if allow == self.allow_by_default { there.without(access) } else { there.or(access) };
            self.exceptions.set(key, now);
        }
    }

    pub(crate) fn open() -> Self {
        State { allow_by_default: true, ..State::default() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.allow_by_default
    }
}

/// The order says nothing.
#[cfg(test)]
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let all = |one: &Self, other: &Self| {
            one.exceptions.0.iter().all(|(key, access)| other.exceptions.get(*key) == *access)
        };
        self.allow_by_default == other.allow_by_default && all(self, other) && all(other, self)
    }
}
