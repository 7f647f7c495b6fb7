//! The masked and the read-only paths of a config, and what they lie in.

use crate::entry::options;
use crate::facts::Facts;
use crate::path::{clean, inside};
use spec::oci::Spec;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The read-only paths, cleaned, each once, with their places.
pub(crate) fn readonly(spec: &Spec) -> impl Iterator<Item = (String, PathBuf)> + '_ {
    once_each("/linux/readonlyPaths", spec.linux().as_ref().and_then(|linux| linux.readonly_paths().as_ref()))
}

/// The masked ones, the same.
pub(crate) fn masked(spec: &Spec) -> impl Iterator<Item = (String, PathBuf)> + '_ {
    once_each("/linux/maskedPaths", spec.linux().as_ref().and_then(|linux| linux.masked_paths().as_ref()))
}

fn once_each<'s>(place: &'s str, list: Option<&'s Vec<String>>) -> impl Iterator<Item = (String, PathBuf)> + 's {
    let mut seen = HashSet::new();
    let paths = list.into_iter().flatten().enumerate().map(|(index, path)| (index, clean(Path::new(path))));
    paths.filter_map(move |(index, path)| seen.insert(path.clone()).then(|| (format!("{place}/{index}"), path)))
}

/// The entries of `/mounts` that protected paths lie in: for each path the last that is mounted there or above.
pub(crate) fn held(spec: &Spec, facts: &Facts) -> HashSet<usize> {
    let entries = spec.mounts().iter().flatten().enumerate();
    let last: HashMap<PathBuf, usize> = entries
        .filter(|(_, entry)| !options(entry).remount)
        .map(|(index, entry)| (inside(entry.destination(), &facts.rootfs), index))
        .collect();
    let above = |path: &Path| path.ancestors().filter_map(|path| last.get(path)).max().copied();
    readonly(spec).chain(masked(spec)).filter_map(|(_, path)| above(&path)).collect()
}
