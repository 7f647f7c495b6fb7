//! SECURITY C7: a terminal is one of the container's own devpts, or there is none.
//!
//! Controls: the mutants `c07-`.

use harness::terminal::message;
use harness::{Bundle, need_root};
use rig::{Canary, Obstacle, mounted};
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
        for (path, name) in
            [("pts", "pts"), ("pts/ptmx", "ptmx"), ("pts/0", "null"), ("ptmx", "ptmx"), ("console", "console")]
        {
            images.push(Image::Has(path, obstacle, name));
        }
    }
    images
}

/// A bundle with a terminal whose `/dev` is the image's, with or without a devpts mounted in it.
fn bundle(image: Image, devpts: bool, canary: &Canary) -> Bundle {
    let mut bundle = Bundle::of_sleep().with("/process/terminal", json!(true));
    let mut mounts = bundle.config["mounts"].clone();
    let kept = |path: &str| path != "/dev" && (devpts || path != "/dev/pts");
    mounts.as_array_mut().unwrap().retain(|mount| kept(mount["destination"].as_str().unwrap()));
    bundle.set("/mounts", mounts);
    let dev = bundle.rootfs("dev");
    match image {
        Image::Has(path, obstacle, name) => {
            fs::create_dir_all(dev.join(path).parent().unwrap()).unwrap();
            obstacle.make(&dev.join(path), &canary.path(name));
        }
        Image::Pattern => {
            fs::create_dir(dev.join("pts")).unwrap();
            symlink("/proc/sys/kernel/core_pattern", dev.join("pts/0")).unwrap();
        }
        Image::Node => {
            fs::create_dir(dev.join("pts")).unwrap();
            let mode = Mode::from_raw_mode(0o666);
            mknodat(CWD, dev.join("pts/ptmx"), FileType::CharacterDevice, mode, makedev(5, 2)).unwrap();
            bundle.set("/mounts/-", json!({"destination": "/dev/pts/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]}));
        }
    }
    bundle
}

/// Where it came up: exactly one descriptor was sent, of the container's devpts, and that is its console.
fn own(bundle: &Bundle, console: &UnixListener) -> Result<(), String> {
    let (stream, _) = console.accept().map_err(|error| format!("no terminal: {error}"))?;
    stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(5)))).unwrap();
    let (descriptors, _) = message(&stream);
    let [master] = &descriptors[..] else { return Err(format!("{descriptors:?}")) };
    let pid = bundle.pid();
    let strange = mounted::foreign(pid, bundle.tag());
    let stdin = fs::metadata(format!("/proc/{pid}/fd/0")).map_err(|error| error.to_string())?;
    let seen = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let device = format!(" {}:{} ", rustix::fs::major(stdin.dev()), rustix::fs::minor(stdin.dev()));
    // What is mounted of that devpts: itself, and one terminal of it.
    let roots: Vec<&str> =
        seen.lines().filter(|line| line.contains(&device)).filter_map(|line| line.split(' ').nth(3)).collect();
    let right = fstat(master.as_fd()).unwrap().st_dev == stdin.dev()
        && rustix::fs::major(stdin.rdev()) == 136
        && (roots == ["/", "/0"])
        && strange.is_empty();
    if right { Ok(()) } else { Err(format!("{master:?}, {stdin:?}, {roots:?}, {strange:?}")) }
}

fn comes_up(image: Image, devpts: bool) -> bool {
    let canary = Canary::new();
    let bundle = bundle(image, devpts, &canary);
    let console = UnixListener::bind(bundle.folder().join("console")).unwrap();
    console.set_nonblocking(true).unwrap();
    let made = bundle.call(["create", "--console-socket", "console", bundle.id()]).outcome();
    assert!(made.took < Duration::from_secs(5), "{image:?}: {:?}", made.took);
    let up = made.code == 0;
    if up {
        own(&bundle, &console).unwrap_or_else(|why| panic!("{image:?}, devpts {devpts}: {why}"));
    } else {
        made.fails();
    }
    bundle.call(["delete", "--force", bundle.id()]).outcome();
    canary.assert_same();
    bundle.assert_nothing_left();
    up
}

#[test]
fn a_terminal_is_the_containers_own() {
    need_root!();
    let up = images().into_iter().filter(|image| comes_up(*image, true)).count();
    assert!(up > 5, "only {up} came up");
}

#[test]
fn without_a_devpts_there_is_no_terminal() {
    need_root!();
    for image in images() {
        // A path beneath a link to nowhere is one in the image: still no devpts.
        assert!(!comes_up(image, false), "{image:?}");
    }
}
