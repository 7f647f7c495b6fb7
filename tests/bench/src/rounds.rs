//! Rounds: in each, every runtime makes every step once. Before each step the runtimes are shuffled, so what else
//! happens on the machine falls on all alike.

use crate::bundle::{Bundles, Kind, Place};
use crate::figures::Figures;
use crate::runtime::{Runtime, Step};
use crate::sample::{Outcome, await_death, measure};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Rounds that are not counted: files come into memory, caches are filled.
const WARM_UP: usize = 2;
/// The pause before [`Step::RunAfterPause`].
const PAUSE: Duration = Duration::from_millis(150);
/// A runtime that failed so often with one kind of bundle isn't asked again.
const CHANCES: usize = 3;

/// What was measured of one step of one runtime.
#[derive(Debug, Default)]
struct Series {
    walls: Vec<Duration>,
    /// Calls that ended with an error.
    failed: usize,
    /// Calls that did not end.
    hung: usize,
    /// What the last call that failed said.
    said: String,
}

impl Series {
    fn add(&mut self, outcome: Outcome, counts: bool) -> bool {
        match outcome {
            Outcome::Ended(wall) => {
                if counts {
                    self.walls.push(wall);
                }
                return true;
            }
            Outcome::Failed(said) => {
                self.failed += 1;
                self.said = said;
            }
            Outcome::Hung => self.hung += 1,
        }
        false
    }
}

/// A runtime in the rounds of one kind of bundle.
#[derive(Debug)]
pub(crate) struct Racer<'a> {
    pub(crate) runtime: &'a Runtime,
    kind: Kind,
    bundles: Bundles,
    /// In the order of [`Step::ALL`].
    series: [Series; Step::ALL.len()],
    /// What a container that waits for `start` takes, its share of what it has in common with others, KiB.
    waiting: u64,
    has_container: bool,
    errors: PathBuf,
    /// Who makes the container that the floor enters.
    host: Option<&'a Runtime>,
}

impl<'a> Racer<'a> {
    /// A runtime with new bundles. The floor has no containers, so `host` makes that which it enters.
    pub(crate) fn new(runtime: &'a Runtime, host: &'a Runtime, kind: Kind, place: &Place) -> io::Result<Self> {
        let bundles = place.write(kind, &runtime.name)?;
        let errors = bundles.short.join("stderr");
        let host = runtime.is_floor().then_some(host);
        let series = Default::default();
        let mut racer = Racer { runtime, kind, bundles, series, waiting: 0, has_container: false, errors, host };
        if let Some(host) = host {
            let made = [Step::Create, Step::Start].map(|step| host.command(step, kind, &racer.bundles.long, &[]));
            for line in made {
                let outcome = measure(&line, &racer.errors)?;
                racer.has_container = matches!(outcome, Outcome::Ended(_));
            }
        }
        Ok(racer)
    }

    pub(crate) fn bundle(&self, step: Step) -> &Path {
        if matches!(step, Step::Run | Step::RunAfterPause) { &self.bundles.short } else { &self.bundles.long }
    }

    /// The command line of a step.
    pub(crate) fn command(&self, step: Step, options: &[&str]) -> Vec<std::ffi::OsString> {
        self.runtime.command(step, self.kind, self.bundle(step), options)
    }

    /// Whether it failed too often.
    pub(crate) fn is_out(&self) -> bool {
        self.series.iter().map(|series| series.failed + series.hung).sum::<usize>() >= CHANCES
    }

    /// Whether it can make a step now.
    pub(crate) fn can(&self, step: Step) -> bool {
        let known = !self.runtime.is_floor() || step.has_floor();
        known && !self.is_out() && (self.has_container || !step.needs_container())
    }

    /// Makes a step, and then what a next step waits for.
    pub(crate) fn step(&mut self, step: Step, counts: bool) -> io::Result<()> {
        if !self.can(step) {
            return Ok(());
        }
        if step == Step::RunAfterPause {
            sleep(PAUSE);
        }
        let line = self.command(step, &[]);
        let outcome = measure(&line, &self.errors)?;
        let well = self.series[step as usize].add(outcome, counts);
        match step {
            Step::Create => {
                self.has_container = well;
                if well {
                    self.waiting = self.waiting.max(crate::memory::proportional(self.pid()?));
                }
            }
            Step::Kill => drop(await_death(self.pid()?)?),
            Step::Delete => self.has_container = false,
            _ => {}
        }
        if !well {
            self.clear(step)?;
        }
        Ok(())
    }

    /// The process of the container that stays.
    fn pid(&self) -> io::Result<i32> {
        let text = fs::read_to_string(self.bundles.long.join("pid"))?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// Removes what a step that failed may have left.
    fn clear(&mut self, step: Step) -> io::Result<()> {
        let owner = self.host.unwrap_or(self.runtime);
        let line = owner.command(Step::Delete, self.kind, self.bundle(step), &["--force"]);
        self.has_container &= !(step == Step::Create || step.needs_container());
        measure(&line, &self.bundles.long.join("stderr-of-delete")).map(drop)
    }

    /// A container that other steps can be made with, outside of the rounds.
    pub(crate) fn prepare(&mut self, upto: Step) -> io::Result<()> {
        let needed: &[Step] = if upto.needs_container() { &[Step::Create, Step::Start] } else { &[] };
        let before = needed.iter().copied().take_while(|step| *step != upto);
        before.chain((upto == Step::Delete).then_some(Step::Kill)).try_for_each(|step| self.step(step, false))
    }

    /// Ends what [`prepare`](Self::prepare) began.
    pub(crate) fn tidy(&mut self) -> io::Result<()> {
        if self.host.is_some() {
            return Ok(());
        }
        self.clear(Step::Create)
    }

    /// Ends the container that the floor enters.
    pub(crate) fn leave(&mut self) -> io::Result<()> {
        self.clear(Step::Create)
    }

    /// Notes what was measured.
    pub(crate) fn note(&self, layout: &str, figures: &mut Figures) {
        let start = [layout, self.kind.name(), self.runtime.name.as_str()];
        for step in Step::ALL {
            let series = &self.series[step as usize];
            let name = [&start[..], &[step.key()]].concat();
            let of = |what| [&name[..], &[what]].concat();
            figures.times(&name, &series.walls);
            if series.failed + series.hung > 0 {
                let Series { failed, hung, said, .. } = series;
                figures.remark(&of("trouble"), format!("{failed} failed, {hung} hung. {said}"));
            }
        }
        if self.waiting > 0 {
            figures.count(&[&start[..], &["waiting", "pss"]].concat(), self.waiting);
        }
    }
}

/// Makes so many rounds, or as many as fit into the time. Tells how many counted.
pub(crate) fn race(racers: &mut [Racer], steps: &[Step], rounds: usize, time: Duration) -> io::Result<usize> {
    let begin = Instant::now();
    let mut dice = Dice::new();
    for round in 0..WARM_UP + rounds {
        if round > WARM_UP && begin.elapsed() > time {
            return Ok(round - WARM_UP);
        }
        for step in steps {
            dice.shuffle(racers);
            racers.iter_mut().try_for_each(|racer| racer.step(*step, round >= WARM_UP))?;
        }
    }
    Ok(rounds)
}

/// Xorshift: an order that no runtime can profit from needs no better.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Dice(u64::from(now.subsec_nanos()) << 20 | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
