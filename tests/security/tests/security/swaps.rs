//! SECURITY C4 to C8, races without luck: at every system call with a path that a runtime makes while it creates a
//! container, an attacker exchanges a part of a path that is his for something else.
//!
//! Controls: the mutants `c04-` and `c05-`.

use harness::need_root;
use rig::moments::{self, Moment, Way, Who};
use rig::{Obstacle, Trap, mounted, trap};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the config is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setup {
    /// As engines have it.
    Engine,
    /// Nothing is mounted at `/dev`.
    Bare,
    /// The same, with a terminal.
    Terminal,
}

/// What comes in the place of a component.
#[derive(Debug, Clone, Copy)]
enum Twin {
    /// An obstacle; a link leads to that name of the canary.
    Other(Obstacle, &'static str),
    /// An empty folder.
    Folder,
    /// Nothing: it is moved away.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
struct Swap {
    setup: Setup,
    way: Way,
    /// From the bundle's folder.
    component: &'static str,
    twin: Twin,
}

const fn swap(setup: Setup, way: Way, component: &'static str, twin: Twin) -> Swap {
    Swap { setup, way, component, twin }
}

use Obstacle::{Fifo, File, Link, Magic, Up};
use Setup::{Bare, Engine, Terminal};
use Twin::{Folder, Nothing, Other};

const SWAPS: [Swap; 20] = [
    swap(Engine, "exchange", "volume/a", Other(Link, "")),
    swap(Engine, "flip", "volume/a", Other(Up, "")),
    swap(Engine, "flip", "volume/a", Other(Magic, "")),
    swap(Engine, "exchange", "volume/a/in", Other(Link, "sys")),
    swap(Engine, "exchange", "volume/a/null", Other(Link, "null")),
    swap(Engine, "exchange", "volume/a/null", Other(Fifo, "")),
    swap(Engine, "mount", "volume/a", Nothing),
    swap(Engine, "unmount", "volume/b", Nothing),
    swap(Engine, "move", "volume/a", Nothing),
    swap(Engine, "exchange", "volume/source", Other(Fifo, "")),
    swap(Engine, "exchange", "rootfs", Folder),
    swap(Engine, "exchange", "rootfs/proc", Other(Link, "proc")),
    swap(Engine, "flip", "rootfs/sys", Other(Link, "sys")),
    swap(Engine, "exchange", "rootfs/dev", Other(Link, "")),
    swap(Bare, "exchange", "rootfs/dev", Other(Link, "")),
    swap(Bare, "flip", "rootfs/dev", Other(Magic, "")),
    swap(Bare, "exchange", "rootfs/dev", Other(File, "")),
    swap(Bare, "exchange", "rootfs/dev/null", Other(Link, "null")),
    swap(Terminal, "exchange", "rootfs/dev/pts", Other(Link, "pts")),
    swap(Terminal, "flip", "rootfs/dev/console", Other(Link, "console")),
];

impl Setup {
    /// The config, and what the attacker's folders are like before.
    fn set(self, trap: &mut Trap) {
        let bundle = &mut trap.bundle;
        let volume = bundle.folder().join("volume");
        fs::create_dir_all(volume.join("a/in")).unwrap();
        fs::create_dir(volume.join("b")).unwrap();
        for file in ["a/null", "source"] {
            fs::write(volume.join(file), "").unwrap();
        }
        for (destination, source) in [("a/null", "file"), ("file", "volume/source"), ("a/fs/deep", "volume")] {
            let destination = format!("/mnt/volume/{destination}");
            bundle.set("/mounts/-", json!({"destination": destination, "source": source, "options": ["bind"]}));
        }
        for destination in ["/mnt/volume/a/in", "/mnt/volume/b/in"] {
            bundle.set("/mounts/-", json!({"destination": destination, "type": "tmpfs", "source": "t"}));
        }
        if self != Engine {
            let mut mounts = bundle.config["mounts"].clone();
            mounts.as_array_mut().unwrap().retain(|mount| mount["destination"] != "/dev");
            bundle.set("/mounts", mounts);
            fs::create_dir(bundle.rootfs("dev/pts")).unwrap();
            for file in ["dev/null", "dev/console"] {
                fs::write(bundle.rootfs(file), "").unwrap();
            }
        }
        bundle.set("/process/terminal", json!(self == Terminal));
    }
}

#[derive(Debug)]
struct Case {
    swap: Swap,
    moment: Moment,
    /// How many mounts the container has where nothing is exchanged.
    mounts: usize,
}

impl Case {
    /// Makes a container while this is done. Whether it was made.
    fn done(&self, trap: &Trap) -> Result<bool, String> {
        let swap = self.swap;
        let one = trap.bundle.folder().join(swap.component);
        // In the same volume: what is moved out of it takes its mounts along.
        let other = trap.bundle.folder().join(if swap.is_of_volume() { "volume/twin" } else { "twin" });
        trap::remove(&other);
        match swap.twin {
            Other(obstacle, name) => obstacle.make(&other, &trap.canary.path(name)),
            Folder => fs::create_dir(&other).unwrap(),
            Nothing => {}
        }
        if swap.way == "unmount" {
            mount("t", &one, "tmpfs", MountFlags::empty(), None).unwrap();
        }
        let (made, told) = moments::create(trap, self.moment, swap.way, &one, &other);
        let wrong = trap.judge(&made, |_, pid| self.astray(pid));
        if matches!(swap.way, "mount" | "unmount") {
            let _not_there = unmount(&one, UnmountFlags::DETACH);
        }
        let wrong = trap.cleared().map_or(wrong, Err);
        give_back(trap, &other);
        wrong.map_err(|why| format!("at {told:?}: {why}"))
    }

    /// Who exchanges parts of a volume moves a mount within the container, at most.
    fn astray(&self, pid: u32) -> Option<String> {
        let seen = mounted::count(pid);
        (self.swap.is_of_volume() && seen < self.mounts).then(|| format!("{seen} mounts, not {}", self.mounts))
    }
}

/// The root file system is found at its place again.
fn give_back(trap: &Trap, other: &PathBuf) {
    let root = trap.bundle.rootfs("");
    if !root.join("probe").exists() && other.join("probe").exists() {
        renameat_with(CWD, &root, CWD, other, RenameFlags::EXCHANGE).unwrap();
    }
}

/// One in how many moments is tried where not all are.
const THINNED: usize = 30;

impl Swap {
    /// The same of this swap. What others can change at any time, a volume, is looked at more closely while init is at it.
    fn step(self, who: Who) -> usize {
        let thinned = match who {
            Who::Runtime => THINNED * 3,
            Who::Child if self.is_of_volume() && matches!(self.twin, Other(Link | Up | Magic, _)) => THINNED / 6,
            Who::Child => THINNED,
        };
        rig::rounds(thinned, 1)
    }

    fn is_of_volume(self) -> bool {
        self.component.starts_with("volume/")
    }
}

#[test]
fn whatever_is_exchanged_at_whatever_moment_nothing_of_the_host_is_touched() {
    need_root!();
    let mut cases = Vec::new();
    for setup in [Engine, Bare, Terminal] {
        let mut trap = Trap::new();
        setup.set(&mut trap);
        let (moments, mounts) = moments::all(&trap);
        for (index, swap) in SWAPS.iter().enumerate().filter(|(_, swap)| swap.setup == setup) {
            // Each swap has moments of its own.
            let chosen = |moment: &&Moment| (moment.number + index).is_multiple_of(swap.step(moment.who));
            cases.extend(moments.iter().filter(chosen).map(|moment| Case { swap: *swap, moment: *moment, mounts }));
        }
    }
    let reached = AtomicUsize::new(0);
    let made = trap::each(&cases, |trap, case| {
        case.swap.setup.set(trap);
        let made = case.done(trap);
        let told = fs::read_to_string(trap.bundle.folder().join("told")).unwrap_or_default();
        reached.fetch_add(usize::from(told.starts_with("reached")), Ordering::Relaxed);
        made
    });
    let reached = reached.into_inner();
    println!("{reached} moments reached");
    assert!(reached * 10 > cases.len() * 9, "only {reached} of {} moments reached", cases.len());
    assert!(made > cases.len() / 4, "only {made} of {} came up", cases.len());
}
