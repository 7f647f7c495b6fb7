//! All that is measured in one layout of cgroups.

use crate::bounds::PEER;
use crate::bundle::{Kind, Place, docker_filter};
use crate::counts;
use crate::figures::Figures;
use crate::growth::{Growth, most};
use crate::layout::Layout;
use crate::lists;
use crate::machine;
use crate::memory;
use crate::phases;
use crate::rounds::{Racer, race};
use crate::runtime::{OWN, Runtime, Step};
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// After so long, growth is no longer measured: a busy machine has no end.
const PATIENCE: Duration = Duration::from_secs(280);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    rounds: usize,
    /// What bounds the rounds of each kind of bundle.
    time: Duration,
    /// Repetitions of what the phases are told of.
    phases: usize,
    /// Whose system calls, memory and so on are counted.
    counts: Counted,
    growth: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    All,
    /// Those that are held against bounds.
    Checked,
    None,
}

impl Extent {
    /// The extent of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (rounds, seconds, phases, counts, growth) = match name {
            "full" => (120, 75, 60, Counted::All, true),
            "quick" => (8, 4, 0, Counted::All, false),
            "check" => (10, 8, 0, Counted::Checked, false),
            "phases" => (0, 0, 60, Counted::None, false),
            _ => return None,
        };
        Some(Extent { rounds, time: Duration::from_secs(seconds), phases, counts, growth })
    }

    /// The kinds of bundle.
    fn kinds(self) -> &'static [Kind] {
        if self.counts == Counted::All { &Kind::ALL } else { &[Kind::Docker] }
    }

    fn counts(self, runtime: &Runtime) -> bool {
        match self.counts {
            Counted::All => true,
            Counted::Checked => runtime.is_floor() || is_compared(runtime),
            Counted::None => false,
        }
    }
}

/// A bench in a layout.
pub(crate) struct Bench<'a> {
    pub(crate) folder: PathBuf,
    pub(crate) tag: &'a str,
    pub(crate) layout: Layout,
    pub(crate) extent: Extent,
    pub(crate) begin: Instant,
    /// Names and programs.
    pub(crate) programs: Vec<(&'a str, &'a Path)>,
}

type Done<T> = Result<T, Box<dyn Error>>;

