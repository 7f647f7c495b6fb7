//! What does not depend on how busy the machine is: system calls, processes, threads and programs by strace(1), memory
//! and page faults, instructions by valgrind(1), sizes.

use crate::bundle::{Kind, Place};
use crate::figures::{Figures, milliseconds};
use crate::rounds::Racer;
use crate::runtime::{Runtime, Step};
use crate::sample::{Outcome, measure};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The steps whose calls are counted. Not `create`: strace would follow the container's init until its end.
const TRACED: [Step; 6] = [Step::Run, Step::Start, Step::State, Step::Exec, Step::Kill, Step::Delete];
/// The steps whose memory is measured.
const WEIGHED: [Step; 8] =
    [Step::Run, Step::Create, Step::Start, Step::State, Step::Exec, Step::Kill, Step::Delete, Step::Version];

/// What strace saw.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    calls: u64,
    forks: u64,
    threads: u64,
    execs: u64,
}

/// Counts the calls of a runtime and all its children. Nothing is noted of what can't be traced.
pub(crate) fn calls(strace: &Path, racer: &mut Racer, start: &[&str], figures: &mut Figures) -> io::Result<()> {
    for step in TRACED {
        let said = through(racer, step, "strace", |file| {
            vec![strace.into(), "-f".into(), "-qq".into(), "-o".into(), file.into()]
        })?;
        let Some(said) = said else { continue };
        let Count { calls, forks, threads, execs } = count(&said);
        for (what, number) in [("calls", calls), ("forks", forks), ("threads", threads), ("execs", execs)] {
            figures.count(&[start, &[step.key(), what]].concat(), number);
        }
    }
    Ok(())
}

/// Counts the calls that `list` makes for each container more.
pub(crate) fn list_calls(strace: &Path, runtime: &Runtime, place: &Place, figures: &mut Figures) -> io::Result<()> {
    const MORE: u32 = 4;
    let (file, errors) = (place.folder.join("strace"), place.folder.join("stderr"));
    let calls = || -> io::Result<Option<u64>> {
        let mut line: Vec<OsString> = vec![strace.into(), "-f".into(), "-qq".into(), "-o".into(), (&file).into()];
        line.extend(runtime.verb("list"));
        let ended = matches!(measure(&line, &errors)?, Outcome::Ended(_));
        Ok(if ended { Some(count(&String::from_utf8_lossy(&fs::read(&file)?)).calls) } else { None })
    };
    let one = |number| place.write_one(Kind::Plain, &format!("{}-listed-{number}", runtime.name), &["true"], |_| ());
    let bundles = (0..=MORE).map(one).collect::<io::Result<Vec<_>>>()?;
    let all = |step, options: &[&str], bundles: &[PathBuf]| {
        bundles
            .iter()
            .try_for_each(|bundle| measure(&runtime.command(step, Kind::Plain, bundle, options), &errors).map(drop))
    };
    let (first, more) = bundles.split_at(1);
    all(Step::Create, &[], first)?;
    let few = calls()?;
    all(Step::Create, &[], more)?;
    let many = calls()?;
    all(Step::Delete, &["--force"], &bundles)?;
    if let (Some(few), Some(many)) = (few, many) {
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let more = many.saturating_sub(few) as f64;
        figures.set(&[place.layout.name, Kind::Plain.name(), &runtime.name, "list/calls-each"], more / f64::from(MORE));
    }
    Ok(())
}

/// Peak memory, page faults and processor time, by tests/bench/peak.c: the most or the least of so many times.
pub(crate) fn weigh(peak: &Path, racer: &mut Racer, start: &[&str], figures: &mut Figures) -> io::Result<()> {
    const TIMES: usize = 5;
    for step in WEIGHED {
        let mut seen: [Vec<u64>; 3] = Default::default();
        for _ in 0..TIMES {
            let said = through(racer, step, "peak", |file| vec![peak.into(), file.into()])?.unwrap_or_default();
            for (number, seen) in said.split_whitespace().zip(&mut seen) {
                seen.extend(number.parse::<u64>());
            }
        }
        let [memory, faults, time] = &seen;
        let of = |what| [start, &[step.key(), what]].concat();
        if let (Some(most), Some(least), Some(time)) = (memory.iter().max(), faults.iter().min(), time.iter().min()) {
            figures.count(&of("peak"), *most);
            figures.count(&of("faults"), *least);
            figures.set(&of("cpu"), milliseconds(Duration::from_micros(*time)));
        }
    }
    Ok(())
}

