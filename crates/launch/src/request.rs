//! What a plan is made from, beside the config: what was asked for on the command line, and facts about the host.

use crate::error::Error;
use crate::own::Own;
use rustix::fs::{Access, access};
use security::labels::Lsm;
use security::seccomp::Filter;
use spec::oci::{Process, Spec};
use std::path::{Path, PathBuf};
use sys::namespace::CLONE_NEWUSER;

/// What has, or can make, a container's filter.
pub trait HasFilter: std::fmt::Debug {
    /// The filter, compiled.
    ///
    /// # Errors
    /// What is wrong with the seccomp section.
    fn filter(&self) -> Result<Option<Filter>, Error>;
}

impl HasFilter for Spec {
    fn filter(&self) -> Result<Option<Filter>, Error> {
        Ok(spec::seccomp(self).map(security::seccomp::compile).transpose()?)
    }
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The container's id.
    pub id: &'a str,
    /// The bundle, absolute.
    pub bundle: &'a Path,
    /// The root file system, absolute.
    pub rootfs: &'a Path,
    /// `--systemd-cgroup`
    pub systemd_cgroup: bool,
    /// `--no-pivot`
    pub no_pivot: bool,
    /// The name of the container's session keyring; None where it has the caller's: `--no-new-keyring`.
    pub session_keyring: Option<&'a str>,
    /// `--preserve-fds`, those of LISTEN_FDS included.
    pub preserve_fds: u32,
    /// Whether the process waits for `start` (create) or goes on (run, exec).
    pub awaits_start: bool,
    /// Whether the process joins a container that is there (exec).
    pub joins: bool,
    /// The config's filter, for when there is a process.
    pub filter: &'a dyn HasFilter,
    /// Added to the program's environment.
    pub environment: Vec<String>,
    /// The state document for createContainer hooks, up to the value of `pid` and from there on.
    pub creating: (&'a str, &'a str),
    /// The same for startContainer hooks.
    pub created: (&'a str, &'a str),
}

/// Facts about the host and about us.
#[derive(Debug, Clone)]
pub struct Facts {
    /// How many v1 cgroups the container joins by itself.
    pub cgroup_tasks: usize,
    /// Whether it has a v2 cgroup.
    pub cgroup_directory: bool,
    /// The cgroups of the container, where it has any.
    pub cgroup_mounts: rootfs::CgroupMounts,
    /// The capabilities that the kernel knows and that we may hand on.
    pub capabilities: u64,
    /// The bounding set that init is born with; all ones in a user namespace, and where it is not known.
    pub bounding: u64,
    /// The user and group that init is born as, where its real, effective, saved and file system ones are all the same
    /// and mean that in the container too.
    pub identity: Option<(u32, u32)>,
    /// The signals that init is born ignoring: bit 0 is signal 1. All ones where they are not known.
    pub ignored_signals: u64,
    /// Our umask, where it is known.
    pub umask: Option<u32>,
    /// The `CLONE_NEW*` of namespaces that the container joins and that are the runtime's own.
    pub shared_namespaces: u32,
    /// Which security modules are on.
    pub lsm: Lsm,
    /// The kernel has `/proc/kcore`; looked at for a new root file system alone.
    pub kcore: bool,
    /// Whether we are root. Who is not may not allow setgroups(2) in a new user namespace, and has no rights in
    /// namespaces but the new one's.
    pub root: bool,
}

impl Facts {
    /// Looks at the host.
    pub fn gather(spec: &Spec) -> Self {
        let wanted = namespaces::wanted(spec);
        let (own, guest) = (Own::look(), wanted.has(CLONE_NEWUSER));
        Facts {
            cgroup_tasks: 0,
            cgroup_directory: false,
            cgroup_mounts: rootfs::CgroupMounts::None,
            capabilities: if guest { security::capabilities::held(true) } else { own.permitted },
            bounding: if guest { u64::MAX } else { own.bounding },
            identity: own.identity.filter(|_| !guest),
            ignored_signals: own.ignored,
            umask: own.umask,
            shared_namespaces: namespaces::shared(&wanted),
            lsm: if security::labels::asked(spec) { Lsm::detect() } else { Lsm::default() },
            kcore: false,
            root: own.user == 0,
        }
    }

    /// Looks at the host, for a process that joins a container: it may have a label where the container's has none.
    pub fn gather_for_exec(spec: &Spec, process: &Process) -> Self {
        let facts = Facts::gather(spec);
        let lsm = if security::labels::asked_by(process) { Lsm::detect() } else { facts.lsm };
        Facts { lsm, ..facts }
    }

    /// Looks at the host, for a container with a root file system to be made.
    pub fn gather_for_create(spec: &Spec) -> Self {
        Facts { kcore: access("/proc/kcore", Access::EXISTS).is_ok(), ..Facts::gather(spec) }
    }

    /// What the plan of the root file system depends on.
    pub(crate) fn rootfs(&self, request: &Request<'_>) -> rootfs::Facts {
        rootfs::Facts {
            cgroup: self.cgroup_mounts.clone(),
            no_pivot: request.no_pivot,
            bundle: PathBuf::from(request.bundle),
            rootfs: PathBuf::from(request.rootfs),
            selinux: self.lsm.selinux,
            kcore: self.kcore,
        }
    }
}
