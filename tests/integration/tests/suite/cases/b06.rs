//! B06: HOME comes from the container's passwd, `/` where that does not name the user; what the config says
//! stays. A missing or odd passwd is no error.

use harness::{Bundle, need_cofferdam, need_root};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

const SHOW: [&str; 3] = ["/bin/sh", "-c", "echo $HOME"];

/// HOME as a program of user `uid` sees it, run and through exec.
#[track_caller]
fn homes(bundle: &mut Bundle, uid: u32, env: &[&str]) -> [String; 2] {
    bundle.set("/process/user", json!({"uid": uid, "gid": uid}));
    bundle.set("/process/env", json!(env));
    bundle.set("/process/args", json!(SHOW));
    let run = bundle.run().ok().out;
    let mut process = bundle.config["process"].clone();
    bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.up();
    process["args"] = json!(SHOW);
    let exec = bundle.exec_process(&process).ok().out;
    bundle.call(["delete", "--force", bundle.id()]).ok();
    [run.trim().to_owned(), exec.trim().to_owned()]
}

#[test]
fn home_is_looked_up() {
    need_root!();
    let mut bundle = Bundle::new();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/home/u", "/home/u"]);
    assert_eq!(homes(&mut bundle, 4242, &["PATH=/bin"]), ["/", "/"]);
    assert_eq!(homes(&mut bundle, 0, &["PATH=/bin"]), ["/root", "/root"]);
}

#[test]
fn what_the_config_says_stays() {
    need_root!();
    let mut bundle = Bundle::new();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin", "HOME=/z"]), ["/z", "/z"]);
}

#[test]
fn an_empty_home_is_looked_up() {
    need_root!();
    need_cofferdam!("Debian's runc leaves it empty");
    let mut bundle = Bundle::new();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin", "HOME="]), ["/home/u", "/home/u"]);
}

#[test]
fn no_passwd_is_no_error() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::remove_file(bundle.rootfs("etc/passwd")).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/", "/"]);
    fs::remove_file(bundle.rootfs("etc/group")).unwrap();
    fs::remove_dir(bundle.rootfs("etc")).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/", "/"]);
}

#[test]
fn lines_that_are_broken_are_passed_over() {
    need_root!();
    let mut bundle = Bundle::new();
    let text =
        "\n:::\n1000:x:0:0:a number for a name:/wrong:\nu:x:1000:1000::/right:/bin/sh\nu2:x:1000:1000::/second:\n";
    fs::write(bundle.rootfs("etc/passwd"), text).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/right", "/right"]);
}

#[test]
fn a_passwd_that_is_no_file_does_no_harm() {
    need_root!();
    need_cofferdam!("Debian's runc reads it whole");
    let mut bundle = Bundle::new();
    let passwd = bundle.rootfs("etc/passwd");
    fs::remove_file(&passwd).unwrap();
    fs::create_dir(&passwd).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/", "/"]);
    fs::remove_dir(&passwd).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &passwd, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/", "/"]);
    fs::remove_file(&passwd).unwrap();
    symlink("/dev/zero", &passwd).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/", "/"]);
    fs::remove_file(&passwd).unwrap();
    fs::File::create(&passwd).unwrap().set_len(4 << 30).unwrap();
    assert_eq!(homes(&mut bundle, 1000, &["PATH=/bin"]), ["/", "/"]);
}
