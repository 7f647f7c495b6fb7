//! Block devices: weights (10 to 1000) and rates.

use super::planner::{Group, Planner, Version};
use crate::act::Write;
use crate::error::Result;
use spec::oci::{LinuxBlockIo, LinuxThrottleDevice, LinuxWeightDevice};

/// A limit of rate: its list in the resources, its v1 file, its key in v2's `io.max`.
struct Rate {
    place: &'static str,
    v1: &'static str,
    v2: &'static str,
}

const READ_BPS: Rate =
    Rate { place: "/blockIO/throttleReadBpsDevice", v1: "blkio.throttle.read_bps_device", v2: "rbps" };
const WRITE_BPS: Rate =
    Rate { place: "/blockIO/throttleWriteBpsDevice", v1: "blkio.throttle.write_bps_device", v2: "wbps" };
const READ_IOPS: Rate =
    Rate { place: "/blockIO/throttleReadIOPSDevice", v1: "blkio.throttle.read_iops_device", v2: "riops" };
const WRITE_IOPS: Rate =
    Rate { place: "/blockIO/throttleWriteIOPSDevice", v1: "blkio.throttle.write_iops_device", v2: "wiops" };

pub(super) fn plan(planner: &mut Planner<'_>, block: &LinuxBlockIo) -> Result<()> {
    if let Some(weight) = block.weight().filter(|weight| *weight != 0) {
        let place = "/blockIO/weight";
        let group = group(planner, place)?;
        let write = weight_of(planner, group, None, weight, place)?;
        planner.push(write);
    }
    if let Some(weight) = block.leaf_weight().filter(|weight| *weight != 0) {
        leaf(planner, "/blockIO/leafWeight", "blkio.leaf_weight", weight.to_string())?;
    }
    for (number, device) in block.weight_device().iter().flatten().enumerate() {
        weight_device(planner, *device, &format!("/blockIO/weightDevice/{number}"))?;
    }
    for (rate, devices) in [
        (READ_BPS, block.throttle_read_bps_device()),
        (WRITE_BPS, block.throttle_write_bps_device()),
        (READ_IOPS, block.throttle_read_iops_device()),
        (WRITE_IOPS, block.throttle_write_iops_device()),
    ] {
        for (number, device) in devices.iter().flatten().enumerate() {
            throttle(planner, &rate, *device, &format!("{}/{number}", rate.place))?;
        }
    }
    Ok(())
}

fn group<'a>(planner: &Planner<'a>, place: &str) -> Result<Group<'a>> {
    planner.group("blkio", "io", place)
}

/// A weight, of one device or of all: by the file of whichever scheduler the kernel has.
fn weight_of(
    planner: &Planner<'_>,
    group: Group<'_>,
    device: Option<(i64, i64)>,
    weight: u16,
    place: &str,
) -> Result<Write> {
    if !(10..=1000).contains(&weight) {
        return Err(planner.invalid(place, format!("weight {weight}; 10 to 1000 is allowed")));
    }
    let of = |weight: u64| device.map_or(weight.to_string(), |(major, minor)| format!("{major}:{minor} {weight}"));
    let as_given = of(u64::from(weight));
    let (first, second, converted) = match (group.version, device) {
        (Version::One, None) => ("blkio.weight", "blkio.bfq.weight", as_given.clone()),
        (Version::One, Some(_)) => ("blkio.weight_device", "blkio.bfq.weight_device", as_given.clone()),
        (Version::Two, _) => ("io.bfq.weight", "io.weight", of(io_weight(weight))),
    };
    let otherwise = Some(Box::new(planner.write(group, second, converted, place)));
    Ok(Write { otherwise, ..planner.write(group, first, as_given, place) })
}

/// v1's 10 to 1000 as v2's 1 to 10000.
fn io_weight(weight: u16) -> u64 {
    1 + (u64::from(weight) - 10) * 9999 / 990
}

/// CFQ is gone, but a kernel that has it has these files.
fn leaf(planner: &mut Planner<'_>, place: &str, file: &str, value: String) -> Result<()> {
    let group = group(planner, place)?;
    match group.version {
        Version::One => planner.push(planner.write(group, file, value, place)),
        Version::Two => return Err(planner.invalid(place, "leaf weights do not exist on cgroup v2")),
    }
    Ok(())
}

fn weight_device(planner: &mut Planner<'_>, device: LinuxWeightDevice, place: &str) -> Result<()> {
    let (major, minor) = (device.major(), device.minor());
    if let Some(weight) = device.weight().filter(|weight| *weight != 0) {
        let group = group(planner, place)?;
        let write = weight_of(planner, group, Some((major, minor)), weight, place)?;
        planner.push(write);
    }
    if let Some(weight) = device.leaf_weight().filter(|weight| *weight != 0) {
        leaf(planner, place, "blkio.leaf_weight_device", format!("{major}:{minor} {weight}"))?;
    }
    Ok(())
}

/// A rate of 0 is none, as in v1.
fn throttle(planner: &mut Planner<'_>, rate: &Rate, device: LinuxThrottleDevice, place: &str) -> Result<()> {
    let group = group(planner, place)?;
    let (major, minor, limit) = (device.major(), device.minor(), device.rate());
    let write = match group.version {
        Version::One => planner.write(group, rate.v1, format!("{major}:{minor} {limit}"), place),
        Version::Two => {
            let limit = if limit == 0 { "max".to_owned() } else { limit.to_string() };
            planner.write(group, "io.max", format!("{major}:{minor} {}={limit}", rate.v2), place)
        }
    };
    planner.push(write);
    Ok(())
}
