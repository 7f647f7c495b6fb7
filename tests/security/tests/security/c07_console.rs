//! SECURITY C7: a terminal is one of the container's own devpts, or there is none.
//!
//! Controls: the mutants `c07-`.

use harness::need_root;
use harness::terminal::message;
use rig::{Obstacle, Trap, trap};
use rustix::fs::{CWD, FileType, Mode, fstat, makedev, mknodat};
use serde_json::json;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// What an image has where the terminal is made.
#[derive(Debug, Clone, Copy)]
enum Image {
    /// This, at that path, a link to that name of the canary.
    Has(&'static str, Obstacle, &'static str),
    /// `/dev/pts/0` is a link to the core pattern.
    Pattern,
    /// A node 5:2 at `/dev/pts/ptmx`, on no devpts, and a devpts where the kernel looks for that node's.
    Node,
}

fn images() -> Vec<Image> {
    let mut images = vec![Image::Pattern, Image::Node];
    for obstacle in Obstacle::ALL {
        for (path, name) in [
            ("/dev/pts", "pts"),
            ("/dev/pts/ptmx", "ptmx"),
            ("/dev/pts/0", "null"),
            ("/dev/ptmx", "ptmx"),
            ("/dev/console", "console"),
        ] {
            images.push(Image::Has(path, obstacle, name));
        }
    }
    images
}

/// A terminal is wanted, and `/dev` is the image's, with or without a devpts mounted in it.
fn set(trap: &mut Trap, image: Image, devpts: bool) {
    let bundle = &mut trap.bundle;
    bundle.set("/process/terminal", json!(true));
    let mut mounts = bundle.config["mounts"].clone();
    let kept = |path: &str| path != "/dev" && (devpts || path != "/dev/pts");
    mounts.as_array_mut().unwrap().retain(|mount| kept(mount["destination"].as_str().unwrap()));
    bundle.set("/mounts", mounts);
    let pts = bundle.rootfs("dev/pts");
    match image {
        Image::Has(path, obstacle, name) => trap.place(path, obstacle, name),
        Image::Pattern => {
            fs::create_dir(&pts).unwrap();
            symlink("/proc/sys/kernel/core_pattern", pts.join("0")).unwrap();
        }
        Image::Node => {
            fs::create_dir(&pts).unwrap();
            let mode = Mode::from_raw_mode(0o666);
            mknodat(CWD, pts.join("ptmx"), FileType::CharacterDevice, mode, makedev(5, 2)).unwrap();
            let options = json!(["newinstance"]);
            let devpts =
                json!({"destination": "/dev/pts/pts", "type": "devpts", "source": "devpts", "options": options});
            bundle.set("/mounts/-", devpts);
        }
    }
}

/// Where it came up: exactly one descriptor was sent, of the container's devpts, and that is its console.
fn own(pid: u32, console: &UnixListener) -> Result<(), String> {
    let (stream, _) = console.accept().map_err(|error| format!("no terminal: {error}"))?;
    stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(5)))).unwrap();
    let (descriptors, _) = message(&stream);
    let [master] = &descriptors[..] else { return Err(format!("{descriptors:?}")) };
    let stdin = fs::metadata(format!("/proc/{pid}/fd/0")).map_err(|error| error.to_string())?;
    let seen = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let device = format!(" {}:{} ", rustix::fs::major(stdin.dev()), rustix::fs::minor(stdin.dev()));
    // What is mounted of that devpts: itself, and one terminal of it.
    let roots: Vec<&str> =
        seen.lines().filter(|line| line.contains(&device)).filter_map(|line| line.split(' ').nth(3)).collect();
    let right = fstat(master.as_fd()).unwrap().st_dev == stdin.dev()
        && rustix::fs::major(stdin.rdev()) == 136
        && roots == ["/", "/0"];
    if right { Ok(()) } else { Err(format!("{master:?}, {stdin:?}, {roots:?}")) }
}

/// How many come up.
#[track_caller]
fn up(devpts: bool) -> usize {
    trap::each(&images(), |trap, image| {
        set(trap, *image, devpts);
        trap.spring(|_, pid| own(pid, trap.console()).err())
    })
}

#[test]
fn a_terminal_is_the_containers_own() {
    need_root!();
    assert!(up(true) > 5);
}

/// A path beneath a link to nowhere is one in the image: still no devpts.
#[test]
fn without_a_devpts_there_is_no_terminal() {
    need_root!();
    assert_eq!(up(false), 0);
}
