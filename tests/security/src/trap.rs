//! Images of an attacker: something else lies where a runtime makes, mounts or opens a thing, and what comes of it.

use crate::canary::Canary;
use crate::mounted::{foreign, on_host};
use harness::{Bundle, Outcome};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// No step of a runtime waits for long, whatever lies in its way: who waits for an attacker waits for good. A machine that
/// is busy takes some seconds by itself, where many make cgroups at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What an attacker puts in the place of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A link to a path of the host.
    Link,
    /// The same by way of `..`, more often than there is anything above.
    Up,
    /// The same through `/proc/self/root`, which is the host's root for as long as nothing is pivoted.
    Magic,
    /// A link to itself.
    Loop,
    /// A regular file.
    File,
    /// A FIFO that nobody opens.
    Fifo,
    /// A socket.
    Socket,
}

impl Obstacle {
    /// All.
    pub const ALL: [Obstacle; 7] = [
        Obstacle::Link,
        Obstacle::Up,
        Obstacle::Magic,
        Obstacle::Loop,
        Obstacle::File,
        Obstacle::Fifo,
        Obstacle::Socket,
    ];

    /// Makes it at `at`; a link leads to `host`.
    pub fn make(self, at: &Path, host: &Path) {
        let beneath = host.strip_prefix("/").expect("an absolute path");
        match self {
            Obstacle::Link => symlink(host, at),
            Obstacle::Up => symlink(Path::new("../../../../../../../../../../../..").join(beneath), at),
            Obstacle::Magic => symlink(Path::new("/proc/self/root").join(beneath), at),
            Obstacle::Loop => symlink(at.file_name().expect("a name"), at),
            Obstacle::File => fs::write(at, "the image's\n"),
            Obstacle::Fifo => mknodat(CWD, at, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(Into::into),
            Obstacle::Socket => UnixListener::bind(at).map(drop),
        }
        .unwrap_or_else(|error| panic!("{}: {error}", at.display()));
    }
}

/// A bundle whose image is an attacker's, used for one case after the other, and the canary that its links lead to.
#[derive(Debug)]
pub struct Trap {
    /// The bundle.
    pub bundle: Bundle,
    /// Where links lead.
    pub canary: Canary,
    config: Value,
    console: UnixListener,
}

impl Default for Trap {
    fn default() -> Self {
        Trap::new()
    }
}

impl Trap {
    /// A bundle like all, with a volume, a file and a tmpfs more in it.
    pub fn new() -> Self {
        let mut bundle = Bundle::new().with("/process/args", json!(["/bin/true"]));
        let console = UnixListener::bind(bundle.folder().join("console")).expect("a socket");
        console.set_nonblocking(true).expect("a socket");
        bundle.set("/mounts/-", json!({"destination": "/mnt/volume", "source": "volume", "options": ["rbind"]}));
        bundle.set("/mounts/-", json!({"destination": "/mnt/file", "source": "file", "options": ["bind"]}));
        bundle.set("/mounts/-", json!({"destination": "/run/secrets", "type": "tmpfs", "source": "t"}));
        let config = bundle.config.clone();
        let trap = Trap { bundle, canary: Canary::new(), config, console };
        trap.restore();
        trap
    }

    /// The socket that terminals come to.
    pub fn console(&self) -> &UnixListener {
        &self.console
    }

    /// All as it was in the beginning.
    pub fn reset(&mut self) {
        self.bundle.set("", self.config.clone());
        self.restore();
    }

    fn restore(&self) {
        for name in ["dev", "etc", "mnt", "proc", "run", "sys", "tmp"] {
            remove(&self.bundle.rootfs(name));
        }
        for name in ["dev", "etc", "mnt", "proc", "run", "sys", "tmp"] {
            fs::create_dir(self.bundle.rootfs(name)).expect("a folder");
        }
        remove(&self.bundle.folder().join("volume"));
        fs::create_dir(self.bundle.folder().join("volume")).expect("a folder");
        fs::write(self.bundle.folder().join("file"), "a file\n").expect("a file");
    }

    /// Puts an obstacle at a path of the image, in the place of what is there; a link leads to that name of the canary.
    pub fn place(&self, path: &str, obstacle: Obstacle, name: &str) {
        let at = self.bundle.rootfs(path);
        remove(&at);
        fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
        obstacle.make(&at, &self.canary.path(name));
    }

