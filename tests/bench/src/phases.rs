//! Where the time goes: each phase of a step, of the floor by its `--phases`, of Cofferdam by its `--trace`.

use crate::figures::Figures;
use crate::rounds::Racer;
use crate::runtime::Step;
use crate::sample::{Outcome, measure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The phases that the floor has, in its order: what figures call them, and what they are.
pub(crate) const PHASES: [(&str, &str); 20] = [
    ("cgroups", "cgroups made"),
    ("limits", "limits and device rules"),
    ("clone", "the clone with its namespaces"),
    ("join", "cgroups (v1) or namespaces (`exec`) joined"),
    ("root", "propagation, the root bound"),
    ("mounts", "mounts"),
    ("cgroup_mount", "cgroups mounted"),
    ("binds", "binds"),
    ("nodes", "devices and links"),
    ("pivot", "pivot_root"),
    ("hostname", "hostname"),
    ("sysctls", "sysctls"),
    ("readonly", "read-only paths"),
    ("masks", "masked paths"),
    ("process", "user, groups, limits, OOM score, directory"),
    ("bounding", "bounding set"),
    ("seccomp", "seccomp filter installed"),
    ("capabilities", "capabilities"),
    ("outside", "not traced: the runtime's start and end, `true`, cgroups removed"),
    ("whole", "**the whole, as a caller sees it**"),
];

/// What is no work but waiting for the other process.
pub(crate) const WAITS: [&str; 4] =
    ["runtime: UntilReady", "runtime: UntilExecuted", "init: Ready", "init: AwaitStart"];

/// The steps whose phases are told.
pub(crate) const STEPS: [Step; 2] = [Step::Run, Step::Exec];

/// Samples of each phase, microseconds.
#[derive(Default)]
pub(crate) struct Samples(BTreeMap<String, Vec<f64>>);

impl Samples {
    fn add(&mut self, parts: BTreeMap<String, f64>) {
        for (name, time) in parts {
            self.0.entry(name).or_default().push(time);
        }
    }

    /// Takes a sample by a command's own trace, written to `file`.
    pub(crate) fn trace(&mut self, line: &[OsString], file: &Path, errors: &Path) -> io::Result<()> {
        if let Outcome::Ended(wall) = measure(line, errors)? {
            self.add(own_parts(&serde_json::from_slice(&fs::read(file)?)?, wall));
        }
        Ok(())
    }

    pub(crate) fn note(self, name: &[&str], figures: &mut Figures) {
        for (phase, mut times) in self.0 {
            times.sort_unstable_by(f64::total_cmp);
            let places = [("minimum", 0), ("median", times.len() / 2)];
            for (what, time) in places.iter().filter_map(|(what, place)| Some((what, times.get(*place)?))) {
                figures.set(&[name, &["phase", what, &phase]].concat(), *time);
            }
        }
    }
}

/// Measures the phases of the floor and of Cofferdam in turn.
pub(crate) fn measure_all(
    floor: &mut Racer,
    own: &mut Racer,
    times: usize,
    start: &[&str],
    figures: &mut Figures,
) -> io::Result<()> {
    for step in STEPS {
        let (mut of_floor, mut of_own) = (Samples::default(), Samples::default());
        if step.needs_container() {
            own.prepare(step)?;
        }
        for _ in 0..times {
            let errors = floor.bundle(step).join("phases");
            if let Outcome::Ended(wall) = measure(&floor.command(step, &["--phases"]), &errors)? {
                of_floor.add(floor_parts(&fs::read_to_string(&errors)?, wall));
            }
            let file = own.bundle(step).join("trace.json");
            let options = ["--trace", file.to_str().unwrap_or_default()];
            of_own.trace(&own.command(step, &options), &file, &own.bundle(step).join("stderr"))?;
        }
        own.tidy()?;
        of_floor.note(&[start, &["floor", step.key()]].concat(), figures);
        of_own.note(&[start, &["cofferdam", step.key()]].concat(), figures);
    }
    Ok(())
}

/// Lines of a name and nanoseconds.
fn floor_parts(text: &str, wall: Duration) -> BTreeMap<String, f64> {
    let mut parts = BTreeMap::new();
    for line in text.lines() {
        let Some((name, time)) = line.split_once(' ') else { continue };
        let name = match name {
            "devices" => "limits",
            // Our trace has ended by then.
            "program" | "remove" => continue,
            name => name,
        };
        *parts.entry(name.to_owned()).or_default() += time.parse::<f64>().unwrap_or_default() / 1000.0;
    }
    let traced = parts.values().sum();
    complete(parts, wall, traced)
}

/// The events of a trace: there, processes work side by side.
fn own_parts(trace: &Value, wall: Duration) -> BTreeMap<String, f64> {
    let mut parts = BTreeMap::new();
    let (mut begin, mut end) = (f64::INFINITY, 0.0_f64);
    for event in trace["traceEvents"].as_array().into_iter().flatten() {
        let (Some(who), Some(what)) = (event["cat"].as_str(), event["name"].as_str()) else { continue };
        let [start, took] = ["ts", "dur"].map(|key| event[key].as_f64().unwrap_or_default());
        (begin, end) = (begin.min(start), end.max(start + took));
        *parts.entry(phase(who, what)).or_default() += took;
    }
    complete(parts, wall, (end - begin).max(0.0))
}

fn complete(mut parts: BTreeMap<String, f64>, wall: Duration, traced: f64) -> BTreeMap<String, f64> {
    let whole = wall.as_secs_f64() * 1e6;
    parts.insert("outside".to_owned(), whole - traced);
    parts.insert("whole".to_owned(), whole);
    parts
}

/// The floor's phase that a step of ours belongs to; its own name where the floor does no such thing.
fn phase(who: &str, what: &str) -> String {
    let name = what.split(' ').next().unwrap_or_default();
    let in_cgroups = what.contains(" /sys/fs/cgroup");
    let phase = match name {
        "MakeCgroups" => "cgroups",
        "SetLimits" | "SetDevices" => "limits",
        "Clone" | "NewNamespaces" => "clone",
        "JoinCgroup" | "EnterNamespacesOf" | "EnterNamespace" | "Reborn" => "join",
        "Propagation" | "ParentPrivate" | "OpenRoot" => "root",
        "Mount" | "Bind" | "SetAttributes" if in_cgroups => "cgroup_mount",
        "SetAttributes" if what == "SetAttributes" => "cgroup_mount",
        "Mount" => "mounts",
        "Bind" => "binds",
        "Device" | "Link" => "nodes",
        "PivotRoot" | "ReadonlyRoot" => "pivot",
        "Hostname" => "hostname",
        "Sysctl" => "sysctls",
        "ReadonlyPath" => "readonly",
        "MaskPath" => "masks",
        "Umask" | "WorkingDirectory" | "Groups" | "User" | "ResourceLimit" | "NoNewPrivileges" | "OomScore" => {
            "process"
        }
        "BoundingSet" | "KeepCapabilities" => "bounding",
        "Seccomp" => "seccomp",
        "Capabilities" => "capabilities",
        _ => return format!("{who}: {name}"),
    };
    phase.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{floor_parts, own_parts, phase};
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn steps_of_one_phase_are_summed_and_what_the_floor_lacks_keeps_its_name() {
        let trace = json!({"traceEvents": [
            {"cat": "init", "name": "MaskPath /proc/a", "ts": 11.0, "dur": 2.0},
            {"cat": "init", "name": "MaskPath /b", "ts": 13.0, "dur": 2.5},
            {"cat": "runtime", "name": "plan", "ts": 10.0, "dur": 3.0}]});
        let parts = own_parts(&trace, Duration::from_micros(9));
        let parts: Vec<_> = parts.iter().map(|(name, time)| (name.as_str(), *time)).collect();
        assert_eq!(parts, [("masks", 4.5), ("outside", 3.5), ("runtime: plan", 3.0), ("whole", 9.0)]);
    }

    #[test]
    fn the_floor_says_a_phase_a_line() {
        let parts = floor_parts("limits 1000\ndevices 500\nprogram 300\n", Duration::from_micros(2));
        assert_eq!((parts.get("limits"), parts.get("outside")), (Some(&1.5), Some(&0.5)));
    }

    #[test]
    fn a_mount_of_cgroups_is_a_phase_of_its_own() {
        assert_eq!(phase("init", "Mount /proc"), "mounts");
        assert_eq!(phase("init", "Bind /sys/fs/cgroup/cpu"), "cgroup_mount");
        assert_eq!(phase("init", "Bind /etc/hosts"), "binds");
    }
}
