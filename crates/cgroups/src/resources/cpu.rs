//! CPU time, and which CPUs and memory nodes. Times in microseconds.

use super::planner::{Group, Knob, Planner, Version};
use crate::act::{Act, Write};
use crate::error::Result;
use spec::oci::LinuxCpu;

const SHARES: Knob = Knob { place: "/cpu/shares", v1: "cpu.shares", v2: "cpu.weight" };
const IDLE: Knob = Knob { place: "/cpu/idle", v1: "cpu.idle", v2: "cpu.idle" };
const PERIOD: Knob = Knob { place: "/cpu/period", v1: "cpu.cfs_period_us", v2: "cpu.max" };
const QUOTA: Knob = Knob { place: "/cpu/quota", v1: "cpu.cfs_quota_us", v2: "cpu.max" };
const BURST: Knob = Knob { place: "/cpu/burst", v1: "cpu.cfs_burst_us", v2: "cpu.max.burst" };
const RT_PERIOD: Knob = Knob { place: "/cpu/realtimePeriod", v1: "cpu.rt_period_us", v2: "" };
const RT_RUNTIME: Knob = Knob { place: "/cpu/realtimeRuntime", v1: "cpu.rt_runtime_us", v2: "" };
const CPUS: Knob = Knob { place: "/cpu/cpus", v1: "cpuset.cpus", v2: "cpuset.cpus" };
const MEMS: Knob = Knob { place: "/cpu/mems", v1: "cpuset.mems", v2: "cpuset.mems" };

/// v1's least and most shares.
const SHARES_RANGE: (u64, u64) = (2, 262_144);

pub(super) fn plan(planner: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    cpuset(planner, cpu)?;
    real_time(planner, cpu)?;
    weight(planner, cpu)?;
    bandwidth(planner, cpu)
}

/// An empty cpuset takes no process, so this comes before any enters.
fn cpuset(planner: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    for (knob, list) in [(&CPUS, cpu.cpus()), (&MEMS, cpu.mems())] {
        if let Some(list) = list.as_deref().filter(|list| !list.is_empty()) {
            let group = planner.group("cpuset", "cpuset", knob.place)?;
            let write = planner.turn(group, knob, list);
            planner.limits.before.push(Act::Write(write));
        }
    }
    Ok(())
}

/// Without real-time bandwidth a process with a real-time policy can't enter, so this too comes before.
fn real_time(planner: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    let period = cpu.realtime_period().filter(|period| *period != 0);
    let runtime = cpu.realtime_runtime().filter(|runtime| *runtime != 0);
    let asked = [(&RT_PERIOD, period.map(|us| us.to_string())), (&RT_RUNTIME, runtime.map(|us| us.to_string()))];
    let mut writes = Vec::new();
    for (knob, value) in asked {
        let Some(value) = value else { continue };
        let group = planner.group("cpu", "cpu", knob.place)?;
        match group.version {
            Version::One => writes.push(planner.turn(group, knob, value)),
            Version::Two => return Err(planner.invalid(knob.place, "real-time bandwidth does not exist on cgroup v2")),
        }
    }
    if !writes.is_empty() {
        planner.limits.before.push(Act::Together(writes));
    }
    Ok(())
}

/// Shares and idle depend on each other: an idle cgroup takes no shares.
fn weight(planner: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    let mut writes = Vec::new();
    if let Some(shares) = cpu.shares().filter(|shares| *shares != 0) {
        let group = planner.group("cpu", "cpu", SHARES.place)?;
        let value = match group.version {
            Version::One => {
                in_range(planner, shares)?;
                shares
            }
            Version::Two => weight_from_shares(shares),
        };
        writes.push(planner.turn(group, &SHARES, value.to_string()));
    }
    if let Some(idle) = cpu.idle() {
        if !(0..=1).contains(&idle) {
            return Err(planner.invalid(IDLE.place, format!("{idle}; 0 or 1 is allowed")));
        }
        let group = planner.group("cpu", "cpu", IDLE.place)?;
        writes.push(Write { optional: idle == 0, ..planner.turn(group, &IDLE, idle.to_string()) });
    }
    planner.push_together(writes);
    Ok(())
}