/// Makes a step through another program: what that writes to its file.
fn through(
    racer: &mut Racer,
    step: Step,
    name: &str,
    line: impl Fn(&Path) -> Vec<OsString>,
) -> io::Result<Option<String>> {
    if racer.is_out() {
        return Ok(None);
    }
    if !racer.runtime.is_floor() {
        racer.prepare(step)?;
    }
    let mut said = None;
    if racer.can(step) {
        let file = racer.bundle(step).join(name);
        let mut line = line(&file);
        line.extend(racer.command(step, &[]));
        if let Outcome::Ended(_) = measure(&line, &racer.bundle(step).join("stderr"))? {
            said = Some(String::from_utf8_lossy(&fs::read(file)?).into_owned());
        }
    }
    racer.tidy()?;
    Ok(said)
}

/// A call that another process interrupts has two lines, of which the first counts it and the last its success.
fn count(trace: &str) -> Count {
    let mut count = Count::default();
    for line in trace.lines() {
        let Some((_, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("+++") || call.starts_with("---") {
            continue;
        }
        let resumed = call.starts_with("<...");
        count.calls += u64::from(!resumed);
        let name = if resumed { call.trim_start_matches("<... ") } else { call };
        let ends = !call.contains("<unfinished ...>") && !call.ends_with("= ?");
        let well = ends && call.rsplit_once("= ").is_some_and(|(_, result)| !result.starts_with('-'));
        count.execs += u64::from(name.starts_with("execve") && well);
        let births = name.starts_with("clone") || name.starts_with("fork") || name.starts_with("vfork");
        if births && (well || call.contains("<unfinished ...>")) && !resumed {
            if call.contains("CLONE_THREAD") {
                count.threads += 1;
            } else {
                count.forks += 1;
            }
        }
    }
    count
}

/// Instructions of a runtime's own parsing and planning, where valgrind is installed.
pub(crate) fn instructions(valgrind: &Path, runtime: &Runtime, bundle: &Path) -> io::Result<Option<u64>> {
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(runtime.verb("plan"))
        .arg("--bundle")
        .arg(bundle)
        .arg("measured")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    Ok(collected.filter(|_| output.status.success()).and_then(|(_, number)| number.trim().parse().ok()))
}

/// The size of a program, KiB.
pub(crate) fn size(program: &Path) -> io::Result<u64> {
    Ok(fs::metadata(program)?.len() / 1024)
}

#[cfg(test)]
mod tests {
    use super::{Count, count};

    #[test]
    fn a_call_in_two_lines_counts_once_and_what_fails_starts_no_program() {
        let trace = "\
10 execve(\"/usr/bin/runtime\", [...], 0x7ffd /* 1 var */) = 0
10 clone3({flags=CLONE_PIDFD|CLONE_NEWNS, exit_signal=SIGCHLD}, 88 <unfinished ...>
11 execveat(3, \"\", [], NULL, AT_EMPTY_PATH <unfinished ...>
10 <... clone3 resumed> => {pidfd=[5]}) = 11
11 <... execveat resumed>) = 0
11 execve(\"/bin/no\", [\"no\"], NULL) = -1 ENOENT (No such file or directory)
11 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 12
11 exit_group(0) = ?
11 +++ exited with 0 +++
10 --- SIGCHLD {si_signo=SIGCHLD} ---
";
        assert_eq!(count(trace), Count { calls: 6, forks: 1, threads: 1, execs: 2 });
    }
}
