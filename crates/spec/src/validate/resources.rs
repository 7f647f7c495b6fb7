//! `linux.resources`, of a config and of `update`.

use super::check::{Check, in_range};
use super::devices::{MAJOR, MINOR};
use crate::error::{Fault, Quoted};
use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxDeviceCgroup, LinuxDeviceType, LinuxMemory, LinuxResources};

/// Checks resources whose place in the document is `base`.
pub(crate) fn resources(base: &str, resources: &LinuxResources) -> Check {
    devices(base, resources.devices().as_deref().unwrap_or_default())?;
    if let Some(memory) = resources.memory() {
        self::memory(base, memory)?;
    }
    if let Some(cpu) = resources.cpu() {
        self::cpu(base, cpu)?;
    }
    if let Some(io) = resources.block_io() {
        block_io(base, io)?;
    }
    in_range(|| format!("{base}/pids/limit"), resources.pids().map(|pids| pids.limit()), -1..=i64::MAX)?;
    hugepages(base, resources)?;
    network(base, resources)?;
    rdma(base, resources)?;
    unified(base, resources)
}

fn devices(base: &str, rules: &[LinuxDeviceCgroup]) -> Check {
    for (i, rule) in rules.iter().enumerate() {
        let pointer = |name: &str| format!("{base}/devices/{i}/{name}");
        if matches!(rule.typ(), Some(LinuxDeviceType::U | LinuxDeviceType::P)) {
            let found = rule.typ().map(|kind| kind.as_str().to_owned()).unwrap_or_default();
            return Err(Fault::new(pointer("type"), Quoted(&found), "must be a, b or c"));
        }
        // -1 is the wild card, as absence is.
        in_range(|| pointer("major"), rule.major(), -1..=MAJOR)?;
        in_range(|| pointer("minor"), rule.minor(), -1..=MINOR)?;
        let access = rule.access().as_deref().unwrap_or_default();
        if access.is_empty() {
            return Err(Fault::missing(pointer("access"), "must be one or more of r, w and m"));
        }
        // An `a` beside them is in configs that other runtimes take.
        let known = |letter: u8| b"rwma".contains(&letter);
        if !access.bytes().all(known) || access.bytes().all(|letter| letter == b'a') {
            return Err(Fault::new(pointer("access"), Quoted(access), "must be one or more of r, w and m"));
        }
    }
    Ok(())
}

fn memory(base: &str, memory: &LinuxMemory) -> Check {
    let limits = [("limit", memory.limit()), ("reservation", memory.reservation()), ("swap", memory.swap())];
    for (name, limit) in limits {
        in_range(|| format!("{base}/memory/{name}"), limit, -1..=i64::MAX)?;
    }
    in_range(|| format!("{base}/memory/swappiness"), memory.swappiness(), 0..=100)?;
    let (limit, swap) = (memory.limit().unwrap_or_default(), memory.swap().unwrap_or_default());
    if limit > 0 && swap > 0 && swap < limit {
        let rule = format!("it limits memory and swap together, so it must not be below memory.limit, {limit}");
        return Err(Fault::new(format!("{base}/memory/swap"), swap, rule));
    }
    Ok(())
}

fn cpu(base: &str, cpu: &LinuxCpu) -> Check {
    // 0 means "not set", to every caller.
    let period = cpu.period().filter(|&period| period != 0);
    in_range(|| format!("{base}/cpu/period"), period, 1000..=1_000_000)?;
    in_range(|| format!("{base}/cpu/realtimeRuntime"), cpu.realtime_runtime(), -1..=i64::MAX)?;
    in_range(|| format!("{base}/cpu/idle"), cpu.idle(), 0..=1)?;
    let quota = cpu.quota().and_then(|quota| u64::try_from(quota).ok()).filter(|&quota| quota > 0);
    let Some(quota) = quota else { return Ok(()) };
    in_range(|| format!("{base}/cpu/burst"), cpu.burst(), 0..=quota)
}

