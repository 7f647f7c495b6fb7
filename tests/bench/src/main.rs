//! `cofferdam-bench COFFERDAM FOLDER TAG ROUNDS SECONDS`: Cofferdam beside runc and crun, where they are installed.
//!
//! `hack/bench` calls it, in a mount namespace of its own. FOLDER has `rootfs`, a root file system, and `state`, for
//! the runtimes; containers' ids and cgroups begin with TAG. SECONDS bounds the rounds of each kind of bundle. The
//! report goes to standard output.

mod bundle;
mod machine;
mod report;
mod rounds;
mod runtime;
mod sample;
mod strace;
mod trace;

use bundle::{Kind, Place};
use rounds::{Racer, race};
use runtime::Runtime;
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cofferdam, folder, tag, rounds, seconds] = arguments.as_slice() else {
        eprintln!("usage: cofferdam-bench COFFERDAM FOLDER TAG ROUNDS SECONDS");
        return ExitCode::FAILURE;
    };
    let (Ok(rounds), Ok(seconds)) = (rounds.parse(), seconds.parse()) else {
        eprintln!("bench: ROUNDS and SECONDS are numbers");
        return ExitCode::FAILURE;
    };
    let bench = Bench { folder: folder.into(), tag, rounds, time: Duration::from_secs(seconds) };
    match bench.report(Path::new(cofferdam)) {
        Ok(report) => print!("{report}"),
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

struct Bench<'a> {
    folder: PathBuf,
    tag: &'a str,
    rounds: usize,
    time: Duration,
}

impl Bench<'_> {
    fn report(&self, cofferdam: &Path) -> Result<String, Box<dyn Error>> {
        let plain = self.plain(cofferdam)?;
        let place = Place { folder: &self.folder, tag: self.tag, plain: &plain };
        let runtimes = runtimes(cofferdam, &self.folder.join("state"));
        let before = machine::load();
        let kinds: Vec<String> =
            Kind::ALL.into_iter().map(|kind| self.of_kind(kind, &runtimes, &place)).collect::<Result<_, _>>()?;
        let mut report = format!("# Performance\n\n{}\n## The run\n\n", report::METHOD);
        report += &format!(
            "{}. {}. Load averages (1, 5, 15 minutes) before: {before}; after: {}.\n\n",
            machine::date(),
            machine::about(),
            machine::load()
        );
        for runtime in &runtimes {
            report += &format!("- {}: {}\n", runtime.name, runtime.version);
        }
        report += &self.empty()?;
        report += "\n## Figures\n\n";
        report += &kinds.join("\n");
        Ok(report)
    }

    /// What `cofferdam spec` writes.
    fn plain(&self, cofferdam: &Path) -> Result<Value, Box<dyn Error>> {
        let status = Command::new(cofferdam).args(["spec", "--bundle"]).arg(&self.folder).status()?;
        if !status.success() {
            return Err(format!("{} spec: {status}", cofferdam.display()).into());
        }
        Ok(serde_json::from_slice(&fs::read(self.folder.join("config.json"))?)?)
    }

    /// What an empty program takes: no figure can be less.
    fn empty(&self) -> Result<String, Box<dyn Error>> {
        let line = [self.folder.join("rootfs/bin/true").into()];
        let mut samples = Vec::new();
        for _ in 0..self.rounds {
            if let sample::Outcome::Ended(sample) = sample::measure(&line, &self.folder.join("stderr"))? {
                samples.push(sample);
            }
        }
        samples.sort_unstable_by_key(|sample| sample.wall);
        let (Some(least), Some(middle)) = (samples.first(), samples.get(samples.len() / 2)) else {
            return Err("an empty program fails".into());
        };
        let [median, minimum] = [middle, least].map(|sample| sample.wall.as_secs_f64() * 1000.0);
        Ok(format!(
            "- the least that can be seen: busybox's `true` on the host, {median:.2} / {minimum:.2} ms, {} KiB\n",
            middle.peak
        ))
    }

    fn of_kind(&self, kind: Kind, runtimes: &[Runtime], place: &Place) -> Result<String, Box<dyn Error>> {
        eprintln!("bench: {} bundle, {} rounds or {} s", kind.name(), self.rounds, self.time.as_secs());
        let racers: Result<Vec<Racer>, _> = runtimes.iter().map(|runtime| Racer::new(runtime, kind, place)).collect();
        let mut racers = racers?;
        let rounds = race(&mut racers, self.rounds, self.time)?;
        racers.sort_by_key(|racer| runtimes.iter().position(|runtime| std::ptr::eq(runtime, racer.runtime)));
        let mut text = report::times(kind, &racers, rounds);
        text += &explained(&mut racers)?;
        text += &report::memory(kind, &racers);
        text += "\n";
        text += &counted(kind, &mut racers)?;
        Ok(text)
    }
}

/// Where the time goes in the steps that another runtime makes faster.
fn explained(racers: &mut [Racer]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let mut told = Vec::new();
    for (step, name) in report::slower(racers) {
        text += &format!("**Slower than {name}: {}.**", step.name());
        let first = racers.first_mut().filter(|_| step.is_traced() && !told.contains(&step));
        if let Some(first) = first {
            told.push(step);
            let parts = trace::longest(first, step)?;
            let parts: Vec<String> = parts.iter().map(|(what, time)| format!("{what} {time:.0}")).collect();
            text += &format!(" Its longest parts in microseconds, by `--trace`: {}.", parts.join(", "));
        }
        text += "\n\n";
    }
    if text.is_empty() {
        text += report::NOWHERE_SLOWER;
    }
    Ok(text)
}

/// The table of system calls, where strace is installed.
fn counted(kind: Kind, racers: &mut [Racer]) -> Result<String, Box<dyn Error>> {
    let Some(strace) = find("strace") else { return Ok("System calls are not counted: strace is not here.\n".into()) };
    let mut counts = Vec::new();
    for racer in &mut *racers {
        let of_one: Result<Vec<_>, _> =
            strace::STEPS.into_iter().map(|step| strace::count(&strace, racer, step)).collect();
        counts.push(of_one?);
    }
    Ok(report::calls(kind, racers, &strace::STEPS, &counts))
}

/// Cofferdam, and those of runc and crun that are installed.
fn runtimes(cofferdam: &Path, state: &Path) -> Vec<Runtime> {
    let mut found = vec![Runtime::new("cofferdam", cofferdam, state)];
    let others = ["crun", "runc"].into_iter().filter_map(|name| Some((name, find(name)?)));
    found.extend(others.map(|(name, program)| Runtime::new(name, &program, state)));
    found
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
