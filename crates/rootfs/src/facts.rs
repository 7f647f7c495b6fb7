//! What planning must know of the container's surroundings.

use plan::Handle;
use spec::oci::LinuxIdMapping;
use std::path::PathBuf;

/// What planning must know beside the config.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What a mount of type `cgroup` shows.
    pub cgroup: CgroupMounts,
    /// `--no-pivot`: `/` is a ramdisk, which pivot_root(2) can't leave.
    pub no_pivot: bool,
    /// The bundle: absolute.
    pub bundle: PathBuf,
    /// The root file system: absolute, without links.
    pub rootfs: PathBuf,
    /// SELinux is on.
    pub selinux: bool,
    /// The kernel has `/proc/kcore`.
    pub kcore: bool,
}

/// What a mount of type `cgroup` shows: the container's own part, never the host's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CgroupMounts {
    /// The container has no cgroup of its own: an empty read-only directory.
    #[default]
    None,
    /// cgroup v2 alone.
    Unified {
        /// The container's directory on the host.
        own: PathBuf,
    },
    /// v1 hierarchies, perhaps with a v2 one beside them.
    Legacy {
        /// Those of v1.
        hierarchies: Vec<Hierarchy>,
        /// The container's directory in the v2 hierarchy, shown as `unified`.
        unified: Option<PathBuf>,
    },
}

/// A v1 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// The name of its directory: `memory`, `cpu,cpuacct`, `systemd`.
    pub name: String,
    /// Its mount options, separated by commas: `memory`, `cpu,cpuacct`, `none,name=systemd`.
    pub options: String,
    /// The container's directory on the host.
    pub own: PathBuf,
    /// Links to its directory: `cpu`, `cpuacct`.
    pub links: Vec<String>,
}

/// A user namespace whose id maps a mount takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserNamespace {
    /// One with these maps, made for this.
    Mapped {
        /// Users.
        uids: Vec<LinuxIdMapping>,
        /// Groups.
        gids: Vec<LinuxIdMapping>,
    },
    /// The one at this path, which the container joins.
    Joined(PathBuf),
}

/// Opens user namespaces for init, or finds those that are open already, while the plan is made: the caller's list
/// of descriptors.
pub type Descriptors<'a> = &'a mut dyn FnMut(UserNamespace) -> Handle;
