//! Limits changed while the container lives.

use crate::apply::Made;
use crate::error::Result;
use crate::paths::Paths;
use crate::resources::{self, Warning};
use spec::oci::{
    LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxResources, LinuxThrottleDevice, LinuxWeightDevice,
    LinuxWeightDeviceBuilder,
};

impl Paths {
    /// Sets what `change` asks for. `stored` are the container's resources so far: where two limits hang together
    /// (quota and period, memory and swap) and one is given, the other is taken from there. Device rules are never
    /// touched: others may have changed them. Places in errors are pointers into `change`.
    ///
    /// # Errors
    /// [`crate::Error::Limit`], [`crate::Error::BelowUsage`], [`crate::Error::NoController`],
    /// [`crate::Error::Invalid`], [`crate::Error::UnifiedOnV1`].
    pub fn update(&self, stored: &LinuxResources, change: &LinuxResources) -> Result<Vec<Warning>> {
        let limits = resources::plan(self, None, &completed(stored, change), "")?;
        let mut made = Made::default();
        limits.before.iter().chain(&limits.acts).try_for_each(|act| made.run(act))?;
        Ok(limits.warnings)
    }
}

/// The change, with the other half of limits that hang together.
fn completed(stored: &LinuxResources, change: &LinuxResources) -> LinuxResources {
    let mut completed = change.clone();
    if let (Some(before), Some(now)) = (stored.cpu(), change.cpu()) {
        completed.set_cpu(Some(completed_cpu(before, now)));
    }
    if let (Some(before), Some(now)) = (stored.memory(), change.memory()) {
        completed.set_memory(Some(completed_memory(*before, *now)));
    }
    completed
}

fn completed_cpu(before: &LinuxCpu, now: &LinuxCpu) -> LinuxCpu {
    let mut cpu = now.clone();
    match (some(now.quota()), some(now.period())) {
        (None, Some(_)) => _ = cpu.set_quota(some(before.quota())),
        (Some(_), None) => _ = cpu.set_period(some(before.period())),
        _ => {}
    }
    cpu
}

fn completed_memory(before: LinuxMemory, now: LinuxMemory) -> LinuxMemory {
    let mut memory = now;
    match (some(now.limit()), some(now.swap())) {
        // Unlimited memory takes the limit of memory and swap away too.
        (Some(-1) | None, None) | (Some(_), Some(_)) => {}
        (Some(_), None) => _ = memory.set_swap(some(before.swap())),
        (None, Some(_)) => _ = memory.set_limit(some(before.limit())),
    }
    if now.check_before_update().is_none() {
        memory.set_check_before_update(before.check_before_update());
    }
    memory
}

/// A number that is given and is not 0, which is as if absent.
fn some<T: PartialEq + Default>(given: Option<T>) -> Option<T> {
    given.filter(|given| *given != T::default())
}

/// The container's resources after an update: what the change does not name stays, as do the device rules. This is
/// what a later call needs as `stored`.
pub fn merge(stored: &LinuxResources, change: &LinuxResources) -> LinuxResources {
    let mut merged = stored.clone();
    if let Some(now) = change.memory() {
        merged.set_memory(Some(merge_memory(stored.memory().unwrap_or_default(), *now)));
    }
    if let Some(now) = change.cpu() {
        merged.set_cpu(Some(merge_cpu(stored.cpu().clone().unwrap_or_default(), now)));
    }
    if change.pids().is_some() {
        merged.set_pids(*change.pids());
    }
    if let Some(now) = change.block_io() {
        merged.set_block_io(Some(merge_block(stored.block_io().clone().unwrap_or_default(), now)));
    }
    if change.hugepage_limits().is_some() {
        merged.set_hugepage_limits(change.hugepage_limits().clone());
    }
    if change.network().is_some() {
        merged.set_network(change.network().clone());
    }
    if let Some(now) = change.rdma() {
        let mut rdma = stored.rdma().clone().unwrap_or_default();
        rdma.extend(now.iter().map(|(name, limit)| (name.clone(), *limit)));
        merged.set_rdma(Some(rdma));
    }
    if let Some(now) = change.unified() {
        let mut unified = stored.unified().clone().unwrap_or_default();
        unified.extend(now.clone());
        merged.set_unified(Some(unified));
    }
    merged
}

