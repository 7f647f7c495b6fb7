//! Remote direct memory access, by device.

use super::planner::Planner;
use crate::error::Result;
use spec::oci::LinuxRdma;
use std::collections::{BTreeMap, HashMap};

pub(super) fn plan(planner: &mut Planner<'_>, devices: &HashMap<String, LinuxRdma>) -> Result<()> {
    for (device, limit) in devices.iter().collect::<BTreeMap<_, _>>() {
        let place = "/rdma";
        if device.is_empty() || device.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(planner.invalid(place, format!("{device:?} can't be a device's name")));
        }
        let parts = [("hca_handle", limit.hca_handles()), ("hca_object", limit.hca_objects())];
        let parts: Vec<_> =
            parts.into_iter().filter_map(|(key, value)| value.map(|value| format!(" {key}={value}"))).collect();
        if parts.is_empty() {
            return Err(planner.invalid(place, format!("{device}: neither hcaHandles nor hcaObjects is there")));
        }
        let group = planner.group("rdma", "rdma", place)?;
        planner.push(planner.write(group, "rdma.max", format!("{device}{}", parts.concat()), place));
    }
    Ok(())
}
