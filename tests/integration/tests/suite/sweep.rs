//! SIGKILL at every moment, and a failure of every kind: `delete --force` finds all that is left, and the id is
//! free again.
//!
//! A first call under strace(1) lists the system calls that change something; each further one is killed at the
//! next of them. Between two of them the host stays as it is, so that all its states are met, every time.

use harness::footprint::Footprint;
use harness::strace::Point;
use harness::{Bundle, need_cofferdam, need_root, programs, skip, until};
use std::time::Duration;

macro_rules! need_strace {
    () => {
        need_root!();
        need_cofferdam!("a sweep is about its system calls");
        if programs::find("strace").is_none() {
            skip!("needs strace");
        }
    };
}

/// A command that is swept.
struct Sweep {
    /// The calls before it.
    before: &'static [&'static [&'static str]],
    /// The command.
    command: &'static [&'static str],
}

/// What stands for the container's id.
const ID: &str = "ID";

const CREATE: Sweep = Sweep { before: &[], command: &["create", "--pid-file", "pid", ID] };
const RUN: Sweep = Sweep { before: &[], command: &["run", "--detach", "--pid-file", "pid", ID] };
const START: Sweep = Sweep { before: &[&["create", ID]], command: &["start", ID] };
const EXEC: Sweep = Sweep { before: &[&["create", ID], &["start", ID]], command: &["exec", ID, "/bin/true"] };
const DELETE: Sweep = Sweep { before: &[&["create", ID], &["start", ID]], command: &["delete", "--force", ID] };

fn of<'a>(bundle: &'a Bundle, command: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    command.iter().map(|word| if *word == ID { bundle.id() } else { word })
}

/// `delete --force`: what keeps it from its work.
fn delete(bundle: &Bundle) -> Option<String> {
    let outcome = bundle.call(["delete", "--force", bundle.id()]).outcome();
    let well = outcome.code == 0 && outcome.took < Duration::from_secs(5);
    (!well).then(|| format!("{:?}: {outcome}", outcome.took))
}

/// What the host keeps after a moment in which what was killed may end.
fn left(bundle: &Bundle) -> Option<String> {
    let gone = until(Duration::from_secs(2), || bundle.footprint().is_empty());
    (!gone).then(|| format!("left over: {:?}", bundle.footprint()))
}

impl Sweep {
    /// Kills the command at each of its steps; `clean` comes after each, and says what went wrong with it. What was
    /// there before, together, and what went wrong.
    fn each(&self, bundle: &Bundle, clean: impl Fn(&Bundle) -> Option<String>) -> (Footprint, Vec<String>) {
        let prepare = || self.before.iter().for_each(|call| drop(bundle.call(of(bundle, call)).ok()));
        prepare();
        let points = bundle.points_of(of(bundle, self.command));
        bundle.call(["delete", "--force", bundle.id()]).ok();
        let (mut seen, mut wrong, mut hits) = (Footprint::default(), Vec::new(), 0);
        let steps: Vec<&Point> = points.iter().filter(|point| point.acts()).collect();
        assert!(steps.len() > 5, "{steps:?}");
        for point in &steps {
            prepare();
            let outcome = bundle.killed_at(point, false, of(bundle, self.command)).outcome();
            hits += usize::from(outcome.code == 137);
            if !matches!(outcome.code, 0 | 137) {
                wrong.push(format!("before {point}, after what was killed earlier: {outcome}"));
            }
            add(&mut seen, bundle.footprint());
            wrong.extend(clean(bundle).map(|text| format!("killed at {point}: {text}")));
        }
        // How often it looks again varies with the time that others take.
        if hits * 10 < steps.len() * 9 {
            wrong.push(format!("only {hits} of {} hit", steps.len()));
        }
        (seen, wrong)
    }

    /// All that must hold.
    #[track_caller]
    fn leaves_nothing(&self) -> Footprint {
        let bundle = Bundle::of_sleep();
        let (seen, wrong) = self.each(&bundle, |bundle| delete(bundle).or_else(|| left(bundle)));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        bundle.up();
        bundle.call(["delete", "--force", bundle.id()]).ok();
        bundle.assert_nothing_left();
        seen
    }
}

fn add(seen: &mut Footprint, found: Footprint) {
    seen.mounts.extend(found.mounts);
    seen.cgroups.extend(found.cgroups);
    seen.processes.extend(found.processes);
    seen.state.extend(found.state);
}

/// That a sweep met what it is about, and saw it.
#[track_caller]
fn met_everything(seen: &Footprint) {
    let counts = (seen.state.len(), seen.cgroups.len(), seen.processes.len());
    assert!(counts.0 > 0 && counts.1 > 0 && counts.2 > 0, "state, cgroups, processes: {counts:?}");
}

#[test]
fn create_killed_at_each_step() {
    need_strace!();
    met_everything(&CREATE.leaves_nothing());
}

#[test]
fn run_killed_at_each_step() {
    need_strace!();
    met_everything(&RUN.leaves_nothing());
}

#[test]
fn start_killed_at_each_step() {
    need_strace!();
    met_everything(&START.leaves_nothing());
}

#[test]
fn exec_killed_at_each_step() {
    need_strace!();
    met_everything(&EXEC.leaves_nothing());
}

#[test]
fn delete_killed_at_each_step() {
    need_strace!();
    met_everything(&DELETE.leaves_nothing());
}

/// Init's death is noticed by create, which takes back all by itself; after it is ready, by delete.
#[test]
fn init_killed_at_each_step() {
    need_strace!();
    let bundle = Bundle::of_shell("exit 0");
    let points = bundle.points_of_run().init;
    let steps: Vec<&Point> = points.iter().filter(|point| point.acts() && point.name != "execveat").collect();
    assert!(steps.len() > 50, "{steps:?}");
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for point in &steps {
        let outcome = bundle.killed_at(point, true, ["create", bundle.id()]).outcome();
        let problem = match outcome.code {
            1 => {
                refused += 1;
                let one_line = outcome.err.trim_end().lines().count() == 1 && !outcome.err.contains("panicked");
                (!one_line).then(|| outcome.to_string())
            }
            // Or the runtime process made that call first.
            0 | 137 => delete(&bundle),
            _ => Some(outcome.to_string()),
        };
        wrong.extend(problem.or_else(|| left(&bundle)).map(|text| format!("init killed at {point}: {text}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused * 2 > steps.len(), "only {refused} of {} hit init", steps.len());
    bundle.create().ok();
}

/// The control: where nobody cleans up, the sweep sees it.
#[test]
fn a_sweep_sees_what_is_left() {
    need_strace!();
    let bundle = Bundle::of_sleep();
    let points = bundle.points_of(of(&bundle, CREATE.command));
    bundle.call(["delete", "--force", bundle.id()]).ok();
    let last = points.iter().rfind(|point| point.acts() && point.name != "exit_group").unwrap();
    bundle.killed_at(last, false, of(&bundle, CREATE.command)).outcome().exits(137);
    assert!(left(&bundle).is_some(), "nothing seen after {last}");
    bundle.create().fails().says("exists");
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}
