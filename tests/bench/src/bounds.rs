//! What is promised, and what a change may not make worse.
//!
//! [`BARS`] are the promises: medians, told in the report whether they are held or not. [`CHECKS`] are for every change:
//! counts that don't depend on how busy the machine is, and ratios of minima, generous against noise.

use crate::figures::Figures;
use crate::runtime::{FLOOR, OWN, Step};

/// The runtime that is the best of the others.
pub(crate) const PEER: &str = "crun";

/// What is looked at. `{}` stands for a runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// A number.
    Is(&'static str),
    /// A number in multiples of the floor's.
    ToFloor(&'static str),
    /// The first number in multiples of the second.
    Ratio(&'static str, &'static str),
    /// The first number without the second. Milliseconds for 1000 more are microseconds for each.
    Less(&'static str, &'static str),
    /// The most memory of any step of a layout and bundle.
    Peak(&'static str),
}

/// How a value is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// It is no more than this.
    AtMost(f64),
    /// It is no more than this part of the peer's.
    OfPeer(f64),
    /// It is at least so many times the peer's.
    TimesPeer(f64),
}

/// A promise or a check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    pub(crate) what: &'static str,
    pub(crate) value: Value,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
}

const fn bar(what: &'static str, value: Value, unit: &'static str, bound: Bound) -> Bar {
    Bar { what, value, unit, bound }
}

use Bound::{AtMost, OfPeer, TimesPeer};
use Value::{Is, Less, Peak, Ratio, ToFloor};

/// The promises.
#[rustfmt::skip]
pub(crate) const BARS: &[Bar] = &[
    bar("`run` of `true`, docker, v2", ToFloor("v2/docker/{}/run/median"), "x floor", AtMost(1.5)),
    bar("`run` of `true`, docker, v1", ToFloor("v1/docker/{}/run/median"), "x floor", AtMost(1.5)),
    bar("the same after 150 ms idle, v2", ToFloor("v2/docker/{}/idle/median"), "x floor", AtMost(1.5)),
    bar("the same after 150 ms idle, v1", ToFloor("v1/docker/{}/idle/median"), "x floor", AtMost(1.5)),
    bar("`run` of `true`, plain, v2", ToFloor("v2/plain/{}/run/median"), "x floor", AtMost(1.5)),
    bar("`run` of `true`, plain, v1", ToFloor("v1/plain/{}/run/median"), "x floor", AtMost(1.5)),
    bar("`exec` of `true`, docker, v2", ToFloor("v2/docker/{}/exec/median"), "x floor", AtMost(2.0)),
    bar("`exec` of `true`, docker, v1", ToFloor("v1/docker/{}/exec/median"), "x floor", AtMost(2.0)),
    bar("`create`, docker, v2", Is("v2/docker/{}/create/median"), "ms", OfPeer(0.45)),
    bar("`start`", Is("v2/docker/{}/start/median"), "ms", OfPeer(0.4)),
    bar("`state`", Is("v2/docker/{}/state/median"), "ms", OfPeer(0.4)),
    bar("`kill`", Is("v2/docker/{}/kill/median"), "ms", OfPeer(0.4)),
    bar("`delete`", Is("v2/docker/{}/delete/median"), "ms", OfPeer(0.4)),
    bar("`--version`", Is("v2/docker/{}/version/median"), "ms", OfPeer(0.4)),
    bar("256 creates at once", Is("v2/growth/{}/burst/per-second"), "a second", TimesPeer(1.6)),
    bar("`create` beside 1000 containers against none (minima)",
        Ratio("v2/growth/{}/create/1000/minimum", "v2/growth/{}/create/0/minimum"), "x", AtMost(1.1)),
    bar("`list` of 1000", Is("v2/growth/{}/list/1000/median"), "ms", OfPeer(0.4)),
    bar("each bind mount of 1000, of the root itself (minima)",
        Less("v2/growth/{}/mounts/1000/minimum", "v2/growth/{}/mounts/0/minimum"), "µs", AtMost(15.0)),
    bar("each bind mount of 1000, of directories beside the root (minima)",
        Less("v2/growth/{}/volumes/1000/minimum", "v2/growth/{}/mounts/0/minimum"), "µs", AtMost(15.0)),
    bar("1000 seccomp rules against 10, seen before (minima)",
        Less("v2/growth/{}/rules/seen/1000/minimum", "v2/growth/{}/rules/seen/10/minimum"), "ms", AtMost(1.0)),
    bar("1000 seccomp rules against 10, not seen before (minima)",
        Less("v2/growth/{}/rules/unseen/1000/minimum", "v2/growth/{}/rules/unseen/10/minimum"), "ms", AtMost(1.0)),
    bar("peak memory of any command", Peak("v2/docker"), "KiB", AtMost(2560.0)),
    bar("memory of a foreground `run` (RSS)", Is("v2/docker/{}/foreground/rss"), "KiB", AtMost(1536.0)),
    bar("memory of an init that waits for `start` (PSS)", Is("v2/docker/{}/waiting/pss"), "KiB", AtMost(307.0)),
    bar("memory of the machine a created container", Is("v2/growth/{}/machine/memory"), "KiB", AtMost(461.0)),
    bar("system calls of `run` of `true`, docker, v2", Is("v2/docker/{}/run/calls"), "", AtMost(300.0)),
    bar("system calls of `run` of `true`, docker, v1", Is("v1/docker/{}/run/calls"), "", AtMost(300.0)),
    bar("its forks", Is("v2/docker/{}/run/forks"), "", AtMost(1.0)),
    bar("its execs, with its own and `true`'s", Is("v2/docker/{}/run/execs"), "", AtMost(3.0)),
    bar("size of the program", Is("{}/size"), "KiB", AtMost(4096.0)),
    bar("smallest memory limit in which `true` runs", Is("v1/docker/{}/smallest-limit"), "KiB", AtMost(512.0)),
];

