//! SECURITY C1: nothing in a container ever holds the runtime's own file so that it could write to it.

use harness::{Bundle, eventually, host, need_cofferdam, need_root, programs};
use rig::attackers::ATTACK;
use rig::privileged::privileged;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

fn identity() -> (u64, u64, i64, u64) {
    let found = fs::metadata(programs::runtime()).unwrap();
    (found.dev(), found.ino(), found.mtime_nsec(), found.len())
}

#[test]
fn a_created_container_does_not_run_from_the_installed_file() {
    need_root!();
    need_cofferdam!("runc's is behind a read-only mount");
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let exe = format!("/proc/{}/exe", bundle.pid());
    let found = fs::metadata(&exe).unwrap();
    let (device, inode, ..) = identity();
    assert_ne!((found.dev(), found.ino()), (device, inode), "init runs from the installed file");
    let error = fs::File::options().write(true).open(&exe).unwrap_err();
    // ETXTBSY while it runs, EPERM or EROFS for good.
    assert!([26, 1, 30].contains(&error.raw_os_error().unwrap()), "{error}");
    let maps = fs::read_to_string(format!("/proc/{}/maps", bundle.pid())).unwrap();
    assert!(!maps.lines().any(|line| line.ends_with(programs::runtime().to_str().unwrap())), "{maps}");
}

#[test]
fn an_attacker_inside_never_opens_it_for_writing() {
    need_root!();
    let bundle = privileged("exec /attack");
    ATTACK.plant(&bundle);
    let before = (identity(), fs::read(programs::runtime()).unwrap());
    bundle.up();
    ATTACK.wait(&bundle);
    let times = if host::is_user_mode() { 20 } else { 200 };
    for _ in 0..times {
        bundle.exec(&["/bin/true"]).ok();
    }
    let log = ATTACK.log(&bundle);
    assert!(log["seen"].as_u64().unwrap() > times / 10, "the attacker saw hardly any process: {log}");
    assert_eq!(log["written"], 0, "{log}");
    assert_eq!((identity(), fs::read(programs::runtime()).unwrap()), before);
}

/// The positive control: `nsenter`, which enters a container while it runs from a file of the host, is caught.
#[test]
fn the_attacker_catches_a_program_that_is_not_protected() {
    need_root!();
    let bundle = privileged("exec /attack");
    ATTACK.plant(&bundle);
    let victim = bundle.folder().join("victim");
    programs::copy(&programs::find("nsenter").expect("nsenter"), &victim);
    bundle.up();
    ATTACK.wait(&bundle);
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
    let before = identity();
    let bundle = Bundle::new().with("/process/args", json!(["/proc/self/exe", "--version"]));
    drop(bundle.run());
    symlink("/proc/self/exe", bundle.rootfs("bin/self")).unwrap();
    fs::write(bundle.rootfs("script"), "#!/proc/self/exe\n").unwrap();
    for program in ["/bin/self", "/script"] {
        let bundle = Bundle::new().with("/process/args", json!([program]));
        symlink("/proc/self/exe", bundle.rootfs("bin/self")).unwrap();
        drop(bundle.run());
        bundle.call(["delete", "--force", bundle.id()]).ok();
    }
    assert_eq!(identity(), before);
}
