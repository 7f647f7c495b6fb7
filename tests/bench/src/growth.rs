//! How cost grows: with mounts, with seccomp rules, with containers that stand.

use crate::bundle::{Kind, Place};
use crate::figures::Figures;
use crate::layout::Layout;
use crate::memory::available;
use crate::phases::Samples;
use crate::runtime::{OWN, Runtime, Step};
use crate::sample::{Outcome, measure};
use crate::standing::{AT_ONCE, Standing};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The numbers of bind mounts that are tried.
pub(crate) const MOUNTS: [usize; 4] = [0, 10, 100, 1000];
/// The number of bind mounts of directories beside the root.
pub(crate) const VOLUMES: usize = 1000;
/// The numbers of seccomp rules with a condition.
pub(crate) const RULES: [usize; 2] = [10, 1000];
/// How many containers are created at once.
pub(crate) const BURST: usize = 256;
/// How many are made by then and by the end; the last only where that is quick.
pub(crate) const STANDING: [usize; 3] = [0, BURST, 1000];
/// Samples of each.
const TIMES: usize = 20;
/// Rounds of `run`.
const ROUNDS: usize = 40;

/// Measures all of one runtime, with no more containers than `most`.
pub(crate) struct Growth<'a> {
    pub(crate) runtime: &'a Runtime,
    /// The floor, where it is to be run beside the runtime's containers: what the kernel alone takes longer.
    pub(crate) floor: Option<&'a Runtime>,
    pub(crate) place: &'a Place<'a>,
    pub(crate) figures: &'a mut Figures,
    pub(crate) most: usize,
}

/// A bundle that is run in each round.
struct Variant<'v> {
    /// What stands in its figures' name.
    name: Vec<String>,
    /// Writes it, for a round.
    bundle: Box<dyn Fn(usize) -> io::Result<PathBuf> + 'v>,
}

impl Variant<'_> {
    fn name(&self) -> Vec<&str> {
        self.name.iter().map(String::as_str).collect()
    }
}

