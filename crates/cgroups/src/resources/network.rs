//! The class and priority of network traffic: v1 only.

use super::planner::{Planner, Version};
use crate::error::{Error, Result};
use spec::oci::LinuxNetwork;

pub(super) fn plan(planner: &mut Planner<'_>, network: &LinuxNetwork) -> Result<()> {
    if let Some(class) = network.class_id().filter(|class| *class != 0) {
        set(planner, "net_cls", "net_cls.classid", class.to_string(), "/network/classID")?;
    }
    for (number, priority) in network.priorities().iter().flatten().enumerate() {
        let place = format!("/network/priorities/{number}");
        let name = priority.name();
        if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(planner.invalid(&place, format!("{name:?} can't be an interface's name")));
        }
        set(planner, "net_prio", "net_prio.ifpriomap", format!("{name} {}", priority.priority()), &place)?;
    }
    Ok(())
}

fn set(planner: &mut Planner<'_>, controller: &str, file: &str, value: String, place: &str) -> Result<()> {
    // v2 has no such controller under any name.
    let group = planner.find(controller, controller).filter(|group| group.version == Version::One);
    let Some(group) = group else {
        return Err(Error::NoController { place: planner.place(place), controller: controller.to_owned() });
    };
    planner.push(planner.write(group, file, value, place));
    Ok(())
}
