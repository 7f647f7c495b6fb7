//! The page, as Markdown.

use crate::bounds::{BARS, Bound, Judged, PEER, judge};
use crate::bundle::Kind;
use crate::figures::Figures;
use crate::growth::{BURST, MOUNTS, RULES, STANDING, VOLUMES};
use crate::phases::{self, PHASES};
use crate::runtime::{FLOOR, OWN, Step};

const METHOD: &str = "\
`hack/bench --write` wrote this page; `hack/bench --help` says how to repeat it. The figures are for comparing with each
other: another machine has others, and ratios stay.

- **floor** is `tests/bench/floor.c`: a static program of 40 KB that makes the system calls that the config needs and
  nothing else. No runtime can be faster; what a runtime takes beyond it is its own. It has no state, so it has no
  `create` or `state`.
- Two layouts of cgroups, each in a mount namespace of its own: **v1** alone, and **v2** alone. With the runtimes' state
  on a tmpfs of its own.
- In each round every runtime makes every step once, and before each step the runtimes are shuffled, so what else
  happens on the machine falls on all alike. Two rounds before do not count. Time is from before posix_spawn(3) until
  the process has ended. So `exec` is one of many in its container, as a probe is: the first of them, which keeps for the
  others what it has compiled, takes about a tenth longer.
- Peak memory is what wait4(2) says when `tests/bench/peak.c` starts a program: the peak of the runtime or of a child
  that it waited for; page faults and processor time are theirs together. Most of the memory is the program's own file, which the kernel
  maps in larger pieces than are used and keeps once. Of a container that waits, memory is its share (PSS in proc(5)).
- System calls are strace(1)'s, of the runtime and all its children, `true` included.
- Each program is a copy, as an installed one is: the page cache keeps what a linker has just written in single pages,
  and mapping those takes each command 0.04 ms longer.
- Sizes are of the program's file; Cofferdam and the floor are static, the others need shared libraries beside it.
- A call that takes more than 10 s hangs, and is told.

Each cell is *median / minimum*; differences under about 10 % mean nothing.
";

/// The load average that a machine has which does nothing else.
const QUIET: f64 = 2.0;

const BUSY: &str = "\
- **The machine was busy with other work.** Medians, and what is judged by them, say little; minima, processor time and
  counts say more.
";

/// The whole page.
pub(crate) fn page(figures: &Figures, runtimes: &[String]) -> String {
    let mut text = format!("# Performance\n\n{METHOD}\n## The run\n\n");
    text += &run(figures, runtimes);
    text += "\n## What is promised\n\n";
    text += &bars(figures);
    text += "\n![Milliseconds of each step](performance.svg)\n";
    for layout in ["v2", "v1"] {
        if figures.words(&format!("{layout}/about")).is_none() {
            continue;
        }
        text += &format!("\n## cgroup {layout}\n\n");
        for kind in Kind::ALL {
            text += &of_kind(figures, layout, kind, runtimes);
        }
        text += &growth(figures, layout, runtimes);
        text += &gaps(figures, layout);
    }
    text
}

fn run(figures: &Figures, runtimes: &[String]) -> String {
    let mut text = String::new();
    for (layout, about) in figures.remarks_of("/about") {
        text += &format!("- {layout}: {about}\n");
    }
    // What is measured second finds the load that the first has made.
    let loads = figures.under("").filter_map(|(name, load)| name.ends_with("/load").then_some(load));
    if loads.reduce(f64::min).is_some_and(|load| load > QUIET) {
        text += BUSY;
    }
    for runtime in runtimes {
        let version = figures.words(&format!("{runtime}/version")).map(|version| format!("{version}, "));
        let size = figures.get(&format!("{runtime}/size")).unwrap_or_default();
        text += &format!("- {runtime}: {}{size} KiB\n", version.unwrap_or_default());
    }
    for kind in Kind::ALL {
        text += &format!("- {}\n", kind.about());
    }
    let troubles: Vec<String> =
        figures.remarks_of("/trouble").map(|(what, said)| format!("- {what}: {said}\n")).collect();
    if !troubles.is_empty() {
        text += &format!("\nWhat went wrong:\n\n{}", troubles.concat());
    }
    text
}

