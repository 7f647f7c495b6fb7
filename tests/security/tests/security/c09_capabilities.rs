//! SECURITY C9: the process has exactly the capabilities of the config's five lists, and what executing a program makes
//! of them: CVE-2022-24769, CVE-2022-29162. Held against a model of capabilities(7) that shares nothing with the runtime.
//!
//! Controls: the mutants `c09-`. Debian's runc 1.1.5 has the fixes.

use harness::bundle::seen;
use harness::{Bundle, host, need_cofferdam, need_root};
use rig::privileged::{all_capabilities, capability};
use rig::rounds;
use serde_json::{Value, json};
use std::collections::BTreeSet;

type Set = BTreeSet<String>;

/// Five lists.
#[derive(Debug, Clone, Default)]
struct Sets {
    bounding: Set,
    effective: Set,
    permitted: Set,
    inheritable: Set,
    ambient: Set,
}

/// xorshift: the same draws in each run.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    /// None, some or nearly all of `of`.
    fn subset(&mut self, of: &[String]) -> Set {
        let share = [0, 1, 3, 7][self.next(4)];
        of.iter().filter(|_| self.next(8) < share).cloned().collect()
    }

    /// Lists in any relation to each other, or, more often, in one that the kernel takes.
    fn sets(&mut self, of: &[String]) -> Sets {
        let mut list = || self.subset(of);
        let mut sets =
            Sets { bounding: list(), effective: list(), permitted: list(), inheritable: list(), ambient: list() };
        if self.next(3) > 0 {
            sets.permitted.extend(sets.ambient.iter().cloned());
            sets.inheritable.extend(sets.ambient.iter().cloned());
            sets.bounding.extend(sets.inheritable.iter().cloned());
            sets.effective = &sets.effective & &sets.permitted;
        }
        sets
    }
}

impl Sets {
    fn json(&self) -> Value {
        json!({"bounding": self.bounding, "effective": self.effective, "permitted": self.permitted,
            "inheritable": self.inheritable, "ambient": self.ambient})
    }

    /// What init has of these: never more than is listed and there is to give; what the kernel would refuse, or what
    /// would go beyond the bounding set, is left out.
    fn set(&self, held: &Set) -> Self {
        let of = |set: &Set| set & held;
        let (bounding, permitted) = (of(&self.bounding), of(&self.permitted));
        let inheritable = &of(&self.inheritable) & &bounding;
        let ambient = &(&of(&self.ambient) & &permitted) & &inheritable;
        Sets { effective: &of(&self.effective) & &permitted, bounding, permitted, inheritable, ambient }
    }

    /// Execution of a program without capabilities of its own. capabilities(7), "Transformation of capabilities during
    /// execve", "Capabilities and execution of programs by root"; `no_new_privs` in prctl(2).
    fn executed(&self, root: bool, no_new_privileges: bool) -> Self {
        let mut permitted = self.ambient.clone();
        if root {
            permitted.extend(self.inheritable.iter().chain(&self.bounding).cloned());
            if no_new_privileges && !permitted.is_subset(&self.permitted) {
                permitted = &permitted & &self.permitted;
            }
        }
        let effective = if root { permitted.clone() } else { self.ambient.clone() };
        Sets { effective, permitted, ..self.clone() }
    }

    /// `exec --cap`.
    fn with(&self, added: &Set) -> Self {
        let mut sets = self.clone();
        for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
            set.extend(added.iter().cloned());
        }
        if !sets.inheritable.is_empty() {
            sets.ambient.extend(added.iter().cloned());
        }
        sets
    }
}

/// What the probe saw, by the kernel's names.
fn status(seen: &Value) -> [Set; 5] {
    ["CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb"].map(|key| {
        let mask = u64::from_str_radix(seen["status"][key].as_str().unwrap(), 16).unwrap();
        (0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| capability(bit).unwrap()).collect()
    })
}

#[track_caller]
fn agrees(how: &str, seen: &Value, asked: &Sets, user: u32, no_new_privileges: bool) {
    let held: Set = all_capabilities().into_iter().collect();
    let Sets { bounding, effective, permitted, inheritable, ambient } =
        asked.set(&held).executed(user == 0, no_new_privileges);
    let wanted = [bounding, effective, permitted, inheritable, ambient];
    assert_eq!(status(seen), wanted, "{how} as {user}, no new privileges: {no_new_privileges}, of {}", asked.json());
}