    /// `create`, with the socket for a terminal where the config wants one.
    pub fn create(&self) -> Outcome {
        self.bundle.call(self.words()).outcome()
    }

    /// The words of `create`; the pid file is not there yet.
    pub fn words(&self) -> Vec<&str> {
        remove(&self.bundle.folder().join("pid"));
        let terminal = self.bundle.config["process"]["terminal"] == true;
        let console: &[&str] = if terminal { &["--console-socket", "console"] } else { &[] };
        let words = ["create", "--pid-file", "pid"].iter().chain(console).copied();
        words.chain([self.bundle.id()]).collect()
    }

    /// Makes a container, looks at it from the host (`look`, where it was made), and removes it. Whether it was made;
    /// what should not have happened.
    pub fn spring(&self, look: impl FnOnce(&Bundle, u32) -> Option<String>) -> Result<bool, String> {
        let made = self.create();
        let wrong = self.judge(&made, look);
        self.cleared().map_or(wrong, Err)
    }

    /// What is not as it should be after a `create`; the container is left as it is.
    pub fn judge(&self, made: &Outcome, look: impl FnOnce(&Bundle, u32) -> Option<String>) -> Result<bool, String> {
        if made.took > PATIENCE || made.err.contains("panicked at") {
            return Err(format!("after {:?}: {made}", made.took));
        }
        if made.code != 0 {
            let clean = !made.err.trim().is_empty() && (made.code < 128 || made.code == 255);
            return if clean { Ok(false) } else { Err(format!("no clean error: {made}")) };
        }
        let pid = fs::read_to_string(self.bundle.folder().join("pid")).expect("a pid file");
        let pid = pid.trim().parse().expect("a pid");
        let strange = foreign(pid, self.bundle.tag());
        if !strange.is_empty() {
            return Err(format!("mounts of the host that no config named: {strange:#?}"));
        }
        look(&self.bundle, pid).map_or(Ok(true), Err)
    }

    /// Removes the container. What is wrong with the host then.
    pub fn cleared(&self) -> Option<String> {
        while self.console.accept().is_ok() {}
        if self.bundle.state_folder().join(self.bundle.id()).exists() {
            let gone = self.bundle.call(["delete", "--force", self.bundle.id()]).outcome();
            if gone.code != 0 || gone.took > PATIENCE {
                return Some(format!("not deleted, after {:?}: {gone}", gone.took));
            }
        }
        let mounts = on_host(self.bundle.tag());
        let changes = self.canary.folder_changes();
        (!mounts.is_empty() || !changes.is_empty()).then(|| format!("changed on the host: {changes:#?} {mounts:#?}"))
    }

    /// Removes the container, and fails the test if anything of it or of the host is left otherwise than it was.
    #[track_caller]
    pub fn assert_harmless(&self) {
        assert_eq!(self.cleared(), None);
        self.canary.assert_same();
        self.bundle.assert_nothing_left();
    }
}

/// Removes what is at a path, whatever it is.
pub fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).expect("removed"),
        Ok(_) => fs::remove_file(path).expect("removed"),
        Err(_) => {}
    }
}

/// Has a few traps work off many cases, each set up anew for each; fails the test with all that went wrong. Returns how
/// many containers were made.
#[track_caller]
pub fn each<C: Sync + std::fmt::Debug>(
    cases: &[C],
    work: impl Fn(&mut Trap, &C) -> Result<bool, String> + Sync,
) -> usize {
    let next = Mutex::new(cases.iter());
    let (made, wrong) = (Mutex::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut trap = Trap::new();
                while let Some(case) = { next.lock().expect("cases").next() } {
                    trap.reset();
                    match work(&mut trap, case) {
                        Ok(one) => *made.lock().expect("a count") += usize::from(one),
                        Err(why) => {
                            // At once, too: a long run may end otherwise than by telling all.
                            println!("{case:?}: {why}");
                            wrong.lock().expect("a list").push(format!("{case:?}: {why}"));
                            trap = Trap::new();
                        }
                    }
                }
                trap.assert_harmless();
            });
        }
    });
    let (made, wrong) = (made.into_inner().expect("a count"), wrong.into_inner().expect("a list"));
    println!("{} cases, {made} containers made", cases.len());
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), cases.len(), wrong.join("\n"));
    made
}

/// More than there are processors: a part of the time is the kernel's clearing up.
const WORKERS: usize = 4;
