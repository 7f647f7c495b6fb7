//! `linux.memoryPolicy`. `set_mempolicy(2)`

use super::check::Check;
use crate::error::{Fault, Quoted};
use crate::lookup::mask;
use oci_spec::runtime::{LinuxMemoryPolicy, MemoryPolicyModeType as Mode};

pub(crate) fn check(policy: &LinuxMemoryPolicy) -> Check {
    let nodes = policy.nodes().as_deref().unwrap_or_default();
    let Some(mask) = mask(nodes) else {
        let rule = "invalid memory policy nodes; must be a list such as 0-3,7";
        return Err(Fault::new("/linux/memoryPolicy/nodes", Quoted(nodes), rule));
    };
    let count: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    match policy.mode() {
        Mode::MpolDefault | Mode::MpolLocal if count != 0 => {
            let rule = format!("invalid memory policy: memory policy mode requires 0 nodes but got {count}");
            Err(Fault::new("/linux/memoryPolicy/nodes", Quoted(nodes), rule))
        }
        Mode::MpolBind | Mode::MpolInterleave | Mode::MpolPreferredMany | Mode::MpolWeightedInterleave
            if count == 0 =>
        {
            let rule = "invalid memory policy: memory policy mode requires at least one node but got 0";
            Err(Fault::missing("/linux/memoryPolicy/nodes", rule))
        }
        _ => Ok(()),
    }
}
