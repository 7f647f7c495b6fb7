//! The number of processes and threads.

use super::planner::{Knob, Planner};
use crate::error::Result;
use spec::oci::LinuxPids;

const LIMIT: Knob = Knob { place: "/pids/limit", v1: "pids.max", v2: "pids.max" };

pub(super) fn plan(planner: &mut Planner<'_>, pids: LinuxPids) -> Result<()> {
    let value = match pids.limit() {
        ..0 => {
            if planner.find("pids", "pids").is_none() {
                return Ok(());
            }
            "max".to_owned()
        }
        // A cgroup that no process fits in runs nothing: as every runtime, take it as one.
        0 => "1".to_owned(),
        limit => limit.to_string(),
    };
    let group = planner.group("pids", "pids", LIMIT.place)?;
    planner.push(planner.turn(group, &LIMIT, value));
    Ok(())
}