fn merge_memory(before: LinuxMemory, now: LinuxMemory) -> LinuxMemory {
    let mut memory = before;
    let swap = if now.limit() == Some(-1) && some(now.swap()).is_none() { None } else { now.swap().or(before.swap()) };
    memory.set_limit(now.limit().or(before.limit()));
    memory.set_swap(swap);
    memory.set_reservation(now.reservation().or(before.reservation()));
    memory.set_swappiness(now.swappiness().or(before.swappiness()));
    memory.set_disable_oom_killer(now.disable_oom_killer().or(before.disable_oom_killer()));
    memory.set_check_before_update(now.check_before_update().or(before.check_before_update()));
    memory
}

fn merge_cpu(mut cpu: LinuxCpu, now: &LinuxCpu) -> LinuxCpu {
    // An idle cgroup has no shares: those of before would be refused with it.
    let shares = if now.idle().is_some() { now.shares() } else { now.shares().or(cpu.shares()) };
    cpu.set_shares(shares);
    cpu.set_idle(now.idle().or(cpu.idle()));
    cpu.set_quota(now.quota().or(cpu.quota()));
    cpu.set_period(now.period().or(cpu.period()));
    cpu.set_burst(now.burst().or(cpu.burst()));
    cpu.set_realtime_runtime(now.realtime_runtime().or(cpu.realtime_runtime()));
    cpu.set_realtime_period(now.realtime_period().or(cpu.realtime_period()));
    let list = |now: &Option<String>, before: &Option<String>| {
        now.clone().filter(|list| !list.is_empty()).or_else(|| before.clone())
    };
    cpu.set_cpus(list(now.cpus(), cpu.cpus()));
    cpu.set_mems(list(now.mems(), cpu.mems()));
    cpu
}

fn merge_block(mut block: LinuxBlockIo, now: &LinuxBlockIo) -> LinuxBlockIo {
    block.set_weight(now.weight().or(block.weight()));
    block.set_leaf_weight(now.leaf_weight().or(block.leaf_weight()));
    block.set_weight_device(merge_devices(block.weight_device().as_ref(), now.weight_device().as_ref(), merge_weight));
    let rate = |_: LinuxThrottleDevice, now| now;
    block.set_throttle_read_bps_device(merge_devices(
        block.throttle_read_bps_device().as_ref(),
        now.throttle_read_bps_device().as_ref(),
        rate,
    ));
    block.set_throttle_write_bps_device(merge_devices(
        block.throttle_write_bps_device().as_ref(),
        now.throttle_write_bps_device().as_ref(),
        rate,
    ));
    block.set_throttle_read_iops_device(merge_devices(
        block.throttle_read_iops_device().as_ref(),
        now.throttle_read_iops_device().as_ref(),
        rate,
    ));
    block.set_throttle_write_iops_device(merge_devices(
        block.throttle_write_iops_device().as_ref(),
        now.throttle_write_iops_device().as_ref(),
        rate,
    ));
    block
}

/// Something said of a device, by its numbers.
trait OfDevice: Copy {
    fn numbers(&self) -> (i64, i64);
}

impl OfDevice for LinuxThrottleDevice {
    fn numbers(&self) -> (i64, i64) {
        (self.major(), self.minor())
    }
}

impl OfDevice for LinuxWeightDevice {
    fn numbers(&self) -> (i64, i64) {
        (self.major(), self.minor())
    }
}

fn merge_weight(before: LinuxWeightDevice, now: LinuxWeightDevice) -> LinuxWeightDevice {
    let mut merged = LinuxWeightDeviceBuilder::default().major(now.major()).minor(now.minor());
    if let Some(weight) = now.weight().or(before.weight()) {
        merged = merged.weight(weight);
    }
    if let Some(weight) = now.leaf_weight().or(before.leaf_weight()) {
        merged = merged.leaf_weight(weight);
    }
    merged.build().unwrap_or(now)
}

/// Takes over what is new; of a device that is there already, by `merge`.
fn merge_devices<T: OfDevice>(
    before: Option<&Vec<T>>,
    now: Option<&Vec<T>>,
    merge: impl Fn(T, T) -> T,
) -> Option<Vec<T>> {
    let Some(now) = now else { return before.cloned() };
    let mut merged = before.cloned().unwrap_or_default();
    for one in now {
        match merged.iter_mut().rev().find(|other| other.numbers() == one.numbers()) {
            Some(other) => *other = merge(*other, *one),
            None => merged.push(*one),
        }
    }
    Some(merged)
}
