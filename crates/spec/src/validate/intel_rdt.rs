//! `linux.intelRdt`: the group's name and its schemata.

use super::check::Check;
use crate::error::{Fault, Quoted};
use oci_spec::runtime::LinuxIntelRdt;

/// What is in every group, and so can't be the name of one: Documentation/filesystems/resctrl.rst.
const TAKEN: [&str; 10] =
    ["cpus", "cpus_list", "info", "mode", "mon_data", "mon_groups", "mon_hw_id", "schemata", "size", "tasks"];

/// Checks an intelRdt object; `base` is its place.
pub(crate) fn check(base: &str, rdt: &LinuxIntelRdt, warnings: &mut Vec<String>) -> Check {
    let clos = rdt.clos_id().as_deref().unwrap_or_default();
    if !clos.is_empty() && clos != "/" && !is_resctrl_name(clos) {
        let rule = "invalid intelRdt.ClosID; must be the name of a directory that is not resctrl's own, \
            or / for the root group";
        return Err(Fault::new(format!("{base}/closID"), Quoted(clos), rule));
    }
    let single = [("l3CacheSchema", rdt.l3_cache_schema()), ("memBwSchema", rdt.mem_bw_schema())];
    let single = single.into_iter().filter_map(|(name, line)| Some((name.to_owned(), line.as_ref()?)));
    let listed = rdt.schemata().iter().flatten().enumerate().map(|(i, line)| (format!("schemata/{i}"), line));
    for (name, line) in single.chain(listed) {
        if line.contains('\n') {
            return Err(Fault::new(format!("{base}/{name}"), Quoted(line), "must be a single line"));
        }
    }
    let begins =
        |line: &Option<String>, with| line.as_ref().is_none_or(|line| line.is_empty() || line.starts_with(with));
    if !begins(rdt.mem_bw_schema(), "MB:") {
        let line = rdt.mem_bw_schema().as_deref().unwrap_or_default();
        return Err(Fault::new(format!("{base}/memBwSchema"), Quoted(line), "must begin with MB:"));
    }
    if !begins(rdt.l3_cache_schema(), "L3:") {
        warnings.push(format!("{base}/l3CacheSchema: does not begin with L3:"));
    }
    Ok(())
}

/// Whether a name can be that of a group of the resctrl file system.
pub fn is_resctrl_name(name: &str) -> bool {
    !["", ".", ".."].contains(&name) && !name.contains(['/', '\n', '\0']) && !TAKEN.contains(&name)
}
