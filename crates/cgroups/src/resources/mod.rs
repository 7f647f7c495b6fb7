//! Limits: from `/linux/resources` to writes, one controller a file, v1 and v2 side by side in each.

mod blkio;
mod cpu;
mod hugetlb;
mod memory;
mod network;
mod pids;
mod planner;
mod rdma;
mod unified;

use crate::error::Result;
use crate::paths::Paths;
pub(crate) use cpu::weight_from_shares;
pub(crate) use planner::Limits;
use planner::Planner;
pub use planner::Warning;
use spec::oci::LinuxResources;

/// Plans all limits but the device rules. `base` is the JSON pointer of the resources; `controllers` are the
/// v2 hierarchy's, or `None` where they are not known (then the kernel will say).
pub(crate) fn plan(
    paths: &Paths,
    controllers: Option<&[String]>,
    resources: &LinuxResources,
    base: &str,
) -> Result<Limits> {
    let mut planner = Planner { paths, controllers, base, limits: Limits::default() };
    if let Some(pids) = resources.pids() {
        pids::plan(&mut planner, *pids)?;
    }
    if let Some(memory) = resources.memory() {
        memory::plan(&mut planner, memory)?;
    }
    if let Some(block) = resources.block_io() {
        blkio::plan(&mut planner, block)?;
    }
    if let Some(cpu) = resources.cpu() {
        cpu::plan(&mut planner, cpu)?;
    }
    hugetlb::plan(&mut planner, resources.hugepage_limits().as_deref().unwrap_or_default())?;
    if let Some(rdma) = resources.rdma() {
        rdma::plan(&mut planner, rdma)?;
    }
    if let Some(network) = resources.network() {
        network::plan(&mut planner, network)?;
    }
    if let Some(unified) = resources.unified() {
        unified::plan(&mut planner, unified)?;
    }
    Ok(planner.limits)
}

#[cfg(test)]
mod tests;
