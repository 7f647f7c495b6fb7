//! Measured on v2.

use super::data::{HugePages, Pressure, Stats, Usage};
use super::lists;
use super::source::{number, page_sizes, text};
use crate::error::Result;
use crate::file::{pairs, value};
use crate::pids;
use std::path::Path;

/// Measures the v2 cgroup: with `alone` all, else (beside v1) huge pages, the only thing that v1 may lack.
pub(super) fn measure(path: &Path, alone: bool, stats: &mut Stats) -> Result<()> {
    if alone {
        count(path, stats)?;
        memory(path, stats)?;
        blkio(path, stats)?;
        cpu(path, stats)?;
    }
    hugetlb(path, stats)
}

fn pressure(path: &Path, name: &str) -> Result<Option<Pressure>> {
    Ok(text(path.join(name))?.map(|text| lists::pressure(&text)))
}

/// Without the controller, the processes are counted.
fn count(path: &Path, stats: &mut Stats) -> Result<()> {
    match text(path.join("pids.current"))? {
        Some(current) => stats.pids.current = lists::number(&current),
        None => stats.pids.current = pids::all(path)?.len() as u64,
    }
    stats.pids.limit = match number(path.join("pids.max"))? {
        u64::MAX => 0,
        limit => limit,
    };
    Ok(())
}

fn memory(path: &Path, stats: &mut Stats) -> Result<()> {
    let usage = |name: &str| -> Result<Usage> {
        let part = |what: &str| number(path.join(format!("memory{name}.{what}")));
        Ok(Usage { limit: part("max")?, usage: part("current")?, max: part("peak")?, failcnt: 0 })
    };
    let memory = &mut stats.memory;
    let Some(text) = text(path.join("memory.stat"))? else { return Ok(()) };
    memory.raw = pairs(&text).map(|(key, value)| (key.to_owned(), value)).collect();
    memory.cache = memory.raw.get("file").copied().unwrap_or_default();
    memory.usage = usage("")?;
    let swap = usage(".swap")?;
    // As v1 has it: memory and swap together, of which no peak is known.
    memory.swap = Usage {
        limit: swap.limit.saturating_add(memory.usage.limit),
        usage: swap.usage.saturating_add(memory.usage.usage),
        max: 0,
        failcnt: 0,
    };
    memory.psi = pressure(path, "memory.pressure")?;
    Ok(())
}

fn blkio(path: &Path, stats: &mut Stats) -> Result<()> {
    if let Some(text) = text(path.join("io.stat"))? {
        (stats.blkio.io_service_bytes_recursive, stats.blkio.io_serviced_recursive) = lists::io(&text);
    }
    stats.blkio.psi = pressure(path, "io.pressure")?;
    Ok(())
}

/// `cpu.stat` counts in microseconds, `events` in nanoseconds.
fn cpu(path: &Path, stats: &mut Stats) -> Result<()> {
    let text = text(path.join("cpu.stat"))?.unwrap_or_default();
    let count = |key| value(&text, key).unwrap_or_default();
    let time = |key| count(key).saturating_mul(1000);
    let cpu = &mut stats.cpu;
    (cpu.usage.total, cpu.usage.user, cpu.usage.kernel) = (time("usage_usec"), time("user_usec"), time("system_usec"));
    cpu.throttling.periods = count("nr_periods");
    cpu.throttling.throttled_periods = count("nr_throttled");
    cpu.throttling.throttled_time = time("throttled_usec");
    cpu.psi = pressure(path, "cpu.pressure")?;
    Ok(())
}

fn hugetlb(path: &Path, stats: &mut Stats) -> Result<()> {
    for size in page_sizes() {
        let part = |kind: &str| text(path.join(format!("hugetlb.{size}{kind}.current")));
        let Some(usage) = part(".rsvd")?.map_or_else(|| part(""), |usage| Ok(Some(usage)))? else { continue };
        let events = text(path.join(format!("hugetlb.{size}.events")))?.unwrap_or_default();
        let failcnt = value(&events, "max").unwrap_or_default();
        stats.hugetlb.insert(size, HugePages { usage: lists::number(&usage), max: 0, failcnt });
    }
    Ok(())
}
