//! The tables, as Markdown. The first runtime is the one that others are compared with.

use crate::bundle::Kind;
use crate::rounds::{Racer, Series};
use crate::runtime::Step;

/// How it is measured; for docs/performance.md.
pub(crate) const METHOD: &str = "\
`hack/bench` wrote this page. It runs in a mount namespace of its own, with the runtimes' state on a tmpfs of its own
and, on a host with both cgroup versions, without v2 there (crun refuses such a host). In each round every runtime makes
every step once, and before each step the runtimes are shuffled. Time is from before posix_spawn(3) until wait4(2);
memory is what wait4(2) says (the peak of the runtime or of a child that it waited for; most of it is the program's
own file, which the kernel maps in larger pieces than are used and keeps once), and for a container that waits its
share (PSS in proc(5)). Two rounds before do not count.
A call that takes more than 10 s hangs, and is told below. Each cell is *median / minimum* in milliseconds; in
brackets, both as multiples of Cofferdam's: 2.0x took twice as long.

Compare figures inside a table only, and minima rather than medians where the machine was busy. Differences under about
10 % mean nothing.
";

/// A table: a row a step, a column a runtime.
fn table(racers: &[Racer], head: &str, steps: &[Step], cell: impl Fn(&Racer, Step) -> String) -> String {
    let names: Vec<&str> = racers.iter().map(|racer| racer.runtime.name.as_str()).collect();
    let mut text = format!("| {head} | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for step in steps {
        let cells: Vec<String> = racers.iter().map(|racer| cell(racer, *step)).collect();
        text += &format!("| {} | {} |\n", step.name(), cells.join(" | "));
    }
    text
}

/// The times of all steps, and what went wrong.
pub(crate) fn times(kind: Kind, racers: &[Racer], rounds: usize) -> String {
    let head = format!("ms, {rounds} rounds");
    let times = table(racers, &head, &Step::ALL, |racer, step| {
        let own = racers.first().map(|first| first.of(step));
        time(racer.of(step), own.filter(|own| !std::ptr::eq(*own, racer.of(step))))
    });
    let mut text = format!("### {}\n\n{}\n\n{times}\n", kind.name(), kind.about());
    for racer in racers {
        for step in Step::ALL {
            let series = racer.of(step);
            if series.failed + series.hung > 0 {
                let Series { failed, hung, said, .. } = series;
                text += &format!("{}, {}: {failed} failed, {hung} hung. {said}\n\n", racer.runtime.name, step.name());
            }
        }
    }
    text
}

fn time(series: &Series, own: Option<&Series>) -> String {
    let (Some(median), Some(minimum)) = (series.median(), series.minimum()) else { return "-".to_owned() };
    let mut cell = format!("{median:.2} / {minimum:.2}");
    if let Some((own_median, own_minimum)) = own.and_then(|own| Some((own.median()?, own.minimum()?))) {
        cell += &format!(" ({:.1}x / {:.1}x)", median / own_median, minimum / own_minimum);
    }
    cell
}

/// The peak of memory, and what is left of it while a container waits.
pub(crate) fn memory(kind: Kind, racers: &[Racer]) -> String {
    let waiting: Vec<String> = racers.iter().map(|racer| racer.waiting.to_string()).collect();
    let peaks = peaks(kind, racers);
    format!("{peaks}| a container that waits for `start` | {} |\n", waiting.join(" | "))
}

fn peaks(kind: Kind, racers: &[Racer]) -> String {
    table(racers, &format!("peak memory, KiB, {}", kind.name()), &Step::ALL, |racer, step| match racer.of(step).peak {
        0 => "-".to_owned(),
        peak => peak.to_string(),
    })
}

/// Numbers of system calls, one list a runtime.
pub(crate) fn calls(kind: Kind, racers: &[Racer], steps: &[Step], counts: &[Vec<Option<u64>>]) -> String {
    table(racers, &format!("system calls, {}", kind.name()), steps, |racer, step| {
        let row = racers.iter().position(|other| std::ptr::eq(other, racer));
        let column = steps.iter().position(|other| *other == step);
        let count = row.zip(column).and_then(|(row, column)| *counts.get(row)?.get(column)?);
        count.map_or("-".to_owned(), |count| count.to_string())
    })
}

/// What is said where there are no such steps.
pub(crate) const NOWHERE_SLOWER: &str = "No step is slower than another runtime's, by median or by minimum.\n\n";

/// The steps where another runtime's median or minimum is shorter than the first one's.
pub(crate) fn slower(racers: &[Racer]) -> Vec<(Step, String)> {
    let Some((own, others)) = racers.split_first() else { return Vec::new() };
    let is_slower = |step: Step, other: &Racer| {
        let (mine, theirs) = (own.of(step), other.of(step));
        mine.median() > theirs.median() && theirs.median().is_some()
            || mine.minimum() > theirs.minimum() && theirs.minimum().is_some()
    };
    let found = Step::ALL.iter().flat_map(|step| others.iter().map(move |other| (*step, other)));
    found
        .filter(|(step, other)| is_slower(*step, other))
        .map(|(step, other)| (step, other.runtime.name.clone()))
        .collect()
}
