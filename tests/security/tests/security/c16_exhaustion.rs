//! SECURITY C16: an image's `/etc/passwd`, whatever it is, takes neither time nor memory: CVE-2026-47262.
//!
//! Controls: the mutants `c16-`. Memory is bounded from outside, by a limit of the address space.

use harness::{Bundle, host, need_cofferdam, need_root};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

/// For the runtime process and init, in KiB; a debug build's program is 30 MiB.
const ADDRESS_SPACE: &str = "ulimit -v 98304";

type Make = fn(&Path);

/// What `/etc/passwd` is, and the home of user 1000 by it.
const KINDS: [(&str, Make, &str); 9] = [
    ("a hole of 4 GiB", |path| File::create(path).unwrap().set_len(4 << 30).unwrap(), "/"),
    ("a line of 1 GiB", |path| long_line(path, 1 << 30), "/"),
    ("a million lines", many_lines, "/home/found"),
    ("a fifo", |path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap(), "/"),
    (
        "a device without end",
        |path| mknodat(CWD, path, FileType::CharacterDevice, Mode::RWXU, makedev(1, 5)).unwrap(),
        "/",
    ),
    ("a link to one", |path| symlink("/dev/zero", path).unwrap(), "/"),
    ("a link to itself", |path| symlink("passwd", path).unwrap(), "/"),
    ("a folder", |path| fs::create_dir(path).unwrap(), "/"),
    ("a socket", |path| drop(UnixListener::bind(path).unwrap()), "/"),
];

fn long_line(path: &Path, length: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(b"u:x:1000:1000:").unwrap();
    file.set_len(length).unwrap();
}

fn many_lines(path: &Path) {
    let line = "v:x:1001:1001::/:/\n".repeat(1000);
    let mut file = File::create(path).unwrap();
    for _ in 0..1000 {
        file.write_all(line.as_bytes()).unwrap();
    }
    file.write_all(b"u:x:1000:1000::/home/found:/\n").unwrap();
}

#[test]
fn a_passwd_of_any_kind_takes_no_time_and_no_memory() {
    need_root!();
    need_cofferdam!("runc's own memory is more");
    let patience = if host::is_user_mode() { 60 } else { 5 };
    for (kind, make, home) in KINDS {
        let mut bundle = Bundle::new().with("/process/user", json!({"uid": 1000, "gid": 1000}));
        let passwd = bundle.rootfs("etc/passwd");
        for path in [&passwd, &bundle.rootfs("etc/group")] {
            fs::remove_file(path).unwrap();
            make(path);
        }
        let outcome = bundle.call_after(ADDRESS_SPACE, ["run", bundle.id()]).ok();
        let seen = harness::bundle::seen(&outcome);
        assert_eq!(seen["status"]["Uid"], "1000 1000 1000 1000", "{kind}");
        assert!(seen["env"].as_array().unwrap().contains(&json!(format!("HOME={home}"))), "{kind}: {}", seen["env"]);
        // A second is the promise; a machine that others use may take longer.
        assert!(outcome.took < Duration::from_secs(patience), "{kind}: {:?}", outcome.took);
        bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
        bundle.up();
        let outcome = bundle.call_after(ADDRESS_SPACE, ["exec", bundle.id(), "/bin/true"]).ok();
        assert!(outcome.took < Duration::from_secs(patience), "exec, {kind}: {:?}", outcome.took);
    }
}

/// The limit is one: what takes more memory than that ends.
#[test]
fn the_limit_of_memory_is_noticed() {
    need_root!();
    let bundle = Bundle::of_shell("x=0123456789abcdef; while true; do x=$x$x; done");
    assert_ne!(bundle.call_after(ADDRESS_SPACE, ["run", bundle.id()]).outcome().code, 0);
}