/// What is known, beyond the phases, of why a promise is missed: what it begins with, and why.
const REASONS: [(&str, &str); 7] = [
    (
        "`exec` of `true`",
        "the floor joins and executes, with one clone. Here a program of its own is executed between two clones, so that \
         this program's file is never seen in the container (docs/architecture.md), and the config is read for what the \
         process is to have: its filter, capabilities, limits.",
    ),
    (
        "`create` beside 1000 containers",
        "it is the kernel: pivot_root(2) looks at every process of the machine, and the mount of sysfs at every one that is \
         mounted; so the floor's `run` takes longer beside them, too, see the table of growth. The floor makes no session \
         keyring, whose name is looked for among all: keyctl(2) has no other way to one that `exec` can join. What takes \
         long with none takes no longer with many: who is slower misses by less.",
    ),
    (
        "`list` of 1000",
        "each container takes eight calls, a third of the time the two that ask whether it is frozen, the rest its state file \
         and a look at its init by a pidfd; nine tenths of it is the kernel's.",
    ),
    (
        "1000 seccomp rules against 10",
        "the config is 110 KB longer. One pass over it looks for keys that stand twice and finds its seccomp section (0.1), \
         and its copy takes 0.05. All else is done while init makes namespaces, but takes longer than that: the section is \
         parsed (0.5, much of it for the memory) and compiled (0.1). It is installed as fast as a short one.",
    ),
    (
        "each bind mount of 1000, of the root itself",
        "the kernel looks through all mounts that were made on the source's mount before (`has_locked_children` in \
         fs/namespace.c): 18 µs for mount(2) alone, called by a C program, 8 where the source is elsewhere.",
    ),
    (
        "system calls of `run`",
        "beside the floor's calls stand the state, written three times so that whatever is killed leaves what `delete` \
         removes, each path looked up beneath the root's descriptor and each object there looked at, and, on v1, nine \
         hierarchies.",
    ),
    (
        "memory of the machine",
        "each created container has an init that waits in a sealed file of its own, 120 KiB: no other program of ours may \
         be seen in the container. The rest is the kernel's namespaces, mounts and cgroups.",
    ),
];

/// The table of promises, and what is known of why one is not held.
fn bars(figures: &Figures) -> String {
    let judged = judge(BARS, figures);
    let mut text = format!("| | {PEER} | {OWN} | at most | |\n|---|---|---|---|---|\n");
    for Judged { bar, peer, own, held } in &judged {
        let bound = match bar.bound {
            Bound::AtMost(most) => number(most),
            Bound::OfPeer(part) => format!("{part} of {PEER}'s"),
            Bound::TimesPeer(times) => format!("at least {times} of {PEER}'s"),
        };
        let part = match (bar.bound, peer) {
            (Bound::AtMost(_), _) | (_, None) => String::new(),
            (_, Some(peer)) => format!(" = {:.2} of {PEER}'s", own / peer),
        };
        let [peer, own] = [*peer, Some(*own)].map(|value| value.map_or("-".to_owned(), number));
        let verdict = if *held { "held" } else { "**missed**" };
        text += &format!("| {}, {} | {peer} | {own}{part} | {bound} | {verdict} |\n", bar.what, bar.unit)
            .replace(",  |", " |");
    }
    let held = judged.iter().filter(|judged| judged.held).count();
    text += &format!("\n{held} of {} are held.\n", judged.len());
    for (what, reason) in REASONS {
        if judged.iter().any(|judged| !judged.held && judged.bar.what.starts_with(what)) {
            text += &format!("\nOf {what}: {reason}\n");
        }
    }
    for layout in ["v2", "v1"] {
        for step in phases::STEPS {
            text += &why(figures, layout, step);
        }
        text += &why_beside(figures, layout);
    }
    text
}

