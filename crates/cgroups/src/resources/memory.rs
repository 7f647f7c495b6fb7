//! Memory and swap, in bytes; -1 is no limit, 0 is as if absent. `swap` is memory and swap together, as v1 has it;
//! v2 limits swap alone.

use super::planner::{Group, Knob, Planner, Version};
use crate::act::{Act, Write};
use crate::error::Result;
use spec::oci::LinuxMemory;

const LIMIT: Knob = Knob { place: "/memory/limit", v1: "memory.limit_in_bytes", v2: "memory.max" };
const SWAP: Knob = Knob { place: "/memory/swap", v1: "memory.memsw.limit_in_bytes", v2: "memory.swap.max" };
const RESERVATION: Knob = Knob { place: "/memory/reservation", v1: "memory.soft_limit_in_bytes", v2: "memory.low" };
const SWAPPINESS: Knob = Knob { place: "/memory/swappiness", v1: "memory.swappiness", v2: "" };
const KERNEL_TCP: Knob = Knob { place: "/memory/kernelTCP", v1: "memory.kmem.tcp.limit_in_bytes", v2: "" };
const OOM_KILLER: Knob = Knob { place: "/memory/disableOOMKiller", v1: "memory.oom_control", v2: "" };

pub(super) fn plan(planner: &mut Planner<'_>, memory: &LinuxMemory) -> Result<()> {
    #[allow(deprecated)]
    if memory.kernel().is_some() {
        planner.ignore("/memory/kernel", "Kernel memory settings are ignored and will be removed");
    }
    let asked = [(&LIMIT, memory.limit()), (&SWAP, memory.swap()), (&RESERVATION, memory.reservation())];
    for (knob, value) in asked.into_iter().chain([(&KERNEL_TCP, memory.kernel_tcp())]) {
        if let Some(value @ ..-1) = value {
            return Err(planner.invalid(knob.place, format!("{value} bytes; a size, or -1 for no limit, is allowed")));
        }
    }
    let asks = asked.iter().find(|(_, value)| value.is_some_and(|value| value > 0)).map(|(knob, _)| knob.place);
    let tunes = [
        memory.swappiness().map(|_| SWAPPINESS.place),
        memory.kernel_tcp().filter(|bytes| *bytes > 0).map(|_| KERNEL_TCP.place),
        memory.disable_oom_killer().filter(|off| *off).map(|_| OOM_KILLER.place),
    ];
    let Some(place) = asks.or(tunes.into_iter().flatten().next()) else {
        // What is left asks for no limit at all: without the controller there is none.
        return planner.find("memory", "memory").map_or(Ok(()), |group| sizes(planner, group, memory));
    };
    let group = planner.group("memory", "memory", place)?;
    sizes(planner, group, memory)?;
    behaviour(planner, group, memory)
}

fn sizes(planner: &mut Planner<'_>, group: Group<'_>, memory: &LinuxMemory) -> Result<()> {
    let given = |value: Option<i64>| value.filter(|value| *value != 0);
    let (limit, swap) = (given(memory.limit()), given(memory.swap()));
    if let (Some(limit @ 1..), Some(swap @ 1..)) = (limit, swap)
        && swap < limit
    {
        return Err(
            planner.invalid(SWAP.place, format!("memory+swap limit should be >= memory limit: {swap} < {limit}"))
        );
    }
    match group.version {
        Version::One => {
            let swap = match (limit, swap) {
                // Unlimited memory needs unlimited memory and swap.
                (Some(-1), None) => Some(-1),
                _ => swap,
            };
            let limit = limit.map(|limit| planner.turn(group, &LIMIT, limit.to_string()));
            let swap = swap.map(|swap| unlimited(planner.turn(group, &SWAP, swap.to_string()), swap == -1));
            planner.push_together(limit.into_iter().chain(swap).collect());
        }
        Version::Two => {
            if memory.check_before_update() == Some(true) {
                check_usage(planner, group, limit, swap);
            }
            if let Some(swap) = swap_alone(planner, limit, swap)? {
                let none = swap == "max" || swap == "0";
                planner.push(unlimited(planner.turn(group, &SWAP, swap), none));
            }
            if let Some(limit) = limit {
                planner.push(planner.turn(group, &LIMIT, size(limit)));
            }
        }
    }
    if let Some(reservation) = given(memory.reservation()) {
        let value = if group.version == Version::Two { size(reservation) } else { reservation.to_string() };
        planner.push(planner.turn(group, &RESERVATION, value));
    }
    match (given(memory.kernel_tcp()), group.version) {
        (None, _) => {}
        (Some(bytes), Version::One) => {
            planner.push(unlimited(planner.turn(group, &KERNEL_TCP, bytes.to_string()), bytes == -1));
        }
        (Some(_), Version::Two) => planner.ignore(KERNEL_TCP.place, "TCP buffers are memory on cgroup v2: ignored"),
    }
    Ok(())
}

/// v2: what swap alone may be, from the limit of memory and that of memory and swap.
fn swap_alone(planner: &Planner<'_>, limit: Option<i64>, swap: Option<i64>) -> Result<Option<String>> {
    match (limit, swap) {
        (Some(-1), None) | (_, Some(-1)) => Ok(Some("max".to_owned())),
        (_, None) => Ok(None),
        (Some(-1), Some(swap)) => Ok(Some(swap.to_string())),
        (None, Some(_)) => Err(planner.invalid(SWAP.place, "unable to set swap limit without memory limit")),
        (Some(limit), Some(swap)) => Ok(Some((swap - limit).to_string())),
    }
}

/// v2 takes a limit below the usage and then kills; v1 refuses it. This is v1's way for v2.
fn check_usage(planner: &mut Planner<'_>, group: Group<'_>, limit: Option<i64>, swap: Option<i64>) {
    let limits = [(swap, "memory+swap"), (limit, "memory")];
    let limits: Vec<_> =
        limits.into_iter().filter_map(|(bytes, what)| Some((u64::try_from(bytes?).ok()?, what))).collect();
    if !limits.is_empty() {
        let path = group.directory.join("memory.current");
        let place = planner.place(LIMIT.place);
        planner.limits.acts.push(Act::RefuseBelowUsage { path, limits, place });
    }
}

fn behaviour(planner: &mut Planner<'_>, group: Group<'_>, memory: &LinuxMemory) -> Result<()> {
    if let Some(swappiness) = memory.swappiness() {
        if swappiness > 100 {
            let reason = format!("invalid memory swappiness value: {swappiness} (valid range is 0-100)");
            return Err(planner.invalid(SWAPPINESS.place, reason));
        }
        match group.version {
            Version::One => planner.push(planner.turn(group, &SWAPPINESS, swappiness.to_string())),
            Version::Two => planner.ignore(SWAPPINESS.place, "swappiness does not exist on cgroup v2 and is ignored"),
        }
    }
    if memory.disable_oom_killer() == Some(true) {
        match group.version {
            Version::One => planner.push(planner.turn(group, &OOM_KILLER, "1")),
            Version::Two => {
                planner.ignore(OOM_KILLER.place, "the OOM killer can't be disabled on cgroup v2: ignored");
            }
        }
    }
    Ok(())
}

/// Without accounting (of swap, of TCP buffers) there is no file, and no limit.
fn unlimited(write: Write, optional: bool) -> Write {
    Write { optional, ..write }
}

fn size(bytes: i64) -> String {
    if bytes == -1 { "max".to_owned() } else { bytes.to_string() }
}