fn block_io(base: &str, io: &LinuxBlockIo) -> Check {
    let weight = |name: &str, weight: Option<u16>| {
        in_range(|| format!("{base}/blockIO/{name}"), weight.filter(|&weight| weight != 0), 10..=1000)
    };
    let number = |list: &str, i: usize, major: i64, minor: i64| {
        in_range(|| format!("{base}/blockIO/{list}/{i}/major"), Some(major), 0..=MAJOR)?;
        in_range(|| format!("{base}/blockIO/{list}/{i}/minor"), Some(minor), 0..=MINOR)
    };
    weight("weight", io.weight())?;
    weight("leafWeight", io.leaf_weight())?;
    for (i, device) in io.weight_device().iter().flatten().enumerate() {
        number("weightDevice", i, device.major(), device.minor())?;
        weight(&format!("weightDevice/{i}/weight"), device.weight())?;
        weight(&format!("weightDevice/{i}/leafWeight"), device.leaf_weight())?;
        if device.weight().is_none() && device.leaf_weight().is_none() {
            let rule = "needs a weight or a leafWeight";
            return Err(Fault::new(format!("{base}/blockIO/weightDevice/{i}"), "without a weight", rule));
        }
    }
    let throttles = [
        ("throttleReadBpsDevice", io.throttle_read_bps_device()),
        ("throttleWriteBpsDevice", io.throttle_write_bps_device()),
        ("throttleReadIOPSDevice", io.throttle_read_iops_device()),
        ("throttleWriteIOPSDevice", io.throttle_write_iops_device()),
    ];
    for (name, devices) in throttles {
        for (i, device) in devices.iter().flatten().enumerate() {
            number(name, i, device.major(), device.minor())?;
        }
    }
    Ok(())
}

fn hugepages(base: &str, resources: &LinuxResources) -> Check {
    for (i, limit) in resources.hugepage_limits().iter().flatten().enumerate() {
        let size = limit.page_size();
        let number = ["KB", "MB", "GB"].iter().find_map(|unit| size.strip_suffix(unit)).unwrap_or_default();
        let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0') && !number.is_empty();
        if !plain {
            let rule = "must be a number and KB, MB or GB, such as 2MB";
            return Err(Fault::new(format!("{base}/hugepageLimits/{i}/pageSize"), Quoted(size), rule));
        }
        in_range(|| format!("{base}/hugepageLimits/{i}/limit"), Some(limit.limit()), 0..=i64::MAX)?;
    }
    Ok(())
}

fn network(base: &str, resources: &LinuxResources) -> Check {
    let priorities = resources.network().as_ref().and_then(|network| network.priorities().as_ref());
    for (i, priority) in priorities.into_iter().flatten().enumerate() {
        let name = priority.name();
        if name.is_empty() || name.contains(char::is_whitespace) {
            let rule = "must be the name of a network interface";
            return Err(Fault::new(format!("{base}/network/priorities/{i}/name"), Quoted(name), rule));
        }
    }
    Ok(())
}

fn rdma(base: &str, resources: &LinuxResources) -> Check {
    for (device, limit) in resources.rdma().iter().flatten() {
        let pointer = format!("{base}/rdma");
        if device.is_empty() || device.contains(char::is_whitespace) {
            return Err(Fault::new(pointer, Quoted(device), "must be the name of a device"));
        }
        if limit.hca_handles().is_none() && limit.hca_objects().is_none() {
            let found = format!("without a limit for {device}");
            return Err(Fault::new(pointer, found, "needs hcaHandles or hcaObjects"));
        }
    }
    Ok(())
}

/// A key is the name of a file of the container's own cgroup, and must not lead elsewhere.
fn unified(base: &str, resources: &LinuxResources) -> Check {
    let leads = |key: &str| key.is_empty() || key.contains('/') || key == "." || key == "..";
    match resources.unified().iter().flatten().find(|(key, _)| leads(key)) {
        Some((key, _)) => {
            let rule = "a key must be the name of a cgroup v2 file, such as memory.high";
            Err(Fault::new(format!("{base}/unified"), Quoted(key), rule))
        }
        None => Ok(()),
    }
}
