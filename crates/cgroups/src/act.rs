//! What is done to cgroups, as data: planned without a look at the host, shown by `cofferdam plan`, then run.

use crate::devices::Rules;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One thing done to a cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Make the cgroup, with those above it that are missing. One that is there already must be empty.
    MakeDirectory {
        /// The cgroup.
        path: PathBuf,
    },
    /// Make the cgroup, and those above it, in a hierarchy that systemd has not made it in.
    CompleteDirectory {
        /// The cgroup.
        path: PathBuf,
    },
    /// See to it that the cgroup has these controllers: enable them in all above it (v2), as far as they can be.
    EnableControllers {
        /// The root of the hierarchy.
        mount: PathBuf,
        /// The cgroup.
        path: PathBuf,
        /// Controllers.
        controllers: Vec<String>,
    },
    /// Refuse a v2 cgroup that is frozen, or that can't take processes since threads or processes sit above it.
    /// With `threads`, no limit is asked that threads can't have: then it may become a cgroup of threads.
    CheckUnified {
        /// The root of the hierarchy.
        mount: PathBuf,
        /// The cgroup.
        path: PathBuf,
        /// Whether threads will do.
        threads: bool,
    },
    /// Refuse a v1 freezer cgroup that is frozen.
    CheckThawed {
        /// The root of the hierarchy.
        mount: PathBuf,
        /// The cgroup.
        path: PathBuf,
    },
    /// Give a v1 cpuset, and those above it, the CPUs and memory nodes of the cpuset above where they have none:
    /// nothing can enter an empty one.
    InheritCpuset {
        /// The root of the hierarchy.
        mount: PathBuf,
        /// The cgroup.
        path: PathBuf,
    },
    /// Set a limit.
    Write(Write),
    /// Set limits that the kernel takes only in some orders (a memory limit below that of memory and swap, a
    /// period that fits a quota): what it refuses as invalid is tried again after the others.
    Together(Vec<Write>),
    /// Refuse limits below what is used now.
    RefuseBelowUsage {
        /// The file that says what is used, in bytes.
        path: PathBuf,
        /// What may not be below: bytes, with `memory` or `memory+swap`.
        limits: Vec<(u64, &'static str)>,
        /// JSON pointer.
        place: String,
    },
    /// Give a v2 cgroup to a user of the host: config-linux.md, cgroup ownership.
    SetOwner {
        /// The cgroup.
        path: PathBuf,
        /// The user.
        uid: u32,
    },
    /// Let a v1 devices cgroup allow just what the rules allow.
    DeviceRules {
        /// The cgroup.
        path: PathBuf,
        /// The rules.
        rules: Rules,
    },
    /// Let a v2 cgroup allow just what the rules allow, through an eBPF program; none where they allow all.
    DeviceFilter {
        /// The cgroup.
        path: PathBuf,
        /// The rules.
        rules: Rules,
    },
}

/// A value written to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// The file.
    pub path: PathBuf,
    /// What is written.
    pub value: String,
    /// JSON pointer.
    pub place: String,
    /// Whether it asks for nothing that a kernel without the file does not give anyway.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What is written where the file does not exist: another scheduler's weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<Write>>,
}

impl Act {
    /// The cgroup that it is done to.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Act::MakeDirectory { path }
            | Act::CompleteDirectory { path }
            | Act::EnableControllers { path, .. }
            | Act::CheckUnified { path, .. }
            | Act::CheckThawed { path, .. }
            | Act::InheritCpuset { path, .. }
            | Act::SetOwner { path, .. }
            | Act::DeviceRules { path, .. }
            | Act::DeviceFilter { path, .. } => Some(path),
            Act::Write(write) => write.path.parent(),
            Act::Together(writes) => writes.first().and_then(|write| write.path.parent()),
            Act::RefuseBelowUsage { path, .. } => path.parent(),
        }
    }
}
