//! The programs that tests use: the runtime, busybox, the probe, small C programs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The runtime under test.
#[track_caller]
pub fn runtime() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(find_runtime).clone()
}

fn find_runtime() -> PathBuf {
    if let Some(path) = std::env::var_os("RUNTIME").filter(|path| !path.is_empty()) {
        return fs::canonicalize(&path).unwrap_or_else(|error| panic!("RUNTIME={}: {error}", path.display()));
    }
    let profile = built();
    let target = profile.parent().map(Path::to_owned).unwrap_or_default();
    let places = [profile, target.join("release"), target.join("debug")];
    let found = places.iter().map(|place| place.join("cofferdam")).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no cofferdam in {places:?}: cargo build, or set RUNTIME"))
}

/// Whether the runtime under test is Cofferdam, not a stand-in.
pub fn is_cofferdam() -> bool {
    // By what it says of itself: whatever its file is called, nothing of ours may be skipped.
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| {
        let features = std::process::Command::new(runtime()).arg("features").output();
        features.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("\"cofferdam.version\""))
    })
}

/// The folder that cargo builds programs into: of the test's own program, or one above.
fn built() -> PathBuf {
    let own = std::env::current_exe().expect("the test's own path");
    let folder = own.parent().expect("a folder");
    if folder.ends_with("deps") { folder.parent().expect("a folder").to_owned() } else { folder.to_owned() }
}

/// The probe: a static program that prints what it sees.
pub fn probe() -> PathBuf {
    built().join("probe")
}

/// A static busybox.
pub fn busybox() -> PathBuf {
    find("busybox").expect("busybox: install busybox-static")
}

/// Copies a program, by another process: a child that some thread makes while we hold the copy open for writing would
/// hold it open, too, and nobody could execute it for that long.
#[track_caller]
pub fn copy(program: &Path, target: &Path) {
    let status = Command::new("cp").arg("--").args([program, target]).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{} is not there: cargo build -p cofferdam-tests",
        program.display()
    );
}

/// A program of the host's PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/sbin:/usr/bin:/sbin:/bin"));
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A static program made of C source, once: what safe Rust has no call for.
pub fn compiled(name: &str, source: &str) -> PathBuf {
    let folder = built().join("test-programs");
    let settled = folder.join(name);
    // Where there is no compiler, it may have been brought along: hack/vm-tests.
    if find("cc").is_none() && settled.exists() {
        return settled;
    }
    fs::create_dir_all(&folder).expect("a folder for programs");
    let unique = format!("{name}-{}-{:?}", std::process::id(), std::thread::current().id());
    let (text, program) = (folder.join(format!("{unique}.c")), folder.join(&unique));
    fs::write(&text, source).expect("the source");
    let status = Command::new("cc").args(["-static", "-Os", "-o"]).arg(&program).arg(&text).status();
    assert!(status.expect("cc").success(), "cc {}", text.display());
    fs::remove_file(&text).expect("the source");
    fs::rename(&program, &settled).expect("the program");
    settled
}

/// `call CALL…` makes system calls and prints what came of each; see `call.c`.
pub fn call() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || compiled("call", include_str!("call.c"));
    MADE.get_or_init(make).clone()
}

/// `answer ERRNO` answers what comes to the notify descriptor that is its stdin with that error.
pub fn answer() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || compiled("answer", include_str!("answer.c"));
    MADE.get_or_init(make).clone()
}

/// `interrupt VICTIM AT N COMMAND…` kills a process of a command at its Nth system call.
pub fn interrupt() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || compiled("interrupt", include_str!("interrupt.c"));
    MADE.get_or_init(make).clone()
}
