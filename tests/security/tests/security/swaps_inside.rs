//! SECURITY C4 to C8, races without luck, until the container's program runs: what `swaps` does not swap, on a volume that
//! mounts of the host come into, and what the program then sees.
//!
//! Of all points and swaps a sample is taken here, the same each time; `hack/security --full` takes more than 5,000.
//! Controls: the mutants `swap-`.

use harness::{Call, Outcome, need_cofferdam, need_root, programs};
use rig::mounted::foreign_in;
use rig::{Trap, trap};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount_change, unmount};
use serde_json::json;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// What is swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a volume that the attacker shares.
    Volume(&'static str),
    /// In the root file system.
    Root(&'static str),
    /// The image's `/dev`, with a tmpfs at it.
    Dev,
    /// The source of a bind.
    Source,
    /// The root file system itself.
    Whole,
}

const PLACES: [Place; 17] = [
    Place::Volume("d"),
    Place::Volume("d/dir"),
    Place::Volume("d/file"),
    Place::Volume("d/bind"),
    Place::Volume("d/node"),
    Place::Volume("d/cwd"),
    Place::Volume("d/mask"),
    Place::Volume("d/ro"),
    Place::Root("dev"),
    Place::Root("dev/null"),
    Place::Root("dev/pts"),
    Place::Root("proc"),
    Place::Root("sys"),
    Place::Root("kept"),
    Place::Dev,
    Place::Source,
    Place::Whole,
];

/// What comes in its place, and what a link says, where the canary's folder is `@`. `over` and `bind` are mounts that
/// reach the container through a shared mount of the host.
const SWAPS: [(&str, &str); 13] = [
    ("link", "@"),
    ("link", "@/null"),
    ("link", "../../../../../../../../../..@"),
    ("link", "/proc/self/root@"),
    ("link", "/"),
    ("directory", ""),
    ("file", ""),
    ("fifo", ""),
    ("socket", ""),
    ("node", ""),
    ("nothing", ""),
    ("over", ""),
    ("bind", ""),
];

/// How many path-taking calls later all is as before: never, at the next, at the one after.
const BACKS: [usize; 3] = [0, 1, 2];

#[derive(Debug)]
struct Case {
    point: usize,
    place: Place,
    swap: (&'static str, &'static str),
    back: usize,
}

impl Case {
    /// All, or each `step`th.
    fn all(points: usize, step: usize) -> Vec<Case> {
        let mut cases = Vec::new();
        for place in PLACES {
            for swap in SWAPS.into_iter().filter(|swap| is_of_use(place, swap.0)) {
                for back in BACKS {
                    cases.extend((1..=points).map(|point| Case { point, place, swap, back }));
                }
            }
        }
        // A sample has these, which once were harmful, often enough.
        let away = [Place::Root("proc"), Place::Root("sys"), Place::Root("kept"), Place::Dev];
        let at = |point| away.map(|place| Case { point, place, swap: ("directory", ""), back: 0 });
        let often = (1..=points).step_by(16).filter(|_| step > 1).flat_map(at);
        cases.into_iter().step_by(step).chain(often).collect()
    }

    fn judge(&self, trap: &mut Trap) -> Result<bool, String> {
        let lab = Lab::new(trap, self.place == Place::Dev);
        let link = self.swap.1.replace('@', trap.canary.folder().to_str().unwrap());
        let place = lab.path(trap, self.place);
        let outcome = swapping(trap, self.point, self.back, &[self.swap.0, place.to_str().unwrap(), &link]);
        let log = fs::read_to_string(trap.bundle.folder().join("log")).unwrap_or_default();
        drop(lab);
        let wrong = self.wrong(trap, &outcome, &log);
        tidy(trap);
        trap.cleared().or(wrong).map_or(Ok(outcome.code == 0), Err)
    }

    fn wrong(&self, trap: &Trap, outcome: &Outcome, log: &str) -> Option<String> {
        let clean = outcome.code == 0 || !outcome.err.trim().is_empty() && matches!(outcome.code, 1..128 | 255);
        if outcome.took > trap::PATIENCE || outcome.err.contains("panicked at") || !clean {
            return Some(format!("after {:?}: {outcome}", outcome.took));
        }
        // Where the source of a bind leads is its owner's to say.
        let strange = if self.place == Place::Source { Vec::new() } else { strange(log, trap) };
        if !strange.is_empty() {
            return Some(format!("mounts of the host that no config named: {strange:#?}"));
        }
        // What is made in /dev is made by its path: there, or in what was mounted there, it is to be hidden.
        if self.place == Place::Dev && self.back == 0 && outcome.code == 0 && !log.contains("/full ") {
            return Some("/dev/full is not masked".to_owned());
        }
        let bare = bare(log);
        (!bare.is_empty()).then(|| format!("mounts that are not protected: {bare:#?}"))
    }
}

/// What the mounts are known by in mountinfo that have masks and read-only paths in them: words, the end of their root.
const PROTECTED: [(&str, &str, &[&str]); 3] =
    [(" - proc ", "/", &["keys", "sys"]), (" - sysfs ", "/", &["firmware"]), ("", "/bound", &["secret", "ro"])];

/// Every one of these that the container's program sees without its masks and read-only paths.
fn bare(log: &str) -> Vec<String> {
    let inside = lines_of(log, "inside ");
    let field = |line: &str, number: usize| line.split(' ').nth(number).unwrap_or_default().to_owned();
    let targets: HashSet<String> = inside.lines().map(|line| field(line, 4)).collect();
    let is_bare = |line: &str| {
        let of = PROTECTED.iter().find(|(words, end, _)| line.contains(words) && field(line, 3).ends_with(end));
        of.is_some_and(|(_, _, names)| {
            names.iter().any(|name| !targets.contains(&format!("{}/{name}", field(line, 4))))
        })
    };
    inside.lines().filter(|line| is_bare(line)).map(str::to_owned).collect()
}

/// What the root file system is swapped for must not be the host's: whoever may do that owns the bundle.
fn is_of_use(place: Place, kind: &str) -> bool {
    match place {
        Place::Whole => matches!(kind, "nothing" | "directory" | "file" | "fifo"),
        Place::Source => !matches!(kind, "link" | "over" | "bind"),
        Place::Volume(_) | Place::Root(_) | Place::Dev => true,
    }
}

/// What a trap has more in it for these cases: a volume on a shared mount, and the config that uses it.
struct Lab {
    shared: PathBuf,
    volume: PathBuf,
}

impl Lab {
    fn new(trap: &mut Trap, dev: bool) -> Self {
        let bundle = &mut trap.bundle;
        let shared = bundle.mount_on_host("shared", MountFlags::empty());
        mount_change(&shared, MountPropagationFlags::SHARED).unwrap();
        // The mounts of the volume are known by the tag.
        let volume = shared.join(bundle.tag());
        for folder in ["d/dir", "d/bind", "d/cwd", "d/mask", "d/ro"] {
            fs::create_dir_all(volume.join(folder)).unwrap();
        }
        for file in ["d/file", "d/node"] {
            fs::write(volume.join(file), "").unwrap();
        }
        fs::remove_file(volume.join("d/node")).unwrap();
        // It may be what the case before has made of it.
        trap::remove(&bundle.rootfs("kept"));
        for folder in ["dev/pts", "dev/shm", "dev/mqueue", "kept"] {
            fs::create_dir_all(bundle.rootfs(folder)).unwrap();
        }
        fs::create_dir_all(bundle.folder().join("bound/ro")).unwrap();
        fs::write(bundle.folder().join("bound/secret"), "").unwrap();
        let mounts = bundle.config["mounts"].as_array_mut().unwrap();
        mounts.retain(|mount| dev || mount["destination"] != "/dev");
        mounts.push(json!({"destination": "/v", "source": volume, "options": ["rbind", "rslave"]}));
        mounts.push(json!({"destination": "/v/d/dir", "type": "tmpfs", "source": "t"}));
        mounts.push(json!({"destination": "/v/d/file", "source": "file", "options": ["bind", "ro"]}));
        mounts.push(json!({"destination": "/v/d/bind", "source": "volume", "options": ["rbind"]}));
        bundle.set("/mounts/-", json!({"destination": "/kept", "source": "bound", "options": ["bind"]}));
        for masked in ["/kept/secret", "/dev/full"] {
            bundle.set("/linux/maskedPaths/-", json!(masked));
        }
        bundle.set("/linux/readonlyPaths/-", json!("/kept/ro"));
        bundle.set("/linux/devices", json!([{"path": "/v/d/node", "type": "c", "major": 1, "minor": 3}]));
        bundle.set("/linux/maskedPaths/-", json!("/v/d/mask"));
        bundle.set("/linux/readonlyPaths/-", json!("/v/d/ro"));
        bundle.set("/linux/sysctl", json!({"kernel.msgmax": "9000"}));
        bundle.set("/process/cwd", json!("/v/d/cwd"));
        Lab { shared, volume }
    }

    fn path(&self, trap: &Trap, place: Place) -> PathBuf {
        match place {
            Place::Volume(path) => self.volume.join(path),
            Place::Root(path) => trap.bundle.rootfs(path),
            Place::Dev => trap.bundle.rootfs("dev"),
            Place::Source => trap.bundle.folder().join("volume"),
            Place::Whole => trap.bundle.folder().join("rootfs"),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        unmount(&self.shared, UnmountFlags::DETACH).expect("unmounted");
    }
}

/// `run` with a swap at that point.
fn swapping(trap: &Trap, point: usize, back: usize, swap: &[&str]) -> Outcome {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    let tool = TOOL.get_or_init(|| programs::compiled("swap", include_str!("../../src/swap.c")));
    let bundle = &trap.bundle;
    let (log, state) = (bundle.folder().join("log"), bundle.state_folder());
    let who = if is_full() { "all" } else { "init" };
    Call::new(tool, bundle.folder())
        .args([log.to_str().unwrap(), who, &point.to_string(), &back.to_string()])
        .args(swap)
        .args([programs::runtime().as_os_str(), "--root".as_ref(), state.as_os_str()])
        .args(["run", bundle.id()])
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
        .outcome()
}

/// The lines that begin with a word, in what the tool tells.
fn lines_of(log: &str, word: &str) -> String {
    log.lines().filter_map(|line| line.strip_prefix(word)).flat_map(|line| [line, "\n"]).collect()
}

/// The mounts of the host that the container's program has.
fn strange(log: &str, trap: &Trap) -> Vec<String> {
    foreign_in(&lines_of(log, "inside "), &lines_of(log, "host "), trap.bundle.tag())
}

/// Puts the root file system back, and removes what else was swapped.
fn tidy(trap: &Trap) {
    let (folder, root) = (trap.bundle.folder(), trap.bundle.rootfs(""));
    if folder.join("rootfs.away").exists() {
        trap::remove(&folder.join("rootfs"));
        fs::rename(folder.join("rootfs.away"), folder.join("rootfs")).unwrap();
    }
    for entry in [folder, &root].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap()).flatten() {
        if [".away", ".swapped"].iter().any(|end| entry.file_name().to_str().unwrap().ends_with(end)) {
            trap::remove(&entry.path());
        }
    }
}

fn is_full() -> bool {
    rig::rounds(0, 1) == 1
}

/// How many points there are: none of them is reached by a swap beyond the last.
#[track_caller]
fn points() -> usize {
    let mut trap = Trap::new();
    let lab = Lab::new(&mut trap, false);
    let outcome = swapping(&trap, 1_000_000, 0, &["nothing", "/nonesuch", ""]);
    drop(lab);
    outcome.ok();
    let log = fs::read_to_string(trap.bundle.folder().join("log")).unwrap();
    assert_eq!(strange(&log, &trap), Vec::<String>::new());
    assert!(log.contains(" /v/d/bind ") && log.contains(" /v/d/file ") && log.contains(" /v/d/mask "), "{log}");
    log.lines().find_map(|line| line.strip_prefix("ended ")?.parse().ok()).expect("a count")
}

#[test]
fn no_swap_at_any_moment_leads_anything_astray() {
    need_root!();
    need_cofferdam!("the points are ours");
    let points = points();
    let all = Case::all(points, 1).len();
    let cases = Case::all(points, rig::rounds((all / 200) | 1, 17));
    println!("{points} points, {all} swaps at them, {} tried", cases.len());
    assert!(points > 40 && cases.len() > 150, "{points} points, {} swaps", cases.len());
    let made = trap::each(&cases, |trap, case| case.judge(trap));
    assert!(made > cases.len() / 4, "only {made} of {} came up", cases.len());
}
