//! Containers that stand: many of one runtime, made side by side.

use crate::bundle::{Kind, Place};
use crate::runtime::{Runtime, Step};
use crate::sample;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// How many commands at once, where it is not their time that is wanted.
pub(crate) const AT_ONCE: usize = 4;

/// The containers of one runtime.
pub(crate) struct Standing<'a> {
    runtime: &'a Runtime,
    place: &'a Place<'a>,
    bundles: Vec<PathBuf>,
}

/// What creating some took.
pub(crate) struct Created {
    asked: usize,
    /// How many ended well.
    pub(crate) well: usize,
    pub(crate) took: Duration,
}

impl Created {
    /// What went wrong.
    pub(crate) fn trouble(&self) -> Option<String> {
        let failed = self.asked.saturating_sub(self.well);
        (failed > 0).then(|| format!("{failed} of {} creates failed", self.asked))
    }
}

impl<'a> Standing<'a> {
    /// None so far.
    pub(crate) fn new(runtime: &'a Runtime, place: &'a Place<'a>) -> Self {
        Standing { runtime, place, bundles: Vec::new() }
    }

    pub(crate) fn count(&self) -> usize {
        self.bundles.len()
    }

    /// Creates containers until there are `count`, so many at once.
    pub(crate) fn grow(&mut self, count: usize, at_once: usize) -> io::Result<Created> {
        let before = self.count();
        let new: io::Result<Vec<PathBuf>> = (before..count).map(|number| self.one(number)).collect();
        self.bundles.extend(new?);
        let lines = self.lines(before, Step::Create, &[]);
        let begin = Instant::now();
        let well = together(&lines, at_once)?;
        Ok(Created { asked: lines.len(), well, took: begin.elapsed() })
    }

    /// Deletes them all.
    pub(crate) fn end(self) -> io::Result<()> {
        together(&self.lines(0, Step::Delete, &["--force"]), AT_ONCE).map(drop)
    }

    fn one(&self, number: usize) -> io::Result<PathBuf> {
        let name = format!("{}-stands-{number}", self.runtime.name);
        self.place.write_one(Kind::Plain, &name, &["true"], |_| ())
    }

    /// A command for each container from number `first` on, and its bundle.
    fn lines(&self, first: usize, step: Step, options: &[&str]) -> Vec<(Vec<OsString>, &Path)> {
        let line = |bundle: &'_ PathBuf| self.runtime.command(step, Kind::Plain, bundle, options);
        self.bundles.iter().skip(first).map(|bundle| (line(bundle), bundle.as_path())).collect()
    }
}

/// Runs commands, so many at once. Tells how many ended well.
fn together(lines: &[(Vec<OsString>, &Path)], at_once: usize) -> io::Result<usize> {
    let mut well = 0;
    let mut running: VecDeque<Child> = VecDeque::new();
    let mut rest = lines.iter();
    loop {
        let next = if running.len() < at_once { rest.next() } else { None };
        if let Some((line, bundle)) = next {
            running.push_back(sample::begin(line, &bundle.join("stderr"))?);
            continue;
        }
        let Some(mut child) = running.pop_front() else { return Ok(well) };
        if sample::ends(&child, sample::PATIENCE * 3)? {
            well += usize::from(child.wait()?.success());
        } else {
            sample::end(&mut child)?;
        }
    }
}
