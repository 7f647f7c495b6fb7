//! Rounds: in each, every runtime makes every step once. Before each step the runtimes are shuffled, so what else
//! happens on the machine falls on all alike.

use crate::bundle::{Bundles, Kind, Place};
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
pub(crate) struct Series {
    walls: Vec<Duration>,
    /// The most memory of all samples, KiB.
    pub(crate) peak: u64,
    /// Calls that ended with an error.
    pub(crate) failed: usize,
    /// Calls that did not end.
    pub(crate) hung: usize,
    /// What the last call that failed said.
    pub(crate) said: String,
}

impl Series {
    /// The middle one, milliseconds.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut walls = self.walls.clone();
        walls.sort_unstable();
        walls.get(walls.len() / 2).map(milliseconds)
    }

    /// The shortest, milliseconds.
    pub(crate) fn minimum(&self) -> Option<f64> {
        self.walls.iter().min().map(milliseconds)
    }

    fn add(&mut self, outcome: Outcome, counts: bool) -> bool {
        match outcome {
            Outcome::Ended(sample) => {
                if counts {
                    self.walls.push(sample.wall);
                }
                self.peak = self.peak.max(sample.peak);
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

fn milliseconds(wall: &Duration) -> f64 {
    wall.as_secs_f64() * 1000.0
}

/// A runtime in the rounds of one kind of bundle.
#[derive(Debug)]
pub(crate) struct Racer<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) bundles: Bundles,
    /// In the order of [`Step::ALL`].
    pub(crate) series: [Series; Step::ALL.len()],
    /// What a container that waits for `start` takes, its share of what it has in common with others, KiB.
    pub(crate) waiting: u64,
    has_container: bool,
    errors: PathBuf,
}

impl<'a> Racer<'a> {
    /// A runtime with bundles of its own.
    pub(crate) fn new(runtime: &'a Runtime, kind: Kind, place: &Place) -> io::Result<Self> {
        let bundles = place.write(kind, &runtime.name)?;
        let errors = bundles.long.join("stderr");
        Ok(Racer { runtime, bundles, series: Default::default(), waiting: 0, has_container: false, errors })
    }

    /// What was measured of a step.
    pub(crate) fn of(&self, step: Step) -> &Series {
        &self.series[step as usize]
    }

    /// The bundle that a step is about.
    pub(crate) fn bundle(&self, step: Step) -> &Path {
        if matches!(step, Step::Run | Step::RunAfterPause) { &self.bundles.short } else { &self.bundles.long }
    }

    fn is_out(&self) -> bool {
        self.series.iter().map(|series| series.failed + series.hung).sum::<usize>() >= CHANCES
    }

    /// Makes a step, and then what a next step waits for.
    pub(crate) fn step(&mut self, step: Step, counts: bool) -> io::Result<()> {
        if self.is_out() || (step.needs_container() && !self.has_container) {
            return Ok(());
        }
        if step == Step::RunAfterPause {
            sleep(PAUSE);
        }
        let line = self.runtime.command(step, self.bundle(step), &[]);
        let outcome = measure(&line, &self.errors)?;
        let well = self.series[step as usize].add(outcome, counts);
        match step {
            Step::Create => {
                self.has_container = well;
                if well {
                    self.waiting = self.waiting.max(proportional(self.pid()?));
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
        let line = self.runtime.command(Step::Delete, self.bundle(step), &["--force"]);
        self.has_container &= !(step == Step::Create || step.needs_container());
        measure(&line, &self.bundles.long.join("stderr-of-delete")).map(drop)
    }

    /// A container that other steps can be made with, outside of the rounds.
    pub(crate) fn prepare(&mut self, upto: Step) -> io::Result<()> {
        let before = [Step::Create, Step::Start].into_iter().take_while(|step| *step != upto);
        before.chain((upto == Step::Delete).then_some(Step::Kill)).try_for_each(|step| self.step(step, false))
    }

    /// Ends what [`prepare`](Self::prepare) began.
    pub(crate) fn tidy(&mut self) -> io::Result<()> {
        self.clear(Step::Create)
    }
}

/// The memory of a process, KiB: what it shares counts in parts. See `smaps_rollup` in proc(5).
fn proportional(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
}

/// Makes so many rounds, or as many as fit into the time. Tells how many counted.
pub(crate) fn race(racers: &mut [Racer], rounds: usize, time: Duration) -> io::Result<usize> {
    let begin = Instant::now();
    let mut dice = Dice::new();
    for round in 0..WARM_UP + rounds {
        if round > WARM_UP && begin.elapsed() > time {
            return Ok(round - WARM_UP);
        }
        for step in Step::ALL {
            dice.shuffle(racers);
            racers.iter_mut().try_for_each(|racer| racer.step(step, round >= WARM_UP))?;
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
