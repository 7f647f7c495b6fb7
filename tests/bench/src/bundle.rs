//! The two kinds of bundle, and what is changed in them to see how cost grows. Containers exist side by side, so each
//! has a folder of its own, whose name is the container's id.

use crate::layout::Layout;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a config asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What `cofferdam spec` writes.
    Plain,
    /// What dockerd writes for `docker run -m 64m --cpus 0.5 --pids-limit 20`, but for its hook.
    Docker,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Kind; 2] = [Kind::Docker, Kind::Plain];

    /// What the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::Docker => "docker",
        }
    }

    /// What it is.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Kind::Plain => {
                "`plain`: the config that `cofferdam spec` writes (5 or 6 namespaces, 7 mounts, no limits, no seccomp \
                 filter)."
            }
            Kind::Docker => {
                "`docker`: the config that dockerd wrote, with its default seccomp profile (357 names), 14 capabilities, \
                 7 mounts and 3 binds, masked paths, device rules, and, where the controllers are there, limits of \
                 memory, CPU time and processes."
            }
        }
    }
}

/// The folders of one runtime and kind.
#[derive(Debug)]
pub(crate) struct Bundles {
    /// Its program ends at once.
    pub(crate) short: PathBuf,
    /// Its program stays.
    pub(crate) long: PathBuf,
}

/// Where all of them are, and what their containers' ids and cgroups begin with.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) tag: &'a str,
    pub(crate) layout: &'a Layout,
    /// What `cofferdam spec` wrote.
    pub(crate) plain: &'a Value,
}

impl Place<'_> {
    /// Writes the bundles of a runtime.
    pub(crate) fn write(&self, kind: Kind, runtime: &str) -> io::Result<Bundles> {
        Ok(Bundles {
            short: self.write_one(kind, &format!("{runtime}-true"), &["true"], |_| ())?,
            long: self.write_one(kind, &format!("{runtime}-sleep"), &["sleep", "1000"], |_| ())?,
        })
    }

    /// Writes a bundle with something changed in its config.
    pub(crate) fn write_one(
        &self,
        kind: Kind,
        name: &str,
        arguments: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> io::Result<PathBuf> {
        let id = format!("{}-{}-{name}", self.tag, kind.name());
        let folder = self.folder.join(&id);
        fs::create_dir_all(&folder)?;
        let mut config = self.config(kind, &id, arguments);
        change(&mut config);
        fs::write(folder.join("config.json"), config.to_string())?;
        Ok(folder)
    }

    /// The root file system of all.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.folder.join("rootfs")
    }

    fn config(&self, kind: Kind, id: &str, arguments: &[&str]) -> Value {
        let mut config = match kind {
            Kind::Plain => self.plain.clone(),
            Kind::Docker => self.docker(),
        };
        config["ociVersion"] = json!("1.0.2");
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(arguments);
        config["root"]["path"] = json!(self.rootfs());
        config["linux"]["cgroupsPath"] = json!(format!("/{id}"));
        config
    }

    /// dockerd's config, as a test of the parser keeps it: its hook is its own, its binds are files of ours.
    fn docker(&self) -> Value {
        let mut config = parse(include_str!("../../../crates/spec/tests/configs/docker.json"));
        let limited = parse(include_str!("../../../crates/spec/tests/configs/docker-limits.json"));
        if let Some(top) = config.as_object_mut() {
            top.remove("hooks");
        }
        for what in ["memory", "cpu", "pids"] {
            config["linux"]["resources"][what] = limited["linux"]["resources"][what].clone();
        }
        // To be held on one processor that others use is no cost of the runtime's.
        if let Some(cpu) = config["linux"]["resources"]["cpu"].as_object_mut() {
            cpu.remove("cpus");
        }
        if let Some(resources) = config["linux"]["resources"].as_object_mut().filter(|_| !self.layout.limits) {
            resources.retain(|what, _| what == "devices");
        }
        // With v2, dockerd gives each container a cgroup namespace.
        if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut().filter(|_| self.layout.is_v2()) {
            namespaces.push(json!({"type": "cgroup"}));
        }
        for mount in config["mounts"].as_array_mut().into_iter().flatten() {
            if mount["type"] == "bind" {
                let file = mount["destination"].as_str().unwrap_or_default().trim_start_matches('/');
                mount["source"] = json!(self.rootfs().join(file));
            }
        }
        config
    }
}

/// The seccomp section of the docker bundle.
pub(crate) fn docker_filter() -> Value {
    parse(include_str!("../../../crates/spec/tests/configs/docker.json"))["linux"]["seccomp"].take()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
