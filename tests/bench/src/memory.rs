//! Memory: of a process, of a foreground `run`, of the machine, and the least that a container needs.

use crate::bundle::{Kind, Place};
use crate::figures::Figures;
use crate::runtime::{Runtime, Step};
use crate::sample::{self, Outcome, measure};
use serde_json::json;
use std::fs;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The share of a process in the memory that it uses, KiB: what others use too counts in parts. See `smaps_rollup` in
/// proc(5).
pub(crate) fn proportional(pid: i32) -> u64 {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// What the machine could still give, KiB.
pub(crate) fn available() -> u64 {
    field("/proc/meminfo", "MemAvailable:")
}

/// A number of a line that begins so.
fn field(file: &str, start: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(start));
    line.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Measures a foreground `run` while its program sleeps.
pub(crate) fn foreground(runtime: &Runtime, place: &Place, start: &[&str], figures: &mut Figures) -> io::Result<()> {
    let bundle = place.write_one(Kind::Docker, &format!("{}-front", runtime.name), &["sleep", "1000"], |_| ())?;
    let errors = bundle.join("stderr");
    let pid_file = bundle.join("pid");
    let line =
        runtime.command(Step::Run, Kind::Docker, &bundle, &["--pid-file", pid_file.to_str().unwrap_or_default()]);
    let mut child = sample::begin(&line, &errors)?;
    let begin = Instant::now();
    while !runs(&fs::read_to_string(&pid_file).unwrap_or_default(), "sleep") && begin.elapsed() < sample::PATIENCE {
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(50));
    let of = |what| [start, &["foreground", what]].concat();
    let own = format!("/proc/{}", child.id());
    let resident = field(&format!("{own}/smaps_rollup"), "Rss:");
    // One that failed has none.
    if resident > 0 {
        figures.count(&of("rss"), resident);
        figures.count(&of("pss"), field(&format!("{own}/smaps_rollup"), "Pss:"));
        figures.count(&of("threads"), field(&format!("{own}/status"), "Threads:"));
    }
    measure(&runtime.command(Step::Kill, Kind::Docker, &bundle, &[]), &errors)?;
    if sample::ends(&child, sample::PATIENCE)? {
        child.wait()?;
    } else {
        sample::end(&mut child)?;
    }
    measure(&runtime.command(Step::Delete, Kind::Docker, &bundle, &["--force"]), &errors).map(drop)
}

fn runs(pid: &str, program: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", pid.trim())).is_ok_and(|name| name.trim() == program)
}

/// Finds the least memory limit, KiB, in which `true` runs each of so many times.
pub(crate) fn smallest_limit(runtime: &Runtime, place: &Place) -> io::Result<Option<u64>> {
    const TIMES: usize = 3;
    let mut least = None;
    for limit in [8192, 4096, 2048, 1024, 768, 512, 384, 256, 128_u64] {
        let name = format!("{}-in-{limit}", runtime.name);
        let bundle = place.write_one(Kind::Docker, &name, &["true"], |config| {
            config["linux"]["resources"]["memory"] = json!({"limit": limit * 1024, "swap": limit * 1024});
        })?;
        for _ in 0..TIMES {
            let line = runtime.command(Step::Run, Kind::Docker, &bundle, &[]);
            if !matches!(measure(&line, &bundle.join("stderr"))?, Outcome::Ended(_)) {
                measure(&runtime.command(Step::Delete, Kind::Docker, &bundle, &["--force"]), &bundle.join("stderr"))?;
                return Ok(least);
            }
        }
        least = Some(limit);
    }
    Ok(least)
}