/// What every change is held to.
#[rustfmt::skip]
pub(crate) const CHECKS: &[Bar] = &[
    bar("run, docker, v2", ToFloor("v2/docker/{}/run/minimum"), "x floor", AtMost(4.0)),
    bar("run after 150 ms idle, docker, v2", ToFloor("v2/docker/{}/idle/minimum"), "x floor", AtMost(5.0)),
    bar("exec, docker, v2", ToFloor("v2/docker/{}/exec/minimum"), "x floor", AtMost(6.0)),
    bar("processor time, run, docker, v2", ToFloor("v2/docker/{}/run/cpu"), "x floor", AtMost(4.0)),
    bar("processor time, run, docker, v1", ToFloor("v1/docker/{}/run/cpu"), "x floor", AtMost(4.0)),
    bar("processor time, exec, docker, v2", ToFloor("v2/docker/{}/exec/cpu"), "x floor", AtMost(6.0)),
    bar("processor time, create, v1", Is("v1/docker/{}/create/cpu"), "ms", OfPeer(1.0)),
    bar("processor time, start, v1", Is("v1/docker/{}/start/cpu"), "ms", OfPeer(0.8)),
    bar("processor time, state, v1", Is("v1/docker/{}/state/cpu"), "ms", OfPeer(0.8)),
    bar("processor time, kill, v1", Is("v1/docker/{}/kill/cpu"), "ms", OfPeer(0.8)),
    bar("processor time, delete, v1", Is("v1/docker/{}/delete/cpu"), "ms", OfPeer(0.8)),
    bar("system calls, run, docker, v1", Is("v1/docker/{}/run/calls"), "", AtMost(575.0)),
    bar("system calls, run, docker, v2", Is("v2/docker/{}/run/calls"), "", AtMost(330.0)),
    bar("system calls, exec, docker, v2", Is("v2/docker/{}/exec/calls"), "", AtMost(205.0)),
    bar("system calls, start", Is("v2/docker/{}/start/calls"), "", AtMost(56.0)),
    bar("system calls, state", Is("v2/docker/{}/state/calls"), "", AtMost(42.0)),
    bar("system calls, kill", Is("v2/docker/{}/kill/calls"), "", AtMost(42.0)),
    bar("system calls, delete", Is("v2/docker/{}/delete/calls"), "", AtMost(45.0)),
    bar("system calls, list, each container, v2", Is("v2/plain/{}/list/calls-each"), "", AtMost(14.0)),
    bar("system calls, list, each container, v1", Is("v1/plain/{}/list/calls-each"), "", AtMost(14.0)),
    bar("forks, run", Is("v2/docker/{}/run/forks"), "", AtMost(1.0)),
    bar("execs, run", Is("v2/docker/{}/run/execs"), "", AtMost(3.0)),
    bar("threads, run", Is("v2/docker/{}/run/threads"), "", AtMost(0.0)),
    bar("page faults, run, docker", Is("v2/docker/{}/run/faults"), "", AtMost(200.0)),
    bar("page faults, state", Is("v2/docker/{}/state/faults"), "", AtMost(65.0)),
    bar("memory of an init that waits (PSS)", Is("v2/docker/{}/waiting/pss"), "KiB", AtMost(307.0)),
    bar("size of the program", Is("{}/size"), "KiB", AtMost(4700.0)),
    bar("instructions of plan, docker", Is("v2/{}/instructions"), "", AtMost(3_400_000.0)),
];

