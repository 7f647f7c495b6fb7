//! What fuzzers try here: mounts with any options.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use crate::facts::{CgroupMounts, Facts};
use crate::options::{Options, known};
use crate::{mounts, pivot, prepare, protect};
use plan::{Attributes, Handle, Inside, Source, Step, Writer};
use serde_json::json;
use spec::oci::Spec;
use std::path::{Component, Path};
use sys::mount::MOUNT_ATTR__ATIME;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Lines of text: a destination, a type, a source, and the options.
pub fn mount_options(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (destination, kind, source) = (lines.next(), lines.next(), lines.next());
    let words: Vec<_> = lines.collect();
    sorted(&words);
    let config = json!({
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs", "readonly": words.len() % 2 == 0},
        "process": {"cwd": "/", "args": ["a"], "user": {"uid": 0, "gid": 0}},
        "linux": {"namespaces": [{"type": "mount"}]},
        "mounts": [{"destination": destination, "type": kind, "source": source, "options": words}],
    });
    if let Ok(loaded) = spec::parse(config.to_string().into_bytes()) {
        planned(&loaded.spec);
    }
}

/// What no list of options may come to.
fn sorted(words: &[&str]) {
    let options = Options::new(words.iter().copied());
    let own = words.iter().filter(|word| !known().contains(word)).count();
    assert_eq!(options.own.len(), own, "a file system's own options are passed on, each");
    let atime = u64::from(MOUNT_ATTR__ATIME);
    for Attributes { set, clear, clear_unlocked, recursive_set, recursive_clear, .. } in
        [options.fresh(), options.over_old()]
    {
        assert_eq!(set & (clear | clear_unlocked) & !atime, 0, "set and cleared");
        assert_eq!(recursive_set & recursive_clear & !atime, 0, "set and cleared below");
        assert!(set & atime == 0 || clear == 0 || clear & atime == atime, "one field, cleared whole");
        assert!(recursive_set & atime == 0 || recursive_clear & atime == atime, "one field, cleared whole");
    }
}

fn planned(spec: &Spec) {
    let facts = Facts {
        cgroup: CgroupMounts::Unified { own: "/sys/fs/cgroup/a".into() },
        bundle: "/bundle".into(),
        rootfs: "/bundle/rootfs".into(),
        ..Facts::default()
    };
    let mut plan = Writer::default();
    prepare(spec, &facts, &mut plan).unwrap();
    let planned = mounts(spec, &facts, &mut |_| Handle(0), &mut plan);
    if planned.is_err() {
        return;
    }
    pivot(spec, &facts, &mut plan);
    protect(spec, &facts, &mut plan).unwrap();
    for placed in plan.steps() {
        match placed.step {
            Step::Mount(mount) => is_inside(mount.target),
            Step::Bind(bind) => {
                is_inside(bind.target);
                let (Source::Path(source) | Source::Asked(source)) = bind.source;
                assert!(source.bytes().starts_with(b"/"), "{source:?}");
            }
            Step::SetAttributes { target, .. } | Step::Remount { target, .. } => is_inside(target),
            _ => {}
        }
    }
}

/// A place in the container is told without `.` and `..`.
fn is_inside(target: Inside<'_>) {
    let path = Path::new(target.0.to_str().unwrap());
    assert!(path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_))), "{path:?}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn corpus() {
        super::replay::replay("mount_options", super::mount_options);
    }
}
