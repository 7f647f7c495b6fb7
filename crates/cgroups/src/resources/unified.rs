//! v2 files by name, for what the other sections can't say. They come last, so they win.

use super::planner::{Group, Planner, Version};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashMap};

pub(super) fn plan(planner: &mut Planner<'_>, files: &HashMap<String, String>) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let base = "/unified";
    let Some(directory) = planner.paths.unified().filter(|_| planner.paths.is_unified()) else {
        return Err(Error::UnifiedOnV1 { place: planner.place(base) });
    };
    let group = Group { version: Version::Two, directory };
    for (key, text) in files.iter().collect::<BTreeMap<_, _>>() {
        let place = format!("{base}/{}", key.replace('~', "~0").replace('/', "~1"));
        if key.contains(['/', '\0']) {
            return Err(planner.invalid(&place, format!("unified resource {key:?} must be a file name (no slashes)")));
        }
        if !key.split_once('.').is_some_and(|(controller, file)| !controller.is_empty() && !file.is_empty()) {
            let reason = format!("unified resource {key:?} must be in the form CONTROLLER.PARAMETER");
            return Err(planner.invalid(&place, reason));
        }
        // The kernel takes one setting a write.
        for line in text.lines().filter(|line| !line.is_empty()) {
            planner.push(planner.write(group, key, line, &place));
        }
    }
    Ok(())
}
