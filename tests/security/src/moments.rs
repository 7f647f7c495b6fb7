//! A container made while, at one of its moments, a part of a path is exchanged: `moment.c` stops the runtime and all that
//! it makes at each system call that takes a path.

use crate::{Trap, mounted};
use harness::{Call, Outcome, programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Whose system call a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The runtime process.
    Runtime,
    /// A process that it makes: init, hooks.
    Child,
}

/// A moment: before the `number`th system call with a path, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Whose.
    pub who: Who,
    /// Which.
    pub number: usize,
}

/// What is done at a moment, with two paths: `exchange`, `flip`, `move`, `mount`, `unmount`, `none`. See `moment.c`.
pub type Way = &'static str;

fn program() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| programs::compiled("moment", include_str!("moment.c"))).clone()
}

/// All moments of `create` of a trap's bundle as it is, and how many mounts the container has.
#[track_caller]
pub fn all(trap: &Trap) -> (Vec<Moment>, usize) {
    let moment = Moment { who: Who::Child, number: 0 };
    let (made, told) = create(trap, moment, "none", Path::new("-"), Path::new("-"));
    let mut mounts = 0;
    let made = trap.judge(&made, |_, pid| {
        mounts = mounted::count(pid);
        None
    });
    trap.assert_harmless();
    assert_eq!(made, Ok(true));
    let counts: Vec<usize> = told.split(' ').skip(1).filter_map(|word| word.trim().parse().ok()).collect();
    assert!(told.starts_with("ended ") && counts.iter().all(|count| *count > 10), "{told:?}");
    let of = |who, count| (1..=count).map(move |number| Moment { who, number });
    (of(Who::Child, counts[1]).chain(of(Who::Runtime, counts[0])).collect(), mounts)
}

/// `create`, in which something happens at a moment. What came of it, and what `moment` told: it begins with `reached`
/// where the moment was.
pub fn create(trap: &Trap, moment: Moment, way: Way, one: &Path, other: &Path) -> (Outcome, String) {
    let bundle = &trap.bundle;
    let told = bundle.folder().join("told");
    crate::trap::remove(&told);
    let (number, root) = (moment.number.to_string(), bundle.state_folder());
    let who = if moment.who == Who::Runtime { "runtime" } else { "child" };
    let made = Call::new(&program(), bundle.folder())
        .args([told.as_os_str(), who.as_ref(), number.as_ref(), way.as_ref(), one.as_os_str(), other.as_os_str()])
        .args([programs::runtime().as_os_str(), "--root".as_ref(), root.as_os_str()])
        .args(trap.words())
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
        .outcome();
    (made, fs::read_to_string(told).unwrap_or_default())
}
