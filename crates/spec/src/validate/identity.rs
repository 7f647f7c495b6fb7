//! Maps of user and group ids.

use super::check::Check;
use crate::error::Fault;
use oci_spec::runtime::LinuxIdMapping;

/// The most ranges that the kernel takes. `user_namespaces(7)`.
const RANGES: usize = 340;

/// Checks the ranges of one map: none empty, none beyond the 32-bit ids, no overlap inside or outside.
pub(crate) fn map(pointer: impl Fn() -> String, map: &[LinuxIdMapping]) -> Check {
    if map.len() > RANGES {
        return Err(Fault::new(pointer(), format_args!("of {} ranges", map.len()), "the kernel takes at most 340"));
    }
    for (i, range) in map.iter().enumerate() {
        if range.size() == 0 {
            return Err(Fault::new(format!("{}/{i}/size", pointer()), 0, "a range must have at least one id"));
        }
        for (name, first) in [("containerID", range.container_id()), ("hostID", range.host_id())] {
            // The last id, 2^32-1, stands for "none".
            if u64::from(first) + u64::from(range.size()) > u64::from(u32::MAX) {
                let rule = format!("{} ids from there go beyond 4294967294", range.size());
                return Err(Fault::new(format!("{}/{i}/{name}", pointer()), first, rule));
            }
        }
    }
    overlap(&pointer, map, "containerID", LinuxIdMapping::container_id)?;
    overlap(&pointer, map, "hostID", LinuxIdMapping::host_id)
}

fn overlap(
    pointer: impl Fn() -> String,
    map: &[LinuxIdMapping],
    name: &str,
    first: impl Fn(&LinuxIdMapping) -> u32,
) -> Check {
    let mut sorted: Vec<_> = map.iter().enumerate().collect();
    sorted.sort_unstable_by_key(|(_, range)| first(range));
    for ((_, low), (i, high)) in sorted.iter().zip(sorted.iter().skip(1)) {
        if first(high) - first(low) < low.size() {
            let rule = format!("ranges must not overlap, and {} ids from {} on are mapped", low.size(), first(low));
            return Err(Fault::new(format!("{}/{i}/{name}", pointer()), first(high), rule));
        }
    }
    Ok(())
}
