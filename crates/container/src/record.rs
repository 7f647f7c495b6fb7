//! `state.json`: what a later call must know of a container. It is written before the thing that it lets a
//! later call clean up. Besides ours it has the keys that people read in runc's file (`config`,
//! `namespace_paths`); those are written, never read.

use crate::clock::rfc3339;
use crate::error::{Error, Result};
use crate::process::Process;
use cgroups::Paths;
use serde::{Deserialize, Serialize};
use spec::oci::LinuxResources;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The format that this program writes. It goes up only where an older program would misread a newer file;
/// a new key alone is no new format: older programs ignore it, and newer ones take its default.
pub const VERSION: u32 = 1;

/// How far a container has come, as its maker last knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is being made.
    Creating,
    /// It waits for `start`.
    #[default]
    Created,
    /// It was made by `run`, or started.
    Running,
}

/// What is known of a container between two calls.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The file's format ([`VERSION`]); 0 in another runtime's.
    pub version: u32,
    /// The version of the runtime specification that the state document complies with.
    #[serde(rename = "ociVersion")]
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// Init's process id on the host; 0 until there is one.
    pub init_process_pid: i32,
    /// When init started, in clock ticks since boot (field 22 of `/proc/PID/stat`): with the pid, its identity.
    pub init_process_start: u64,
    /// The inode of init's pidfd, where the kernel has pidfs (6.9): unique until the next boot. Else 0.
    pub init_process_inode: u64,
    /// Whether there is that number and it is surely of this boot: it alone is init's identity then. Not in the file.
    #[serde(skip)]
    pub of_this_boot: bool,
    /// When it was made (RFC 3339).
    pub created: String,
    /// How far it has come.
    pub stage: Stage,
    /// The bundle's directory, absolute.
    pub bundle: PathBuf,
    /// The root file system, absolute.
    pub rootfs: PathBuf,
    /// The config's annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The cgroup's directory by controller (v1), or under "" (v2). Written before they are made.
    #[serde(skip_serializing_if = "Paths::is_empty")]
    pub cgroup_paths: Paths,
    /// The resctrl group that init is in; empty where the config asks for none. Written before it is made.
    #[serde(skip_serializing_if = "is_empty")]
    pub intel_rdt_path: PathBuf,
    /// Whether that group is the container's own, so that it goes with it.
    #[serde(skip_serializing_if = "is_false")]
    pub intel_rdt_own: bool,
    /// The resctrl group that watches the container alone; empty where there is none.
    #[serde(skip_serializing_if = "is_empty")]
    pub intel_rdt_mon_path: PathBuf,
    /// Whether systemd made the cgroup.
    #[serde(skip_serializing_if = "is_false")]
    pub systemd_cgroup: bool,
    /// Its unit, then. Written before it is made.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub systemd_unit: String,
    /// Whether cgroup errors that come from missing rights are let pass.
    #[serde(skip_serializing_if = "is_false")]
    pub rootless: bool,
    /// Whether init is number 1 of a PID namespace of its own: its end is then the end of all.
    pub own_pid_namespace: bool,
    /// The name of its session keyring, which processes that join take too; empty where it has its maker's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session_keyring: String,
    /// Whether the config has no `process`: there is nothing to start.
    #[serde(skip_serializing_if = "is_false")]
    pub without_process: bool,
    /// Whether the config names no hooks poststart and poststop, so that `start` and `delete` need not read it.
    #[serde(skip_serializing_if = "is_false")]
    pub without_later_hooks: bool,
    /// The resource limits after the last `update`; absent until then: those of config.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<LinuxResources>,
}

impl Record {
    /// A record of a container that is about to be made, as of now.
    pub fn new(id: &str, oci_version: &str) -> Self {
        Record {
            version: VERSION,
            id: id.to_owned(),
            oci_version: oci_version.to_owned(),
            created: rfc3339(SystemTime::now()),
            stage: Stage::Creating,
            ..Record::default()
        }
    }

