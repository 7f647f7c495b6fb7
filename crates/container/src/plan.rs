//! `plan`: what would be done, without root and without touching the host.

use crate::create::{How, Request, load};
use crate::error::{Error, Result};
use crate::id::ContainerId;
use std::fmt::Write as _;

/// The plan of a container that is asked for so: as JSON, or as text, a line a step.
///
/// # Errors
/// What is wrong with the bundle.
pub fn describe(request: &Request, id: &ContainerId, json: bool) -> Result<String> {
    let loaded = load(id, request, How::Created)?;
    let asked = loaded.asked(id, request, How::Created);
    let (draft, cgroup) = loaded.plan(&asked)?;
    let mut plan = draft.finish().map_err(Error::from)?;
    plan.warnings.splice(0..0, loaded.config.warnings.iter().cloned());
    Ok(if json { document(id, &plan, &cgroup, loaded.resctrl.as_ref()) } else { text(&plan) })
}

/// The plan as JSON.
pub(crate) fn document(
    id: &ContainerId,
    plan: &launch::Plan,
    cgroup: &cgroups::Plan,
    resctrl: Option<&resctrl::Plan>,
) -> String {
    let init: Vec<_> = plan.init.steps().collect();
    let whole = serde_json::json!({
        "id": id.as_str(), "warnings": plan.warnings, "runtime": plan.runtime, "cgroups": cgroup,
        "resctrl": resctrl, "init": init,
    });
    format!("{whole:#}\n")
}

/// The plan as lines.
pub(crate) fn text(plan: &launch::Plan) -> String {
    let mut text = String::from("runtime process\n");
    let mut line = |number: usize, place: &str, step: &str| {
        // Writing to a string does not fail.
        let _fits = writeln!(text, "{number:4}  {step}{}{place}", if place.is_empty() { "" } else { "  # " });
    };
    for (number, step) in plan.runtime.iter().enumerate() {
        line(number, "", &format!("{step:?}"));
    }
    line(0, "", "init:");
    for (number, placed) in plan.init.steps().enumerate() {
        line(number, placed.place, &format!("{:?}", placed.step));
    }
    text
}