/// The kernel would take other numbers as the nearest in range, without a word.
fn in_range(planner: &Planner<'_>, shares: u64) -> Result<()> {
    let (least, most) = SHARES_RANGE;
    if shares < least {
        return Err(planner.invalid(SHARES.place, format!("the minimum allowed cpu-shares is {least}")));
    }
    if shares > most {
        return Err(planner.invalid(SHARES.place, format!("the maximum allowed cpu-shares is {most}")));
    }
    Ok(())
}

/// v1 shares (2 to 262144, 1024 by default) as a v2 weight (1 to 10000, 100 by default): a curve, quadratic in the
/// logarithm, through the least, the default and the most. runc has it since 1.3.2, crun since 1.23.
pub(crate) fn weight_from_shares(shares: u64) -> u64 {
    let (least, most) = SHARES_RANGE;
    if shares <= least {
        return 1;
    }
    if shares >= most {
        return 10_000;
    }
    // Exact: shares is below 2^18 here, and the result between 1 and 10000.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    {
        let log = (shares as f64).log2();
        let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
        10f64.powf(exponent).ceil() as u64
    }
}

fn bandwidth(planner: &mut Planner<'_>, cpu: &LinuxCpu) -> Result<()> {
    let period = cpu.period().filter(|period| *period != 0);
    let quota = cpu.quota().filter(|quota| *quota != 0);
    let place = if quota.is_some() { QUOTA.place } else { PERIOD.place };
    let mut writes = Vec::new();
    if period.is_some() || quota.is_some_and(|quota| quota > 0) {
        let group = planner.group("cpu", "cpu", place)?;
        writes = span(planner, group, period, quota);
    } else if let (Some(_), Some(group)) = (quota, planner.find("cpu", "cpu")) {
        writes = span(planner, group, None, Some(-1));
    }
    if let Some(burst) = cpu.burst().filter(|burst| *burst > 0 || planner.find("cpu", "cpu").is_some()) {
        let group = planner.group("cpu", "cpu", BURST.place)?;
        writes.push(Write { optional: burst == 0, ..planner.turn(group, &BURST, burst.to_string()) });
    }
    planner.push_together(writes);
    Ok(())
}

/// Quota (negative: none) and period. On v2 a quota alone leaves the period as it is.
fn span(planner: &Planner<'_>, group: Group<'_>, period: Option<u64>, quota: Option<i64>) -> Vec<Write> {
    match group.version {
        Version::One => {
            let period = period.map(|period| planner.turn(group, &PERIOD, period.to_string()));
            let quota = quota.map(|quota| planner.turn(group, &QUOTA, quota.max(-1).to_string()));
            period.into_iter().chain(quota).collect()
        }
        Version::Two => {
            let quota_text = quota.filter(|quota| *quota > 0).map_or("max".to_owned(), |quota| quota.to_string());
            let value = period.map_or(quota_text.clone(), |period| format!("{quota_text} {period}"));
            vec![planner.turn(group, if quota.is_some() { &QUOTA } else { &PERIOD }, value)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::weight_from_shares;

    #[test]
    fn weights() {
        // The least, the default and the most are met; the others are what runc and crun give.
        let known = [(0, 1), (1, 1), (2, 1), (3, 2), (100, 17), (200, 29), (1024, 100), (2048, 174), (10_000, 627)];
        for (shares, weight) in known {
            assert_eq!(weight_from_shares(shares), weight, "{shares}");
        }
        assert_eq!(weight_from_shares(262_143), 10_000);
        assert_eq!(weight_from_shares(u64::MAX), 10_000);
        assert!((2..262_144).all(|shares| weight_from_shares(shares) <= weight_from_shares(shares + 1)));
    }
}