/// A bar and what was measured.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) bar: Bar,
    /// Of the peer, where it was measured.
    pub(crate) peer: Option<f64>,
    /// Of our own.
    pub(crate) own: f64,
    pub(crate) held: bool,
}

/// Judges what was measured; nothing is said of what was not.
pub(crate) fn judge(bars: &[Bar], figures: &Figures) -> Vec<Judged> {
    let judged = bars.iter().filter_map(|bar| {
        let own = bar.value.of(OWN, figures)?;
        let peer = bar.value.of(PEER, figures);
        let held = match bar.bound {
            AtMost(most) => own <= most,
            OfPeer(part) => own <= peer? * part,
            TimesPeer(times) => own >= peer? * times,
        };
        Some(Judged { bar: *bar, peer, own, held })
    });
    judged.collect()
}

impl Value {
    /// What it is for a runtime.
    pub(crate) fn of(self, runtime: &str, figures: &Figures) -> Option<f64> {
        let get = |name: &str, runtime| figures.get(&name.replace("{}", runtime));
        match self {
            Is(name) => get(name, runtime),
            ToFloor(name) => Some(get(name, runtime)? / get(name, FLOOR)?),
            Ratio(one, other) => Some(get(one, runtime)? / get(other, runtime)?),
            Less(one, other) => Some(get(one, runtime)? - get(other, runtime)?),
            Peak(start) => {
                let peaks = Step::ALL.iter().filter_map(|step| {
                    let name = format!("{start}/{runtime}/{}/peak", step.key());
                    figures.get(&name)
                });
                peaks.reduce(f64::max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BARS, Bound, CHECKS, Value, bar, judge};
    use crate::figures::Figures;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        for (name, number) in [("floor/run", 2.0), ("cofferdam/run", 3.0), ("crun/run", 6.0)] {
            figures.set(&[name], number);
        }
        figures
    }

    #[test]
    fn each_bound_can_be_held_and_missed() {
        let to_floor = Value::ToFloor("{}/run");
        for (value, bound, held) in [
            (to_floor, Bound::AtMost(1.5), true),
            (to_floor, Bound::AtMost(1.4), false),
            (Value::Is("{}/run"), Bound::OfPeer(0.5), true),
            (Value::Is("{}/run"), Bound::OfPeer(0.4), false),
            (Value::Is("{}/run"), Bound::TimesPeer(0.5), true),
            (Value::Is("{}/run"), Bound::TimesPeer(0.6), false),
        ] {
            let judged = judge(&[bar("", value, "", bound)], &figures());
            assert_eq!(judged.first().map(|judged| judged.held), Some(held), "{bound:?}");
        }
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert!(judge(BARS, &figures()).is_empty());
        assert!(judge(CHECKS, &figures()).is_empty());
    }
}