impl Growth<'_> {
    fn name(&self, rest: &[&str]) -> String {
        format!("{}/growth/{}/{}", self.place.layout.name, self.runtime.name, rest.join("/"))
    }

    fn times(&mut self, rest: &[&str], times: &[Duration]) {
        self.figures.times(&[&self.name(rest)], times);
    }

    fn set(&mut self, rest: &[&str], number: f64) {
        self.figures.set(&[&self.name(rest)], number);
    }

    fn failed(&mut self, rest: &[&str], said: &str) {
        self.figures.remark(&[&self.name(rest), "trouble"], said);
    }

    /// Runs bundles in rounds, so that what else happens on the machine falls on all alike. One round before does not count.
    fn rounds(&mut self, variants: &[Variant<'_>]) -> io::Result<()> {
        let mut all: Vec<_> = variants.iter().map(|variant| (variant, Vec::new(), true)).collect();
        for round in 0..=ROUNDS {
            for (variant, times, runs) in all.iter_mut().filter(|(_, _, runs)| *runs) {
                let bundle = (variant.bundle)(round)?;
                let line = self.runtime.command(Step::Run, Kind::Plain, &bundle, &[]);
                match measure(&line, &bundle.join("stderr"))? {
                    Outcome::Ended(wall) if round > 0 => times.push(wall),
                    Outcome::Ended(_) => {}
                    outcome => {
                        *runs = false;
                        self.failed(&variant.name(), &outcome.trouble());
                        let line = self.runtime.command(Step::Delete, Kind::Plain, &bundle, &["--force"]);
                        measure(&line, &bundle.join("stderr"))?;
                    }
                }
            }
        }
        for (variant, times, _) in all {
            self.times(&variant.name(), &times);
        }
        Ok(())
    }

    /// `run` with so many read-only bind mounts more: of the root itself, and of directories beside it.
    ///
    /// For each bind the kernel looks through all mounts on the one that its source is on (`has_locked_children` in
    /// fs/namespace.c). Where that is the root, those are the mounts that were made before.
    pub(crate) fn mounts(&mut self) -> io::Result<()> {
        let (place, runtime, rootfs) = (self.place, self.runtime, self.place.rootfs());
        let write = |kind: &str, count: usize, source: &dyn Fn(usize) -> PathBuf| {
            let name = format!("{}-{kind}-{count}", runtime.name);
            place.write_one(Kind::Plain, &name, &["true"], |config| bind(config, &rootfs, count, source))
        };
        let write = &write;
        let own = |count: usize| Variant {
            name: vec!["mounts".to_owned(), count.to_string()],
            bundle: Box::new(move |_| write("mounts", count, &|_| place.rootfs())),
        };
        let beside = |number: usize| {
            let source = place.folder.join(format!("volumes/{number}"));
            drop(fs::create_dir_all(&source));
            source
        };
        let volumes = Variant {
            name: vec!["volumes".to_owned(), VOLUMES.to_string()],
            bundle: Box::new(move |_| write("volumes", VOLUMES, &beside)),
        };
        self.rounds(&MOUNTS.into_iter().map(own).chain([volumes]).collect::<Vec<_>>())
    }

    /// `run` with so many rules with a condition: the same each time, and others each time.
    pub(crate) fn rules(&mut self) -> io::Result<()> {
        let (place, runtime) = (self.place, self.runtime);
        let variant = |how: &str, shift: usize, count: usize| Variant {
            name: vec!["rules".to_owned(), how.to_owned(), count.to_string()],
            bundle: Box::new(move |round| {
                let name = format!("{}-rules-{count}", runtime.name);
                let first = shift * round * 10_000;
                place.write_one(Kind::Plain, &name, &["true"], |config| filter(config, first, count))
            }),
        };
        let variants = [("seen", 0), ("unseen", 1)].map(|(how, shift)| RULES.map(|count| variant(how, shift, count)));
        self.rounds(&variants.into_iter().flatten().collect::<Vec<_>>())
    }

    /// `create` and `state` with none, some and many containers, and what those cost.
    pub(crate) fn standing(&mut self) -> io::Result<()> {
        let mut standing = Standing::new(self.runtime, self.place);
        let done = self.stand(&mut standing);
        let count = standing.count();
        let begin = Instant::now();
        standing.end()?;
        self.set(&["delete-all", &count.to_string()], begin.elapsed().as_secs_f64());
        done
    }

    fn stand(&mut self, standing: &mut Standing<'_>) -> io::Result<()> {
        self.create_beside(0)?;
        sleep(Duration::from_secs(1));
        let before = available();
        let most = self.most;
        for count in STANDING.into_iter().filter(|count| (1..=most).contains(count)) {
            let created = standing.grow(count, if count == BURST { BURST } else { AT_ONCE })?;
            if let Some(trouble) = created.trouble() {
                self.failed(&["burst"], &trouble);
            }
            if count == BURST {
                #[allow(clippy::cast_precision_loss, reason = "a few hundred")]
                self.set(&["burst", "per-second"], created.well as f64 / created.took.as_secs_f64());
            }
            self.create_beside(count)?;
        }
        sleep(Duration::from_secs(1));
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        self.set(&["machine", "memory"], before.saturating_sub(available()) as f64 / standing.count().max(1) as f64);
        Ok(())
    }

    /// `create` of one more, and `state` of it.
    fn create_beside(&mut self, count: usize) -> io::Result<()> {
        let bundle = self.place.write_one(Kind::Plain, &format!("{}-beside", self.runtime.name), &["true"], |_| ())?;
        // What has just been made or removed keeps the kernel busy for a while.
        sleep(Duration::from_secs(1));
        let errors = bundle.join("stderr");
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..TIMES {
            for (step, times) in [Step::Create, Step::State].into_iter().zip(&mut times) {
                match measure(&self.runtime.command(step, Kind::Plain, &bundle, &[]), &errors)? {
                    Outcome::Ended(wall) => times.push(wall),
                    outcome => self.failed(&["standing"], &outcome.trouble()),
                }
            }
            measure(&self.runtime.command(Step::Delete, Kind::Plain, &bundle, &["--force"]), &errors)?;
        }
        self.trace_beside(count, &bundle)?;
        let mut floor = Vec::new();
        for line in self.floor.iter().map(|floor| floor.command(Step::Run, Kind::Plain, &bundle, &[])) {
            for _ in 0..TIMES {
                if let Outcome::Ended(wall) = measure(&line, &errors)? {
                    floor.push(wall);
                }
            }
        }
        let count = count.to_string();
        self.times(&["floor", &count], &floor);
        let [create, state] = times;
        self.times(&["create", &count], &create);
        self.times(&["state", &count], &state);
        Ok(())
    }

    /// The phases of our own `create`.
    fn trace_beside(&mut self, count: usize, bundle: &Path) -> io::Result<()> {
        if self.runtime.name != OWN {
            return Ok(());
        }
        let (file, errors) = (bundle.join("trace.json"), bundle.join("stderr"));
        let options = ["--trace", file.to_str().unwrap_or_default()];
        let mut samples = Samples::default();
        for _ in 0..TIMES {
            samples.trace(&self.runtime.command(Step::Create, Kind::Plain, bundle, &options), &file, &errors)?;
            measure(&self.runtime.command(Step::Delete, Kind::Plain, bundle, &["--force"]), &errors)?;
        }
        samples.note(&[&self.name(&["create", &count.to_string()])], self.figures);
        Ok(())
    }
}

/// How many containers a runtime is asked to keep: a slow one needs minutes for many, and on v1 each has ten cgroups.
pub(crate) fn most(runtime: &str, layout: &Layout) -> usize {
    let is_quick = runtime == OWN || runtime.starts_with("crun");
    if layout.is_v2() && is_quick { 1000 } else { BURST }
}

fn bind(config: &mut Value, rootfs: &Path, count: usize, source: impl Fn(usize) -> PathBuf) {
    let Some(mounts) = config["mounts"].as_array_mut() else { return };
    for number in 0..count {
        // That a mount point must be made, once, is not what is measured.
        let target = format!("/tmp/{number}");
        drop(fs::create_dir_all(rootfs.join(target.trim_start_matches('/'))));
        let source = source(number);
        mounts.push(json!({"destination": target, "type": "bind", "source": source, "options": ["bind", "ro"]}));
    }
}

/// ioctl(2) with a request that nobody makes fails.
fn filter(config: &mut Value, first: usize, count: usize) {
    let rule = |number: usize| {
        let value = 0x4000_0000 + first + number;
        json!({"names": ["ioctl"], "action": "SCMP_ACT_ERRNO",
               "args": [{"index": 1, "value": value, "op": "SCMP_CMP_EQ"}]})
    };
    let rules: Vec<Value> = (0..count).map(rule).collect();
    config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules});
}
