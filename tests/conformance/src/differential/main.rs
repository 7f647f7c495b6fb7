//! The same config, run by Cofferdam and by runc: what the probe sees inside must be the same, or explained.
//!
//! The reasons stand in `explained.rs`, and in docs/compatibility.md, which is held against it.
//! The configs are drawn from the specification's fields, always the same ones; `PROPTEST_CASES` says how many (500).
//! `RUNTIME` names Cofferdam, `PEER` the other one; else runc of the PATH.

mod compare;
mod explained;
mod generate;
mod see;

use compare::Difference;
use generate::Change;
use harness::{host, programs};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Mutex;
use std::thread;

/// Every reason stands there.
const PAGE: &str = include_str!("../../../../docs/compatibility.md");

fn main() {
    // Among tests that were named, this one was not.
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-')) {
        return;
    }
    let peer = std::env::var_os("PEER").map(PathBuf::from).or_else(|| programs::find("runc"));
    let Some(peer) = peer.filter(|_| host::is_root()) else {
        println!("skipped: differential: needs root, and runc");
        return;
    };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    let tally = Tally::of(&configs(cases), &programs::runtime(), &peer);
    tally.tell();
    let result = if tally.unexplained.is_empty() { "ok" } else { "FAILED" };
    println!("test result: {result}. {} passed; {} failed; 0 ignored", tally.total - tally.failed, tally.failed);
    exit(i32::from(tally.failed > 0));
}

/// What came of all configs.
#[derive(Default)]
struct Tally {
    total: u32,
    alike: u32,
    failed: u32,
    /// In how many configs each reason explains something.
    explained: BTreeMap<&'static str, u32>,
    /// By place: in how many configs, a difference, and the smallest of the configs.
    unexplained: BTreeMap<String, (u32, Difference, Vec<Change>)>,
}

/// The configs, the same ones each time.
fn configs(count: usize) -> Vec<Vec<Change>> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let changes = generate::changes();
    (0..count).map(|_| changes.new_tree(&mut runner).expect("a config").current()).collect()
}

impl Tally {
    fn of(configs: &[Vec<Change>], ours: &Path, peer: &Path) -> Self {
        let (next, tally) = (Mutex::new(configs.iter()), Mutex::new(Tally::default()));
        let work = || {
            loop {
                let Some(changes) = next.lock().expect("the queue").next() else { return };
                let differences = compare::differences(&see::seen(ours, changes), &see::seen(peer, changes));
                tally.lock().expect("the tally").add(changes, differences);
            }
        };
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(work);
            }
        });
        tally.into_inner().expect("the tally")
    }

    fn add(&mut self, changes: &[Change], differences: Vec<Difference>) {
        self.total += 1;
        self.alike += u32::from(differences.is_empty());
        let config: Vec<&str> = changes.iter().flatten().map(|(pointer, _)| pointer.as_str()).collect();
        let mut reasons = BTreeSet::new();
        let mut failed = false;
        for difference in differences {
            let reason = explained::reason(&config, &difference).filter(|reason| PAGE.contains(reason));
            if let Some(reason) = reason {
                reasons.insert(reason);
                continue;
            }
            failed = true;
            let place = difference.place.clone();
            let entry = self.unexplained.entry(place).or_insert_with(|| (0, difference, changes.to_vec()));
            entry.0 += 1;
            if changes.len() < entry.2.len() {
                entry.2 = changes.to_vec();
            }
        }
        self.failed += u32::from(failed);
        for reason in reasons {
            *self.explained.entry(reason).or_default() += 1;
        }
    }

    fn tell(&self) {
        for (place, (count, difference, changes)) in &self.unexplained {
            println!(
                "{count:5}  {place}: ours {}, theirs {}, with {}",
                difference.ours,
                difference.theirs,
                json!(changes)
            );
        }
        println!("{} configs seen alike; of the others, explained:", self.alike);
        for (reason, count) in &self.explained {
            println!("{count:5}  {reason}");
        }
    }
}
