//! Measured on v1, controller by controller.

use super::data::{CpuSet, HugePages, Stats, Usage};
use super::lists;
use super::source::{number, page_sizes, text};
use crate::error::Result;
use crate::file::{pairs, value};
use std::path::Path;

/// Measures one controller.
type Measure = fn(&Path, &mut Stats) -> Result<()>;

/// All that are measured.
pub(super) const CONTROLLERS: [(&str, Measure); 7] = [
    ("cpuacct", time),
    ("cpu", throttling),
    ("cpuset", cpuset),
    ("memory", memory),
    ("pids", pids),
    ("blkio", blkio),
    ("hugetlb", hugetlb),
];

/// `cpuacct.stat` counts in ticks of a hundredth of a second (USER_HZ).
const TICK: u64 = 10_000_000;

fn time(path: &Path, stats: &mut Stats) -> Result<()> {
    let usage = &mut stats.cpu.usage;
    usage.total = number(path.join("cpuacct.usage"))?;
    if let Some(text) = text(path.join("cpuacct.stat"))? {
        let ticks = |key| value(&text, key).unwrap_or_default().saturating_mul(TICK);
        (usage.user, usage.kernel) = (ticks("user"), ticks("system"));
    }
    usage.percpu = text(path.join("cpuacct.usage_percpu"))?.map(|text| lists::numbers(&text)).unwrap_or_default();
    // A line of headings, then a line a CPU: number, user, system.
    let by_mode = text(path.join("cpuacct.usage_all"))?.unwrap_or_default();
    for line in by_mode.lines().skip(1) {
        if let [_, user, system, ..] = lists::numbers(line)[..] {
            usage.percpu_user.push(user);
            usage.percpu_kernel.push(system);
        }
    }
    Ok(())
}

fn throttling(path: &Path, stats: &mut Stats) -> Result<()> {
    let text = text(path.join("cpu.stat"))?.unwrap_or_default();
    let count = |key| value(&text, key).unwrap_or_default();
    let throttling = &mut stats.cpu.throttling;
    throttling.periods = count("nr_periods");
    throttling.throttled_periods = count("nr_throttled");
    throttling.throttled_time = count("throttled_time");
    Ok(())
}

fn cpuset(path: &Path, stats: &mut Stats) -> Result<()> {
    let flag = |name: &str| number(path.join(format!("cpuset.{name}")));
    let list = |name: &str| text(path.join(format!("cpuset.{name}")));
    let level = list("sched_relax_domain_level")?.unwrap_or_default();
    stats.cpuset = CpuSet {
        cpus: list("cpus")?.map(|text| lists::range(&text)).unwrap_or_default(),
        cpu_exclusive: flag("cpu_exclusive")?,
        mems: list("mems")?.map(|text| lists::range(&text)).unwrap_or_default(),
        mem_hardwall: flag("mem_hardwall")?,
        mem_exclusive: flag("mem_exclusive")?,
        memory_migrate: flag("memory_migrate")?,
        memory_spread_page: flag("memory_spread_page")?,
        memory_spread_slab: flag("memory_spread_slab")?,
        memory_pressure: flag("memory_pressure")?,
        sched_load_balance: flag("sched_load_balance")?,
        sched_relax_domain_level: level.trim().parse().unwrap_or_default(),
    };
    Ok(())
}

fn memory(path: &Path, stats: &mut Stats) -> Result<()> {
    let usage = |name: &str| -> Result<Usage> {
        let part = |what: &str| number(path.join(format!("memory{name}.{what}")));
        Ok(Usage {
            limit: part("limit_in_bytes")?,
            usage: part("usage_in_bytes")?,
            max: part("max_usage_in_bytes")?,
            failcnt: part("failcnt")?,
        })
    };
    let memory = &mut stats.memory;
    let text = text(path.join("memory.stat"))?.unwrap_or_default();
    memory.raw = pairs(&text).map(|(key, value)| (key.to_owned(), value)).collect();
    memory.cache = memory.raw.get("cache").copied().unwrap_or_default();
    memory.usage = usage("")?;
    memory.swap = usage(".memsw")?;
    memory.kernel = usage(".kmem")?;
    memory.kernel_tcp = usage(".kmem.tcp")?;
    Ok(())
}

fn pids(path: &Path, stats: &mut Stats) -> Result<()> {
    stats.pids.current = number(path.join("pids.current"))?;
    stats.pids.limit = match number(path.join("pids.max"))? {
        u64::MAX => 0,
        limit => limit,
    };
    Ok(())
}

fn blkio(path: &Path, stats: &mut Stats) -> Result<()> {
    let list = |name: &str| -> Result<Vec<_>> {
        Ok(text(path.join(name))?.map(|text| lists::blkio(&text)).unwrap_or_default())
    };
    // The scheduler's own numbers, then those that exist whatever the scheduler.
    let first_of = |names: &[&str]| -> Result<Vec<_>> {
        for name in names {
            let found = list(name)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    };
    let blkio = &mut stats.blkio;
    let both = |name: &str| first_of(&[&format!("blkio.bfq.{name}"), &format!("blkio.{name}")]);
    let throttled = |name: &str| {
        first_of(&[&format!("blkio.bfq.{name}"), &format!("blkio.{name}"), &format!("blkio.throttle.{name}")])
    };
    blkio.io_service_bytes_recursive = throttled("io_service_bytes_recursive")?;
    blkio.io_serviced_recursive = throttled("io_serviced_recursive")?;
    blkio.io_queued_recursive = both("io_queued_recursive")?;
    blkio.io_service_time_recursive = both("io_service_time_recursive")?;
    blkio.io_wait_time_recursive = both("io_wait_time_recursive")?;
    blkio.io_merged_recursive = both("io_merged_recursive")?;
    blkio.io_time_recursive = both("time_recursive")?;
    blkio.sectors_recursive = both("sectors_recursive")?;
    Ok(())
}

fn hugetlb(path: &Path, stats: &mut Stats) -> Result<()> {
    for size in page_sizes() {
        let part = |kind: &str, what: &str| path.join(format!("hugetlb.{size}{kind}.{what}"));
        let reserved = text(part(".rsvd", "usage_in_bytes"))?.is_some();
        let kind = if reserved { ".rsvd" } else { "" };
        let pages = HugePages {
            usage: number(part(kind, "usage_in_bytes"))?,
            max: number(part(kind, "max_usage_in_bytes"))?,
            failcnt: number(part(kind, "failcnt"))?,
        };
        stats.hugetlb.insert(size, pages);
    }
    Ok(())
}