    /// Notes which process is init.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn set_init(&mut self, init: &Process) -> Result<()> {
        let (start, inode) = init.identity()?;
        (self.init_process_pid, self.init_process_start, self.init_process_inode) = (init.pid(), start, inode);
        Ok(())
    }

    /// Init, where it lives: another process that has got its number by now is not it, nor is a zombie.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn init(&self) -> Result<Option<Process>> {
        let (pid, start, inode) = (self.init_process_pid, self.init_process_start, self.init_process_inode);
        if self.of_this_boot { Process::recognize(pid, inode) } else { Process::find(pid, start, inode) }
    }

    /// Reads a record of any format up to [`VERSION`].
    ///
    /// # Errors
    /// [`Error::Torn`], [`Error::Foreign`], [`Error::Newer`]; `path` is for their texts.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let record = Self::parse_any(bytes).map_err(|source| Error::Torn { path: path.to_owned(), source })?;
        match record.version {
            0 => Err(Error::Foreign(path.to_owned())),
            1..=VERSION => Ok(record),
            found => Err(Error::Newer { path: path.to_owned(), found, known: VERSION }),
        }
    }

    /// Reads what there is, whoever wrote it: enough of runc's file is alike to clean up after it.
    pub(crate) fn parse_any(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_str(str::from_utf8(bytes).map_err(serde::de::Error::custom)?)
    }

    /// The file's content.
    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Written {
            record: self,
            namespace_paths: namespace_paths(self.init_process_pid),
            config: Config {
                rootfs: &self.rootfs,
                labels: self.labels(),
                cgroups: Cgroup {
                    path: &path_in_hierarchy(&self.cgroup_paths),
                    systemd: self.systemd_cgroup,
                    rootless: self.rootless,
                },
            },
        })
    }

    fn labels(&self) -> Vec<String> {
        let bundle = std::iter::once(format!("bundle={}", self.bundle.display()));
        let annotations = self.annotations.iter().map(|(key, value)| format!("{key}={value}"));
        annotations.chain(bundle).collect()
    }
}

/// The record with the keys that others read.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    record: &'a Record,
    namespace_paths: BTreeMap<&'static str, String>,
    config: Config<'a>,
}

#[derive(Serialize)]
struct Config<'a> {
    rootfs: &'a Path,
    labels: Vec<String>,
    cgroups: Cgroup<'a>,
}

#[derive(Serialize)]
struct Cgroup<'a> {
    path: &'a Path,
    #[serde(rename = "Systemd")]
    systemd: bool,
    #[serde(rename = "Rootless")]
    rootless: bool,
}

/// runc's names of the namespaces, and the kernel's.
const NAMESPACES: [(&str, &str); 8] = [
    ("NEWCGROUP", "cgroup"),
    ("NEWIPC", "ipc"),
    ("NEWNET", "net"),
    ("NEWNS", "mnt"),
    ("NEWPID", "pid"),
    ("NEWTIME", "time"),
    ("NEWUSER", "user"),
    ("NEWUTS", "uts"),
];

fn namespace_paths(pid: i32) -> BTreeMap<&'static str, String> {
    let shown = if pid > 0 { &NAMESPACES[..] } else { &[] };
    shown.iter().map(|(name, file)| (*name, format!("/proc/{pid}/ns/{file}"))).collect()
}

/// The cgroup's path from the root of a hierarchy on, where hierarchies are mounted as everywhere.
fn path_in_hierarchy(paths: &Paths) -> PathBuf {
    let Some(path) = paths.first() else { return PathBuf::new() };
    let Ok(below) = path.strip_prefix("/sys/fs/cgroup") else { return path.to_owned() };
    // Alone, v2 is mounted right there.
    let mount = usize::from(!paths.is_unified());
    Path::new("/").join(below.components().skip(mount).collect::<PathBuf>())
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_as_seen_from_its_hierarchys_root() {
        let path = |paths: &[(&str, &str)]| {
            let paths = paths.iter().map(|(name, path)| ((*name).to_owned(), path.into()));
            path_in_hierarchy(&paths.collect::<BTreeMap<String, PathBuf>>().into())
        };
        assert_eq!(path(&[("", "/sys/fs/cgroup/a/b")]), Path::new("/a/b"));
        assert_eq!(path(&[("", "/sys/fs/cgroup/unified/a"), ("pids", "/sys/fs/cgroup/pids/a")]), Path::new("/a"));
        assert_eq!(path(&[("pids", "/sys/fs/cgroup/pids/a")]), Path::new("/a"));
        assert_eq!(path(&[("pids", "/elsewhere/a")]), Path::new("/elsewhere/a"));
        assert_eq!(path(&[]), Path::new(""));
    }
}
