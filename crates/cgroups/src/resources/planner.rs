//! What the controllers share: which cgroup is limited, through which interface, and what comes of it.

use crate::act::{Act, Write};
use crate::error::{Error, Result};
use crate::paths::Paths;
use serde::Serialize;
use std::path::Path;

/// A setting that is ignored, as other runtimes do, and that a person should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// JSON pointer.
    pub place: String,
    /// The sentence.
    pub text: String,
}

/// What limits come to.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// What must be set before any process enters: an empty cpuset takes none.
    pub before: Vec<Act>,
    /// The rest.
    pub acts: Vec<Act>,
    /// What is ignored.
    pub warnings: Vec<Warning>,
}

impl Limits {
    /// Whether threads can have all these limits, so that processes need not be kept whole: what limits memory, or
    /// is charged to it, limits whole processes.
    pub(crate) fn suit_threads(&self) -> bool {
        let whole = |write: &Write| {
            let name = write.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            ["memory.", "io.", "hugetlb."].iter().any(|controller| name.starts_with(controller))
        };
        !self.acts.iter().any(|act| match act {
            Act::Write(write) => whole(write),
            Act::Together(writes) => writes.iter().any(whole),
            _ => false,
        })
    }
}

/// Which interface a cgroup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The cgroup that a controller limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a> {
    pub version: Version,
    pub directory: &'a Path,
}

/// A setting: its place in the resources, and its file in each version; an empty name where there is none.
pub(super) struct Knob {
    pub place: &'static str,
    pub v1: &'static str,
    pub v2: &'static str,
}

impl Knob {
    fn file(&self, group: Group<'_>) -> &'static str {
        match group.version {
            Version::One => self.v1,
            Version::Two => self.v2,
        }
    }
}

pub(super) struct Planner<'a> {
    pub paths: &'a Paths,
    pub controllers: Option<&'a [String]>,
    pub base: &'a str,
    pub limits: Limits,
}

impl<'a> Planner<'a> {
    /// The cgroup of a controller, whose name in v2 may be another.
    pub(super) fn find(&self, v1: &str, v2: &str) -> Option<Group<'a>> {
        if let Some(directory) = self.paths.get(v1) {
            return Some(Group { version: Version::One, directory });
        }
        let there = match self.controllers {
            Some(known) => known.iter().any(|name| name == v2),
            // A hybrid host's v2 side has what v1 lacks, or nothing.
            None => true,
        };
        self.paths.unified().filter(|_| there).map(|directory| Group { version: Version::Two, directory })
    }

    /// The same where a limit at `place` needs it.
    pub(super) fn group(&self, v1: &str, v2: &str, place: &str) -> Result<Group<'a>> {
        self.find(v1, v2).ok_or_else(|| Error::NoController { place: self.place(place), controller: v1.to_owned() })
    }

    pub(super) fn place(&self, place: &str) -> String {
        format!("{}{place}", self.base)
    }

    pub(super) fn invalid(&self, place: &str, reason: impl Into<String>) -> Error {
        Error::invalid(self.place(place), reason)
    }

    /// A write of `value` to a file of a cgroup.
    pub(super) fn write(&self, group: Group<'_>, file: &str, value: impl Into<String>, place: &str) -> Write {
        let path = group.directory.join(file);
        Write { path, value: value.into(), place: self.place(place), optional: false, otherwise: None }
    }

    /// A write of `value` to a knob's file.
    pub(super) fn turn(&self, group: Group<'_>, knob: &Knob, value: impl Into<String>) -> Write {
        self.write(group, knob.file(group), value, knob.place)
    }

    pub(super) fn push(&mut self, write: Write) {
        self.limits.acts.push(Act::Write(write));
    }

    /// Pushes writes that depend on each other; a single one goes alone.
    pub(super) fn push_together(&mut self, mut writes: Vec<Write>) {
        match writes.len() {
            0 => {}
            1 => self.limits.acts.extend(writes.pop().map(Act::Write)),
            _ => self.limits.acts.push(Act::Together(writes)),
        }
    }

    pub(super) fn ignore(&mut self, place: &str, text: &str) {
        self.limits.warnings.push(Warning { place: self.place(place), text: text.to_owned() });
    }
}
