//! Where a container's cgroup is: a directory in each hierarchy.

use crate::error::{Error, Result};
use crate::layout::{Layout, beneath, clean};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The directories of a container's cgroup by controller (v1; `name=systemd` for a hierarchy without one), and
/// under "" in the v2 hierarchy. Empty where the container has no cgroup of its own. This is what state.json
/// keeps as `cgroup_paths`, and all that later calls need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Paths(BTreeMap<String, PathBuf>);

impl From<BTreeMap<String, PathBuf>> for Paths {
    fn from(map: BTreeMap<String, PathBuf>) -> Self {
        Paths(map)
    }
}

impl From<Paths> for BTreeMap<String, PathBuf> {
    fn from(paths: Paths) -> Self {
        paths.0
    }
}

impl Paths {
    /// The place that `cgroupsPath` names: absolute from the root of each hierarchy; relative from this
    /// process's own cgroup (v1), or from the one above it (v2, where a cgroup with processes can't have
    /// limited children); absent: as if it were the id.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it names a hierarchy's root itself, which can't be limited or removed.
    pub(crate) fn choose(layout: &Layout, cgroups_path: Option<&Path>, id: &str) -> Result<Self> {
        let asked = cgroups_path.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new(id));
        let inner = clean(asked);
        if inner == Path::new("/") {
            let reason =
                format!("{} is the root of the hierarchy, not a cgroup of the container's own", asked.display());
            return Err(Error::invalid("/linux/cgroupsPath", reason));
        }
        let place = |mount: &Path, parent: &Path| {
            beneath(&if asked.is_absolute() { mount.to_owned() } else { beneath(mount, parent) }, &inner)
        };
        let mut paths = BTreeMap::new();
        let unified = match layout {
            Layout::Unified(unified) => Some((unified, unified.own.parent().unwrap_or(&unified.own))),
            Layout::Legacy { hierarchies, unified } => {
                for hierarchy in hierarchies {
                    let path = place(&hierarchy.mount, &hierarchy.own);
                    paths.extend(hierarchy.controllers.iter().map(|name| (name.clone(), path.clone())));
                }
                unified.as_ref().map(|unified| (unified, unified.own.as_path()))
            }
        };
        if let Some((unified, parent)) = unified {
            paths.insert(String::new(), place(&unified.mount, parent));
        }
        Ok(Paths(paths))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first by controller.
    pub fn first(&self) -> Option<&Path> {
        self.0.values().next().map(PathBuf::as_path)
    }

    /// The v1 directory of a controller (or `name=…`), or with "" the v2 directory.
    pub fn get(&self, controller: &str) -> Option<&Path> {
        self.0.get(controller).map(PathBuf::as_path)
    }

    /// The directory in the v2 hierarchy.
    pub fn unified(&self) -> Option<&Path> {
        self.get("")
    }

    /// Whether v2 is all there is.
    pub fn is_unified(&self) -> bool {
        self.unified().is_some() && self.0.len() == 1
    }

    /// The v1 directories, each once: controllers may share a hierarchy.
    pub fn legacy(&self) -> Vec<&Path> {
        let mut directories: Vec<&Path> = Vec::new();
        for (_, path) in self.0.iter().filter(|(name, _)| !name.is_empty()) {
            if !directories.contains(&path.as_path()) {
                directories.push(path);
            }
        }
        directories
    }

    /// All directories, each once, the v2 one last.
    pub(crate) fn directories(&self) -> Vec<&Path> {
        self.legacy().into_iter().chain(self.unified()).collect()
    }

    /// The directory whose processes are the container's: any would do, since it is in all; `devices` is the
    /// one that nobody can leave.
    pub(crate) fn processes(&self) -> Option<&Path> {
        let legacy = || self.0.iter().find(|(name, _)| !name.is_empty() && !name.contains('='));
        self.get("devices").or_else(|| legacy().map(|(_, path)| path.as_path())).or_else(|| self.unified())
    }

    /// Forgets a directory.
    pub(crate) fn drop(&mut self, directory: &Path) {
        self.0.retain(|_, path| path != directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Hierarchy, Unified};

    fn unified(mount: &str, own: &str) -> Unified {
        Unified { mount: mount.into(), own: own.into(), controllers: Vec::new() }
    }

    fn legacy() -> Layout {
        let hierarchy = |names: &[&str], mount: &str, own: &str| Hierarchy {
            controllers: names.iter().map(ToString::to_string).collect(),
            mount: mount.into(),
            own: own.into(),
        };
        Layout::Legacy {
            hierarchies: vec![
                hierarchy(&["cpu", "cpuacct"], "/c/cpu", "/own"),
                hierarchy(&["name=systemd"], "/c/systemd", "/"),
            ],
            unified: Some(unified("/c/unified", "/u")),
        }
    }

    fn shown(layout: &Layout, path: Option<&str>) -> Vec<(String, String)> {
        let paths = Paths::choose(layout, path.map(Path::new), "id").unwrap();
        paths.0.into_iter().map(|(name, path)| (name, path.to_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn absolute_relative_and_absent() {
        let one = |layout: &Layout, path| shown(layout, path).remove(0).1;
        for (own, path, chosen) in [
            ("/a/b", Some("/x/y"), "/m/x/y"),
            ("/a/b", Some("x"), "/m/a/x"),
            ("/a/b", Some("../../../x/../y"), "/m/a/y"),
            ("/a/b", None, "/m/a/id"),
            ("/a/b", Some(""), "/m/a/id"),
            ("/", Some("x"), "/m/x"),
            ("/", Some("/../x/."), "/m/x"),
        ] {
            assert_eq!(one(&Layout::Unified(unified("/m", own)), path), chosen, "{own} {path:?}");
        }
        let expected = [
            ("", "/c/unified/u/x"),
            ("cpu", "/c/cpu/own/x"),
            ("cpuacct", "/c/cpu/own/x"),
            ("name=systemd", "/c/systemd/x"),
        ];
        assert_eq!(shown(&legacy(), Some("x")), expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
    }

    #[test]
    fn a_hierarchy_s_root_is_nobody_s() {
        for path in ["/", "..", "/a/..", "."] {
            let error = Paths::choose(&legacy(), Some(Path::new(path)), "id").unwrap_err();
            assert_eq!(error.place(), Some("/linux/cgroupsPath"), "{path}");
        }
    }

    #[test]
    fn directories_are_named_once() {
        let paths = Paths::choose(&legacy(), Some(Path::new("/x")), "id").unwrap();
        let found: Vec<_> = paths.directories().iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(found, ["/c/cpu/x", "/c/systemd/x", "/c/unified/x"]);
        assert_eq!(paths.processes(), Some(Path::new("/c/cpu/x")));
    }

    #[test]
    fn state_keeps_a_plain_map() {
        let paths = Paths::choose(&legacy(), Some(Path::new("/x")), "id").unwrap();
        let json = serde_json::to_string(&paths).unwrap();
        assert!(json.starts_with(r#"{"":"/c/unified/x","cpu":"/c/cpu/x""#), "{json}");
        assert_eq!(serde_json::from_str::<Paths>(&json).unwrap(), paths);
    }
}
