//! SECURITY C1: nothing in a container ever holds the runtime's own file so that it could write to it: CVE-2019-5736.
//!
//! Controls: runc 1.1.5, whose file is busy since it could be opened for writing; `the_attacker_catches_a_program_that_is_not_protected`; the mutants
//! `c01-`.

use harness::{Bundle, eventually, host, need_cofferdam, need_root, programs};
use rig::attackers::ATTACK;
use rig::privileged::privileged;
use rig::{Canary, rounds};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

#[test]
fn a_created_container_does_not_run_from_the_installed_file() {
    need_root!();
    need_cofferdam!("runc's is behind a read-only mount");
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let exe = format!("/proc/{}/exe", bundle.pid());
    let found = fs::metadata(&exe).unwrap();
    let installed = fs::metadata(programs::runtime()).unwrap();
    assert_ne!((found.dev(), found.ino()), (installed.dev(), installed.ino()), "init runs from the installed file");
    let error = fs::File::options().write(true).open(&exe).unwrap_err();
    // ETXTBSY while it runs, EPERM or EROFS for good.
    assert!([26, 1, 30].contains(&error.raw_os_error().unwrap()), "{error}");
    let maps = fs::read_to_string(format!("/proc/{}/maps", bundle.pid())).unwrap();
    assert!(!maps.lines().any(|line| line.ends_with(programs::runtime().to_str().unwrap())), "{maps}");
}

/// A privileged container with the attacker at work.
#[track_caller]
fn attacked() -> Bundle {
    let bundle = privileged("exec /attack");
    ATTACK.plant(&bundle);
    bundle.up();
    ATTACK.wait(&bundle);
    bundle
}

/// Fails the test if the attacker saw nothing of ours, or could write to anything.
#[track_caller]
fn wrote_nothing(bundle: &Bundle, times: usize) {
    let log = ATTACK.log(bundle);
    assert!(log["caught"].as_u64() > Some(times as u64 / 10), "the attacker saw hardly any process: {log}");
    assert_eq!(log["written"], 0, "{log}");
}

fn times() -> usize {
    if host::is_user_mode() { 20 } else { rounds(100, 1000) }
}

#[test]
fn an_attacker_inside_never_opens_it_for_writing() {
    need_root!();
    let canary = Canary::new();
    let bundle = attacked();
    for _ in 0..times() {
        bundle.exec(&["/bin/true"]).ok();
    }
    wrote_nothing(&bundle, times());
    canary.assert_same();
}

/// `create` and `run`, seen by a container whose PID namespace theirs is.
#[test]
fn an_attacker_beside_never_opens_it_for_writing() {
    need_root!();
    let canary = Canary::new();
    let attacked = attacked();
    let times = times() / 4;
    let namespace = format!("/proc/{}/ns/pid", attacked.pid());
    for _ in 0..times {
        let mut bundle = Bundle::new().without_namespace("pid").with("/process/args", json!(["/bin/true"]));
        bundle.set("/linux/namespaces/-", json!({"type": "pid", "path": namespace}));
        // What is in the attacker's own root is no catch.
        bundle.set("/root/path", json!(attacked.rootfs("")));
        bundle.up();
        bundle.call(["delete", "--force", bundle.id()]).ok();
        bundle.run().ok();
    }
    wrote_nothing(&attacked, times);
    canary.assert_same();
}

/// The positive control: `nsenter`, which enters a container while it runs from a file of the host, is caught.
#[test]
fn the_attacker_catches_a_program_that_is_not_protected() {
    need_root!();
    let bundle = attacked();
    let victim = bundle.folder().join("victim");
    programs::copy(&programs::find("nsenter").expect("nsenter"), &victim);
    let target = bundle.pid().to_string();
    eventually("the attacker could write to it", || {
        let enter =
            std::process::Command::new(&victim).args(["--target", &target, "--pid", "--mount", "/bin/true"]).status();
        enter.is_ok() && ATTACK.log(&bundle)["written"].as_u64().unwrap() > 0
    });
}

#[test]
fn an_image_that_runs_what_runs_it_gets_nothing() {
    need_root!();
    let canary = Canary::new();
    for program in ["/proc/self/exe", "/bin/self", "/script", "/bin/sh"] {
        let bundle = Bundle::new().with("/process/args", json!([program, "--version"]));
        symlink("/proc/self/exe", bundle.rootfs("bin/self")).unwrap();
        fs::write(bundle.rootfs("script"), "#!/proc/self/exe\n").unwrap();
        fs::set_permissions(bundle.rootfs("script"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(bundle.rootfs("bin/sh")).unwrap();
        symlink("/proc/self/exe", bundle.rootfs("bin/sh")).unwrap();
        drop(bundle.run());
        bundle.call(["delete", "--force", bundle.id()]).ok();
        let bundle = bundle.with("/process/args", json!(["/bin/sleep", "1000"]));
        bundle.up();
        drop(bundle.exec(&[program, "--version"]));
    }
    canary.assert_same();
}
