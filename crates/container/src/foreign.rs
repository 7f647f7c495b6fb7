//! What is taken from a state file that we did not write, or can't read, where a container is deleted by force.

use crate::record::Record;
use rustix::fs::{stat, statfs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `linux/magic.h`
const CGROUP_SUPER_MAGIC: i64 = 0x27_e0eb;
const CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;

/// What can be read of a record, perhaps nothing but the id. runc's keys are like ours. Of its cgroups those are
/// kept that surely are some container's: what is in them will be killed.
pub(crate) fn salvage(id: &str, bytes: &[u8]) -> Record {
    let record = Record::parse_any(bytes).unwrap_or_default();
    let cgroups = BTreeMap::from(record.cgroup_paths).into_iter().filter(|(_, path)| is_below_root(path));
    // runc does not say whose the group is; a container's own bear its name.
    let of_it = |path: &Path| path.is_absolute() && resctrl::is_resctrl(path) && path.ends_with(id);
    Record {
        id: id.to_owned(),
        cgroup_paths: cgroups.collect::<BTreeMap<String, PathBuf>>().into(),
        intel_rdt_own: record.intel_rdt_own && of_it(&record.intel_rdt_path),
        intel_rdt_mon_path: Some(record.intel_rdt_mon_path).filter(|path| of_it(path)).unwrap_or_default(),
        ..record
    }
}

/// Whether a path is a cgroup and not the root of its hierarchy.
fn is_below_root(path: &Path) -> bool {
    let is_cgroup = |path| statfs(path).is_ok_and(|fs| matches!(fs.f_type, CGROUP_SUPER_MAGIC | CGROUP2_SUPER_MAGIC));
    let device = |path| stat(path).ok().map(|stat| stat.st_dev);
    path.is_absolute() && is_cgroup(path) && path.parent().is_some_and(|parent| device(parent) == device(path))
}

#[cfg(test)]
mod tests {
    use super::salvage;

    #[test]
    fn only_what_is_surely_a_containers_cgroup_is_kept() {
        let file = r#"{"id":"x","init_process_pid":7,"cgroup_paths":{"":"","a":"relative","b":"/","c":"/tmp",
            "d":"/sys/fs/cgroup","e":"/sys/fs/cgroup/memory","f":"/no/such"},
            "intel_rdt_path":"/tmp/a","intel_rdt_own":true,"intel_rdt_mon_path":"/tmp/mon_groups/a"}"#;
        let record = salvage("a", file.as_bytes());
        assert!(record.cgroup_paths.is_empty(), "{:?}", record.cgroup_paths);
        assert!(!record.intel_rdt_own && record.intel_rdt_mon_path.as_os_str().is_empty(), "{record:?}");
        assert_eq!((record.id.as_str(), record.init_process_pid), ("a", 7));
        assert_eq!(salvage("a", b"{").id, "a");
    }
}
