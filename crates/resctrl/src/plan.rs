//! From `/linux/intelRdt` to groups. Nothing here looks at the host.

use crate::error::{Error, Result};
use crate::schemata::Schemata;
use serde::Serialize;
use spec::oci::LinuxIntelRdt;
use std::path::{Path, PathBuf};

/// The name of the root group.
const ROOT: &str = "/";

/// The groups of a new container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The root of the resctrl file system.
    pub root: PathBuf,
    /// The group that init goes to.
    pub group: PathBuf,
    /// Whether the config names it; then it is not the container's own.
    pub named: bool,
    /// What is written to its schemata.
    pub schemata: Schemata,
    /// The group beneath it that watches this container alone.
    pub monitoring: Option<PathBuf>,
}

/// Plans the groups of a container in the resctrl file system at `root`.
///
/// # Errors
/// [`Error::Name`]
pub fn plan(root: &Path, id: &str, rdt: &LinuxIntelRdt) -> Result<Plan> {
    let named = rdt.clos_id().as_deref().filter(|name| !name.is_empty());
    let group = match named {
        Some(ROOT) => root.to_owned(),
        Some(name) => root.join(name),
        None if spec::is_resctrl_name(id) => root.join(id),
        None => return Err(Error::Name(id.to_owned())),
    };
    let monitoring = rdt.enable_monitoring().unwrap_or(false).then(|| group.join("mon_groups").join(id));
    Ok(Plan { root: root.to_owned(), group, named: named.is_some(), schemata: Schemata::new(rdt), monitoring })
}