/// Where the time goes that a step takes beyond the floor.
fn why(figures: &Figures, layout: &str, step: Step) -> String {
    let more = more(figures, layout, step);
    let more = more.into_iter().filter_map(|(phase, title, times)| Some((phase, title, times?)));
    most_first(&format!("{} takes beyond the floor, {layout}", step.title()), more.collect())
}

/// Where the time goes that a `create` takes longer beside many containers than beside none.
fn why_beside(figures: &Figures, layout: &str) -> String {
    let beside = |count: usize| format!("{layout}/growth/{OWN}/create/{count}/phase/minimum/");
    let measured = |count: &usize| figures.under(&beside(*count)).next().is_some();
    let (none, most) = (beside(0), STANDING.into_iter().rev().find(measured).unwrap_or(0));
    let many = beside(most);
    let more = figures.under(&many).filter_map(|(phase, time)| {
        let title = PHASES.iter().find(|(known, _)| *known == phase).map_or(phase, |(_, title)| title);
        Some((phase.to_owned(), title.to_owned(), time - figures.get(&format!("{none}{phase}"))?))
    });
    most_first(&format!("`create` takes longer beside {most} containers, {layout}"), more.collect())
}

/// A sentence on what takes longer: phases, what they are, and by how much.
fn most_first(what: &str, mut more: Vec<(String, String, f64)>) -> String {
    const TOLD: usize = 8;
    more.retain(|(phase, ..)| !phases::WAITS.contains(&phase.as_str()) && phase != "whole");
    more.sort_by(|one, other| other.2.total_cmp(&one.2));
    let parts: Vec<String> = more.iter().take(TOLD).map(|(_, title, more)| format!("{title} {more:.0}")).collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("\nWhat {what}, most first, µs: {}.\n", parts.join(", "))
}