/// All that the kernel knows, also what this machine can't give.
fn all() -> Vec<String> {
    (0..41).filter_map(capability).collect()
}

fn process(draw: &mut Draw, sets: &Sets) -> (Value, u32, bool) {
    let (user, no_new_privileges) = ([0, 1000][draw.next(2)], draw.next(2) == 0);
    let process = json!({"cwd": "/", "args": ["/probe"], "user": {"uid": user, "gid": user}, "env": ["PATH=/bin"],
        "capabilities": sets.json(), "noNewPrivileges": no_new_privileges});
    (process, user, no_new_privileges)
}

#[test]
fn run_and_exec_agree_with_the_model() {
    need_root!();
    need_cofferdam!("runc refuses what it can't set whole");
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let times = if host::is_user_mode() { 3 } else { 200 };
    for _ in 0..times {
        let sets = draw.sets(&all());
        let (process, user, no_new_privileges) = process(&mut draw, &sets);
        let mut bundle = Bundle::new().with("/process", process);
        bundle.set("/process/env/-", json!(format!("COFFERDAM_TEST={}", bundle.tag())));
        agrees("run", &seen(&bundle.run().ok()), &sets, user, no_new_privileges);
        bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
        bundle.up();
        agrees("exec", &bundle.exec_probe(&[], &[]), &sets, user, no_new_privileges);
        let added: Set = draw.subset(&all());
        let options: Vec<&str> = added.iter().flat_map(|name| ["--cap", name]).collect();
        let asked = if added.is_empty() { sets } else { sets.with(&added) };
        agrees("exec --cap", &bundle.exec_probe(&options, &[]), &asked, user, no_new_privileges);
    }
}

#[test]
fn exec_process_agrees_with_the_model() {
    need_root!();
    need_cofferdam!("runc refuses what it can't set whole");
    let mut draw = Draw(0xdead_beef_cafe_f00d);
    let bundle = Bundle::of_sleep();
    bundle.up();
    let times = if host::is_user_mode() { 5 } else { rounds(200, 2000) };
    for _ in 0..times {
        let sets = draw.sets(&all());
        let (process, user, no_new_privileges) = process(&mut draw, &sets);
        let seen = seen(&bundle.exec_process(&process).ok());
        agrees("exec --process", &seen, &sets, user, no_new_privileges);
    }
}

/// A list that is not there is empty; a config without any has none.
#[test]
fn what_is_not_listed_is_absent() {
    need_root!();
    let held = all_capabilities();
    for (name, lists) in [
        ("nothing", Value::Null),
        ("no lists", json!({})),
        ("bounding", json!({"bounding": held})),
        ("bounding and permitted", json!({"bounding": held, "permitted": held})),
    ] {
        let mut bundle = Bundle::new().with("/process/capabilities", lists.clone());
        bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        let [bounding, rest @ ..] = status(&bundle.probe(&[]));
        let wanted: Set = if lists["bounding"].is_array() { held.iter().cloned().collect() } else { Set::new() };
        assert_eq!(bounding, wanted, "{name}");
        assert!(rest.iter().all(Set::is_empty), "{name}: {rest:?}");
    }
}

/// A newer kernel's names are no error in a config, as runc has it; they give nothing.
#[test]
fn unknown_names_give_nothing() {
    need_root!();
    need_cofferdam!("runc warns of unknown names everywhere");
    let bundle = Bundle::of_sleep();
    bundle.up();
    for name in ["CAP_NONE", "cap_chown ", "", "*", "ALL", "CAP_CHOWN,CAP_KILL", "21"] {
        bundle.call(["exec", "--cap", name, bundle.id(), "/bin/true"]).fails();
        let lists = json!({"bounding": [name], "permitted": [name], "effective": [name]});
        let outcome = Bundle::new().with("/process/capabilities", lists).run();
        if outcome.code == 0 {
            assert!(status(&seen(&outcome)).iter().all(Set::is_empty), "{name}");
            outcome.says("is ignored");
        } else {
            outcome.fails();
        }
    }
}
