//! The masked and the read-only paths of a config, and what they lie in.

use crate::entry::options;
use crate::facts::Facts;
use crate::path::{clean, inside};
use spec::oci::Spec;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The read-only paths, cleaned, each once, with their places.
pub(crate) fn readonly(spec: &Spec) -> impl Iterator<Item = (String, Cow<'_, Path>)> {
    once_each("/linux/readonlyPaths", readonly_paths(spec))
}

/// The masked ones, the same.
pub(crate) fn masked(spec: &Spec) -> impl Iterator<Item = (String, Cow<'_, Path>)> {
    once_each("/linux/maskedPaths", masked_paths(spec))
}

fn readonly_paths(spec: &Spec) -> &[String] {
    spec.linux().as_ref().and_then(|linux| linux.readonly_paths().as_deref()).unwrap_or_default()
}

fn masked_paths(spec: &Spec) -> &[String] {
    spec.linux().as_ref().and_then(|linux| linux.masked_paths().as_deref()).unwrap_or_default()
}

fn once_each<'s>(place: &'s str, list: &'s [String]) -> impl Iterator<Item = (String, Cow<'s, Path>)> {
    let mut seen = HashSet::new();
    let paths = list.iter().enumerate().map(|(index, path)| (index, clean(Path::new(path))));
    let once = paths.filter(move |(_, path)| seen.insert(path.as_os_str().to_owned()));
    once.map(move |(index, path)| (format!("{place}/{index}"), path))
}

/// The entries of `/mounts` that protected paths lie in: for each path the last that is mounted there or above.
pub(crate) fn held(spec: &Spec, facts: &Facts) -> HashSet<usize> {
    let protected = readonly_paths(spec).iter().chain(masked_paths(spec));
    let paths: Vec<_> = protected.map(|path| clean(Path::new(path))).collect();
    // The tree of these paths: there may be many mounts, but few are in it. 0 is the root.
    let mut children = HashMap::new();
    let mut last = vec![None];
    for path in &paths {
        names(path).fold(0, |node, name| {
            *children.entry((node, name)).or_insert_with(|| {
                last.push(None);
                last.len() - 1
            })
        });
    }
    for (index, entry) in spec.mounts().iter().flatten().enumerate() {
        let target = inside(entry.destination(), &facts.rootfs);
        let node = names(&target).try_fold(0, |node, name| children.get(&(node, name)).copied());
        if let Some(last) = node.and_then(|node| last.get_mut(node)).filter(|_| !options(entry).remount) {
            *last = Some(index);
        }
    }
    let mut held = HashSet::new();
    for path in &paths {
        let nodes = names(path).scan(0, |node, name| {
            *node = *children.get(&(*node, name))?;
            Some(*node)
        });
        held.extend(iter::once(0).chain(nodes).filter_map(|node| *last.get(node)?).max());
    }
    held
}

fn names(path: &Path) -> impl Iterator<Item = &[u8]> {
    path.as_os_str().as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty())
}