/// A number as a person reads it.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// A table: a row a key, a column a runtime. Rows and columns without any figure are left out.
fn table(head: &str, runtimes: &[&str], rows: &[(String, Vec<Option<String>>)]) -> String {
    let filled: Vec<_> = rows.iter().filter(|(_, cells)| cells.iter().any(Option::is_some)).collect();
    if filled.is_empty() {
        return String::new();
    }
    let mut text = format!("| {head} | {} |\n|---|{}\n", runtimes.join(" | "), "---|".repeat(runtimes.len()));
    for (name, cells) in filled {
        let cells: Vec<&str> = cells.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
        text += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    text + "\n"
}

fn of_kind(figures: &Figures, layout: &str, kind: Kind, runtimes: &[String]) -> String {
    let start = format!("{layout}/{}", kind.name());
    let all: Vec<&str> = runtimes.iter().map(String::as_str).collect();
    let others: Vec<&str> = all.iter().copied().filter(|name| *name != FLOOR).collect();
    let times = |names: &[&str], steps: &dyn Fn(Step) -> bool, base: &str| {
        let steps = Step::ALL.into_iter().filter(|step| steps(*step));
        let row = |step: Step| {
            let cell = |name: &&str| time(figures, &format!("{start}/{name}/{}", step.key()), &start, base, step);
            (step.title().to_owned(), names.iter().map(cell).collect())
        };
        steps.map(row).collect::<Vec<_>>()
    };
    let rounds = figures.get(&format!("{start}/rounds")).unwrap_or_default();
    let head = format!("ms, {rounds} rounds (in multiples of the floor)");
    let mut text = table(&head, &all, &times(&all, &Step::has_floor, FLOOR));
    let head = format!("ms (in multiples of {OWN}'s)");
    text += &table(&head, &others, &times(&others, &|step| !step.has_floor(), OWN));
    let of = |what: &str, names: &[&str]| -> Vec<(String, Vec<Option<String>>)> {
        let row = |step: Step| {
            let cell = |name: &&str| figures.get(&format!("{start}/{name}/{}/{what}", step.key())).map(number);
            (step.title().to_owned(), names.iter().map(cell).collect())
        };
        Step::ALL.into_iter().filter(|step| *step != Step::RunAfterPause).map(row).collect()
    };
    let mut memory = of("peak", &all);
    for (what, name) in [
        ("waiting/pss", "a container that waits for `start` (PSS)"),
        ("foreground/rss", "a foreground `run`"),
        ("foreground/pss", "a foreground `run` (PSS)"),
        ("foreground/threads", "its threads (not KiB)"),
        ("smallest-limit", "smallest limit in which `true` runs"),
    ] {
        let cells = all.iter().map(|runtime| figures.get(&format!("{start}/{runtime}/{what}")).map(number));
        memory.push((name.to_owned(), cells.collect()));
    }
    text += &table("peak memory, KiB", &all, &memory);
    text += &table("processor time, ms, least of 5", &all, &of("cpu", &all));
    text += &table("page faults", &all, &of("faults", &all));
    text += &table("system calls", &all, &of("calls", &all));
    text += &births(figures, &start, &all);
    if text.is_empty() { text } else { format!("### {layout}, {}\n\n{text}", kind.name()) }
}

/// A time, and how many times that of the base it is.
fn time(figures: &Figures, name: &str, start: &str, base: &str, step: Step) -> Option<String> {
    let of = |name: &str| Some((figures.get(&format!("{name}/median"))?, figures.get(&format!("{name}/minimum"))?));
    let (median, minimum) = of(name)?;
    let base_name = format!("{start}/{base}/{}", step.key());
    let ratio = of(&base_name).filter(|_| base_name != name);
    let ratio = ratio.map(|(m, n)| format!(" ({:.1}x / {:.1}x)", median / m, minimum / n));
    Some(format!("{median:.2} / {minimum:.2}{}", ratio.unwrap_or_default()))
}

fn births(figures: &Figures, start: &str, runtimes: &[&str]) -> String {
    let row = |step: Step| {
        let cell = |name: &&str| {
            let of = |what: &str| figures.get(&format!("{start}/{name}/{}/{what}", step.key()));
            Some(format!("{}, {}, {}", of("forks")?, of("threads")?, of("execs")?))
        };
        (step.title().to_owned(), runtimes.iter().map(cell).collect())
    };
    table("forks, threads, execs", runtimes, &Step::ALL.map(row))
}

fn growth(figures: &Figures, layout: &str, runtimes: &[String]) -> String {
    let names: Vec<&str> = runtimes.iter().map(String::as_str).filter(|name| *name != FLOOR).collect();
    let mut rows = Vec::new();
    let mut row = |title: String, cell: &dyn Fn(&str) -> Option<String>| {
        rows.push((title, names.iter().map(|name| cell(name)).collect()));
    };
    let start = |name: &str| format!("{layout}/growth/{name}");
    let pair = |name: &str| {
        let of = |what: &str| figures.get(&format!("{name}/{what}"));
        Some(format!("{:.2} / {:.2}", of("median")?, of("minimum")?))
    };
    for count in MOUNTS {
        let title = format!("`run` with {count} bind mounts more, of the root itself");
        row(title, &|name| pair(&format!("{}/mounts/{count}", start(name))));
    }
    row(format!("`run` with {VOLUMES} bind mounts more, of directories beside the root"), &|name| {
        pair(&format!("{}/volumes/{VOLUMES}", start(name)))
    });
    for (how, words) in [("seen", "seen before"), ("unseen", "not seen before")] {
        for count in RULES {
            let title = format!("`run` with {count} seccomp rules, {words}");
            row(title, &|name| pair(&format!("{}/rules/{how}/{count}", start(name))));
        }
    }
    for (what, title) in
        [("create", "`create`"), ("state", "`state`"), ("list", "`list`"), ("floor", "the floor's `run`")]
    {
        for count in STANDING {
            row(format!("{title} with {count} containers"), &|name| pair(&format!("{}/{what}/{count}", start(name))));
        }
    }
    let one = |name: &str| figures.get(name).map(number);
    row(format!("{BURST} creates at once, containers a second"), &|name| {
        one(&format!("{}/burst/per-second", start(name)))
    });
    for count in STANDING {
        row(format!("`delete --force` of {count}, 4 at once, seconds"), &|name| {
            one(&format!("{}/delete-all/{count}", start(name)))
        });
    }
    row("memory of the machine a created container, KiB".to_owned(), &|name| {
        one(&format!("{}/machine/memory", start(name)))
    });
    let table = table("ms", &names, &rows);
    if table.is_empty() { table } else { format!("### {layout}, growth\n\n{table}") }
}

/// The tables of phases.
fn gaps(figures: &Figures, layout: &str) -> String {
    phases::STEPS.iter().map(|step| gap(figures, layout, *step)).collect()
}

/// The median and the minimum of a phase.
fn phase(figures: &Figures, layout: &str, step: Step, name: &str, phase: &str) -> Option<(f64, f64)> {
    let of = |what: &str| figures.get(&format!("{layout}/docker/{name}/{}/phase/{what}/{phase}", step.key()));
    Some((of("median")?, of("minimum")?))
}

/// All phases that were measured, what they are, and by how much their minimum is more than the floor's.
fn more(figures: &Figures, layout: &str, step: Step) -> Vec<(String, String, Option<f64>)> {
    let start = format!("{layout}/docker/{OWN}/{}/phase/minimum/", step.key());
    let mut further: Vec<_> =
        figures.under(&start).filter(|(phase, _)| PHASES.iter().all(|(known, _)| known != phase)).collect();
    further.sort_by(|one, other| other.1.total_cmp(&one.1));
    let (last, first) = PHASES.split_last().unwrap_or((&PHASES[0], &[]));
    let names = first.iter().copied().chain(further.iter().map(|(phase, _)| (*phase, *phase))).chain([*last]);
    let row = |(name, title): (&str, &str)| {
        let floor = phase(figures, layout, step, FLOOR, name);
        let own = phase(figures, layout, step, OWN, name);
        floor.or(own)?;
        let more = own.map(|own| own.1 - floor.map_or(0.0, |floor| floor.1));
        Some((name.to_owned(), title.to_owned(), more))
    };
    names.filter_map(row).collect()
}

fn gap(figures: &Figures, layout: &str, step: Step) -> String {
    let mut rows = String::new();
    for (name, title, more) in more(figures, layout, step) {
        let cell = |runtime| {
            let times = phase(figures, layout, step, runtime, &name);
            times.map(|(median, minimum)| format!("{median:.0} / {minimum:.0}"))
        };
        let cells = [cell(FLOOR), cell(OWN), more.map(|more| format!("{more:.0}"))];
        let cells = cells.map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
        rows += &format!("| {title} | {} |\n", cells.join(" | "));
    }
    if rows.is_empty() {
        return rows;
    }
    format!("### {layout}, docker: the phases of {}\n\n{PHASES_TOLD}\n{rows}\n", step.title())
}

const PHASES_TOLD: &str = "\
Microseconds, *median / minimum*. What Cofferdam does beside the floor's phases has its own name. Its two processes work
side by side, and waiting for the other counts, so its phases are more than the whole together.

| | floor | cofferdam | more (minima) |
|---|---|---|---|";

/// What a change is held to, one line each, and whether all is held.
pub(crate) fn check(bars: &[crate::bounds::Bar], figures: &Figures) -> (String, bool) {
    let judged = judge(bars, figures);
    let mut text = String::new();
    for Judged { bar, peer, own, held } in &judged {
        let bound = match (bar.bound, peer) {
            (Bound::AtMost(most), _) => most,
            (Bound::OfPeer(part) | Bound::TimesPeer(part), peer) => peer.unwrap_or_default() * part,
        };
        let verdict = if *held { "ok" } else { "FAILED" };
        text += &format!("{verdict:6} {}: {} {} (bound {})\n", bar.what, number(*own), bar.unit, number(bound));
    }
    (text, !judged.is_empty() && judged.iter().all(|judged| judged.held))
}
