//! What a container's groups share out and use, with the keys of runc's `intel_rdt`.

use crate::error::{Error, Result};
use crate::file;
use crate::groups::Groups;
use serde::Serialize;
use std::path::Path;

/// What there is to tell; nothing without groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// What the processor can do with its L3 cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_info: Option<L3CacheInfo>,
    /// The root group's line about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_schema_root: Option<String>,
    /// The container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_schema: Option<String>,
    /// What it can do with memory bandwidth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_info: Option<MemBwInfo>,
    /// The root group's line about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_schema_root: Option<String>,
    /// The container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_schema: Option<String>,
    /// All lines of the container's group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemata: Vec<String>,
    /// Memory bandwidth by L3 cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mbm_stats: Vec<Bandwidth>,
    /// Use of the cache by L3 cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmt_stats: Vec<Occupancy>,
}

/// `info/L3`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is a file: resctrl.rst")]
pub struct L3CacheInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cbm_mask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_cbm_bits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_closids: Option<u64>,
}

/// `info/MB`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is a file: resctrl.rst")]
pub struct MemBwInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_gran: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_linear: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_bandwidth: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_closids: Option<u64>,
}

/// Bytes of memory moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bandwidth {
    /// In all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbm_total_bytes: Option<u64>,
    /// From the memory beside the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbm_local_bytes: Option<u64>,
}

/// Bytes of a cache in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Occupancy {
    /// Now.
    pub llc_occupancy: u64,
}

impl Groups {
    /// Measures, in the resctrl file system at `root`. What this machine does not have is left out. Without a
    /// monitoring group the figures are those of all that is in the container's group.
    ///
    /// # Errors
    /// [`Error::File`] where the group is gone.
    pub fn stats(&self, root: &Path) -> Result<Stats> {
        let path = self.path.join("schemata");
        let own = file::read(&path).map_err(|errno| Error::file("read", &path, errno))?;
        let above = file::read(&root.join("schemata")).unwrap_or_default();
        let mut stats =
            Stats { schemata: own.lines().map(|line| line.trim().to_owned()).collect(), ..Stats::default() };
        let info = |name: &str| Some(root.join("info").join(name)).filter(|path| path.is_dir());
        if let Some(info) = info("L3") {
            stats.l3_cache_info = Some(L3CacheInfo {
                cbm_mask: file::word(&info.join("cbm_mask")),
                min_cbm_bits: number(&info.join("min_cbm_bits")),
                num_closids: number(&info.join("num_closids")),
            });
            (stats.l3_cache_schema_root, stats.l3_cache_schema) = (line(&above, "L3"), line(&own, "L3"));
        }
        if let Some(info) = info("MB") {
            stats.mem_bw_info = Some(MemBwInfo {
                bandwidth_gran: number(&info.join("bandwidth_gran")),
                delay_linear: number(&info.join("delay_linear")),
                min_bandwidth: number(&info.join("min_bandwidth")),
                num_closids: number(&info.join("num_closids")),
            });
            (stats.mem_bw_schema_root, stats.mem_bw_schema) = (line(&above, "MB"), line(&own, "MB"));
        }
        monitor(self.monitoring.as_ref().unwrap_or(&self.path), &mut stats);
        Ok(stats)
    }
}

/// The figures of each L3 cache: `mon_data/mon_L3_00` and so on.
fn monitor(group: &Path, stats: &mut Stats) {
    let caches = std::fs::read_dir(group.join("mon_data")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut caches: Vec<_> = caches.filter(|path| path.is_dir()).collect();
    caches.sort_unstable();
    for cache in caches {
        let value = |name: &str| number(&cache.join(name));
        let moved = Bandwidth { mbm_total_bytes: value("mbm_total_bytes"), mbm_local_bytes: value("mbm_local_bytes") };
        if moved != Bandwidth::default() {
            stats.mbm_stats.push(moved);
        }
        stats.cmt_stats.extend(value("llc_occupancy").map(|llc_occupancy| Occupancy { llc_occupancy }));
    }
}

/// The line about a resource.
fn line(schemata: &str, resource: &str) -> Option<String> {
    let of = |line: &&str| line.split_once(':').is_some_and(|(name, _)| name.trim() == resource);
    schemata.lines().find(of).map(|line| line.trim().to_owned())
}

/// A number, where there is one: `Unavailable` is none.
fn number(path: &Path) -> Option<u64> {
    file::word(path)?.parse().ok()
}