impl Bench<'_> {
    /// Measures, and stores what was measured in a file named after the layout.
    pub(crate) fn measure(&self) -> Done<()> {
        let new = |(name, program): &(&str, &Path)| Runtime::new(name, program, &self.folder, &self.layout);
        let runtimes: Vec<Runtime> = self.programs.iter().map(new).collect();
        let own = runtimes.iter().find(|runtime| runtime.name == OWN).ok_or("no program is called cofferdam")?;
        let plain = self.plain(own)?;
        let place = Place { folder: &self.folder, tag: self.tag, layout: &self.layout, plain: &plain };
        self.write_filter()?;
        let mut figures = Figures::default();
        let before = machine::load();
        figures.set(&[self.layout.name, "load"], machine::load_now());
        for runtime in &runtimes {
            figures.count(&[&runtime.name, "size"], counts::size(&runtime.program)?);
            if !runtime.is_floor() {
                figures.remark(&[&runtime.name, "version"], runtime.version()?);
            }
        }
        let mut out = Vec::new();
        for kind in self.extent.kinds() {
            out.extend(self.kind(*kind, &runtimes, own, &place, &mut figures)?);
        }
        // What can't make a container, or hangs, is not asked for more of them.
        let able: Vec<&Runtime> = runtimes.iter().filter(|runtime| !out.contains(&runtime.name)).collect();
        if let Some(strace) = find("strace") {
            for runtime in able.iter().filter(|runtime| !runtime.is_floor() && self.extent.counts(runtime)) {
                counts::list_calls(&strace, runtime, &place, &mut figures)?;
            }
        }
        self.say("memory and instructions");
        self.memory(&able, &place, &mut figures)?;
        if let Some(valgrind) = find("valgrind").filter(|_| self.extent.counts(own)) {
            let bundle = place.write_one(Kind::Docker, "planned", &["true"], |_| ())?;
            if let Some(instructions) = counts::instructions(&valgrind, own, &bundle)? {
                figures.count(&[self.layout.name, OWN, "instructions"], instructions);
            }
        }
        self.growth(&able, &place, &mut figures)?;
        let about = format!("{}. Load averages before: {before}; after: {}.", machine::about(), machine::load());
        figures.remark(&[self.layout.name, "about"], about);
        figures.store(&self.folder.join(self.layout.name).with_extension("json"))?;
        Ok(())
    }

    fn say(&self, what: &str) {
        eprintln!("bench: {:3} s: {}, {what}", self.begin.elapsed().as_secs(), self.layout.name);
    }

    /// What `cofferdam spec` writes.
    fn plain(&self, own: &Runtime) -> Done<Value> {
        let status = Command::new(&own.program).args(["spec", "--bundle"]).arg(&self.folder).status()?;
        if !status.success() {
            return Err(format!("{} spec: {status}", own.program.display()).into());
        }
        let file = self.folder.join("config.json");
        let config = serde_json::from_slice(&fs::read(&file)?)?;
        fs::remove_file(file)?;
        Ok(config)
    }

    /// The docker bundle's filter, as the runtime compiles it, for the floor.
    fn write_filter(&self) -> Done<()> {
        let section = serde_json::from_value(docker_filter())?;
        let filter = security::seccomp::compile(&section)?;
        Ok(fs::write(self.folder.join("filter"), filter.program)?)
    }

    /// Tells which runtimes failed too often.
    fn kind(
        &self,
        kind: Kind,
        runtimes: &[Runtime],
        own: &Runtime,
        place: &Place,
        figures: &mut Figures,
    ) -> Done<Vec<String>> {
        let layout = self.layout.name;
        self.say(kind.name());
        let racers: Result<Vec<Racer>, _> =
            runtimes.iter().map(|runtime| Racer::new(runtime, own, kind, place)).collect();
        let mut racers = racers?;
        if self.extent.rounds > 0 {
            let rounds = race(&mut racers, &Step::ALL, self.extent.rounds, self.extent.time)?;
            figures.count(&[layout, kind.name(), "rounds"], u64::try_from(rounds)?);
        }
        let strace = find("strace");
        for racer in &mut racers {
            let runtime = racer.runtime;
            let start = [layout, kind.name(), &runtime.name];
            if let Some(strace) = strace.as_deref().filter(|_| self.extent.counts(runtime)) {
                counts::calls(strace, racer, &start, figures)?;
            }
            if self.extent.counts(runtime) {
                counts::weigh(&self.folder.join("peak"), racer, &start, figures)?;
            }
            racer.note(layout, figures);
        }
        if self.extent.phases > 0 && kind == Kind::Docker {
            let (mut floors, mut others): (Vec<_>, Vec<_>) =
                racers.iter_mut().partition(|racer| racer.runtime.is_floor());
            let own = others.iter_mut().find(|racer| racer.runtime.name == OWN);
            if let (Some(floor), Some(own)) = (floors.first_mut(), own) {
                phases::measure_all(floor, own, self.extent.phases, &[layout, kind.name()], figures)?;
            }
        }
        for racer in racers.iter_mut().filter(|racer| racer.runtime.is_floor()) {
            racer.leave()?;
        }
        Ok(racers.iter().filter(|racer| racer.is_out()).map(|racer| racer.runtime.name.clone()).collect())
    }

    fn memory(&self, runtimes: &[&Runtime], place: &Place, figures: &mut Figures) -> Done<()> {
        for runtime in runtimes.iter().filter(|runtime| !runtime.is_floor() && self.extent.counts(runtime)) {
            let start = [self.layout.name, Kind::Docker.name(), &runtime.name];
            memory::foreground(runtime, place, &start, figures)?;
            if self.extent.growth
                && self.layout.limits
                && let Some(limit) = memory::smallest_limit(runtime, place)?
            {
                figures.count(&[&start[..], &["smallest-limit"]].concat(), limit);
            }
        }
        Ok(())
    }

    fn growth(&self, runtimes: &[&Runtime], place: &Place, figures: &mut Figures) -> Done<()> {
        if !self.extent.growth {
            return Ok(());
        }
        let is_grown = |runtime: &&Runtime| !runtime.is_floor() && (self.layout.is_v2() || is_compared(runtime));
        let grown: Vec<&Runtime> = runtimes.iter().copied().filter(is_grown).collect();
        for runtime in &grown {
            if self.begin.elapsed() > PATIENCE {
                let name = [self.layout.name, "growth", &runtime.name, "trouble"];
                figures.remark(&name, "not measured: all before took too long");
                continue;
            }
            self.say(&format!("growth of {}", runtime.name));
            let floor = runtimes.iter().find(|floor| floor.is_floor() && runtime.name == OWN).copied();
            let mut growth = Growth { runtime, floor, place, figures, most: most(&runtime.name, &self.layout) };
            growth.mounts()?;
            growth.rules()?;
            growth.standing()?;
        }
        self.say("lists");
        Ok(lists::measure_all(&grown, place, figures)?)
    }
}

/// Whether it is one of the two that promises are about.
fn is_compared(runtime: &Runtime) -> bool {
    [OWN, PEER].contains(&runtime.name.as_str())
}

/// A program on PATH.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
