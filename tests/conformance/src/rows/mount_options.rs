//! config.md, Linux mount options: each one, by what it does.

use harness::Bundle;
use harness::programs;
use harness::view::{answer, flags, mount, refused};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::MountFlags;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

super::rows! { "mount_options":
    "config.md, Linux mount options" {
        defaults: "`defaults` is taken",
        ro_and_rw: "`ro` forbids writing, `rw` allows it",
        suid_and_nosuid: "`nosuid` lets set-user-ID programs run as who calls them, `suid` as their owner",
        exec_and_noexec: "`noexec` refuses to run programs, `exec` runs them",
        dev_and_nodev: "`nodev` refuses to open devices, `dev` opens them",
        symfollow_and_nosymfollow: "`nosymfollow` follows no links, `symfollow` does",
        atime_and_noatime: "`noatime` and `atime` show",
        relatime_and_norelatime: "`relatime` and `norelatime` show",
        strictatime_and_nostrictatime: "`strictatime` and `nostrictatime` show",
        diratime_and_nodiratime: "`nodiratime` and `diratime` show",
        the_later_of_two_counts: "of two options that contradict one another the later one counts",
        what_a_bind_inherits_is_cleared: "`rw`, `suid`, `dev`, `exec` clear what the source of a bind has",
        sync_and_async: "`sync` and `async` show",
        dirsync: "`dirsync` shows",
        lazytime_and_nolazytime: "`lazytime` and `nolazytime` show",
        iversion_and_noiversion: "`iversion` and `noiversion` are taken",
        silent_and_loud: "`silent` and `loud` are taken",
        mand_and_nomand: "`mand` and `nomand` may be taken",
        remount: "`remount` changes what is mounted already",
        bind_and_rbind: "`bind` shows a folder elsewhere, `rbind` also what is mounted below",
        tmpcopyup: "`tmpcopyup` may fill a tmpfs with what it covers",
        what_is_unknown_goes_to_the_file_system: "unknown options go to the file system",
        what_the_file_system_does_not_know_is_an_error: "options that the file system does not know are an error",
    }
}

/// Fails unless a tmpfs with these options, and a bind with them, have the flags that begin with no `-`, and not the
/// others.
#[track_caller]
fn shows(cases: &[(&[&str], &[&str])]) {
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.folder().join("tree")).expect("a folder");
    for (index, (asked, _)) in cases.iter().enumerate() {
        let of_bind: Vec<&str> = ["bind"].iter().chain(*asked).copied().collect();
        let tmpfs = json!({"destination": format!("/t{index}"), "type": "tmpfs", "source": "t", "options": asked});
        bundle.set("/mounts/-", tmpfs);
        bundle.set("/mounts/-", json!({"destination": format!("/b{index}"), "source": "tree", "options": of_bind}));
    }
    let seen = bundle.probe(&[]);
    for (index, (asked, wanted)) in cases.iter().enumerate() {
        for target in [format!("/t{index}"), format!("/b{index}")] {
            let found = flags(&seen, &target);
            let right =
                |flag: &&str| flag.strip_prefix('-').map_or_else(|| found.contains(flag), |not| !found.contains(&not));
            assert!(wanted.iter().all(right), "{asked:?} at {target}: {found:?}");
        }
    }
}

/// Fails unless the file system of a tmpfs with these options has the flags that begin with no `-`, and not the
/// others.
#[track_caller]
fn shows_of_the_file_system(cases: &[(&[&str], &str)]) {
    let mut bundle = Bundle::new();
    for (index, (asked, _)) in cases.iter().enumerate() {
        let mount = json!({"destination": format!("/t{index}"), "type": "tmpfs", "source": "t", "options": asked});
        bundle.set("/mounts/-", mount);
    }
    let seen = bundle.probe(&[]);
    for (index, (asked, wanted)) in cases.iter().enumerate() {
        let found: Vec<&str> =
            mount(&seen, &format!("/t{index}"))["super"].as_str().expect("flags").split(',').collect();
        let right = wanted.strip_prefix('-').map_or_else(|| found.contains(wanted), |not| !found.contains(&not));
        assert!(right, "{asked:?}: {found:?}");
    }
}

/// A bundle that binds `tree` at `/a` with one option and at `/b` with another.
fn twice(a: &str, b: &str) -> Bundle {
    let bind = |target, option| json!({"destination": target, "source": "tree", "options": ["bind", option]});
    let bundle = Bundle::new().with("/mounts/-", bind("/a", a)).with("/mounts/-", bind("/b", b));
    fs::create_dir(bundle.folder().join("tree")).expect("a folder");
    bundle
}

fn defaults() {
    shows(&[(&["defaults"], &["rw"]), (&["defaults", "ro"], &["ro"])]);
}

fn ro_and_rw() {
    shows(&[(&["ro"], &["ro"]), (&["rw"], &["rw"])]);
    let seen = twice("ro", "rw").probe(&["write:/a/x=y", "write:/b/x=y"]);
    refused(&seen, "write:/a/x=y", "Read-only");
    assert_eq!(answer(&seen, "write:/b/x=y"), "ok");
}

fn suid_and_nosuid() {
    shows(&[(&["nosuid"], &["nosuid"]), (&["suid"], &["-nosuid"])]);
    let mut bundle = twice("nosuid", "suid").with("/process/user/uid", json!(1000));
    bundle.set("/process/noNewPrivileges", json!(false));
    bundle.set("/process/args", json!(["/bin/sh", "-c", "/a/probe; /b/probe"]));
    let program = bundle.folder().join("tree/probe");
    programs::copy(&bundle.rootfs("probe"), &program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("its mode");
    let said = bundle.run().ok().out;
    let who: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(who[0]["status"]["Uid"], "1000 1000 1000 1000");
    assert_eq!(who[1]["status"]["Uid"], "1000 0 0 0");
}

fn exec_and_noexec() {
    shows(&[(&["noexec"], &["noexec"]), (&["exec"], &["-noexec"])]);
    let bundle = twice("noexec", "exec")
        .with("/process/args", json!(["/bin/sh", "-c", "/a/busybox true; echo $?; /b/busybox true; echo $?"]));
    programs::copy(&bundle.rootfs("bin/busybox"), &bundle.folder().join("tree/busybox"));
    assert_eq!(bundle.run().ok().out, "126\n0\n");
}

fn dev_and_nodev() {
    shows(&[(&["nodev"], &["nodev"]), (&["dev"], &["-nodev"])]);
    let mut bundle = twice("nodev", "dev");
    let device = bundle.folder().join("tree/null");
    mknodat(CWD, &device, FileType::CharacterDevice, Mode::from(0o666), makedev(1, 3)).expect("a device");
    let seen = bundle.probe(&["open:/a/null", "open:/b/null"]);
    refused(&seen, "open:/a/null", "Permission denied");
    assert_eq!(answer(&seen, "open:/b/null"), "ok");
}

fn symfollow_and_nosymfollow() {
    shows(&[(&["nosymfollow"], &["nosymfollow"]), (&["symfollow"], &["-nosymfollow"])]);
    let mut bundle = twice("nosymfollow", "symfollow");
    symlink("/etc/passwd", bundle.folder().join("tree/link")).expect("a link");
    let seen = bundle.probe(&["open:/a/link", "open:/b/link"]);
    refused(&seen, "open:/a/link", "symbolic link");
    assert_eq!(answer(&seen, "open:/b/link"), "ok");
}

fn atime_and_noatime() {
    shows(&[(&["noatime"], &["noatime", "-relatime"]), (&["atime"], &["-noatime"])]);
}

fn relatime_and_norelatime() {
    shows(&[(&["relatime"], &["relatime"]), (&["norelatime"], &["-noatime"])]);
}

fn strictatime_and_nostrictatime() {
    shows(&[(&["strictatime"], &["-relatime", "-noatime"]), (&["nostrictatime"], &["relatime"])]);
}

fn diratime_and_nodiratime() {
    shows(&[(&["nodiratime"], &["nodiratime"]), (&["diratime"], &["-nodiratime"])]);
}

fn the_later_of_two_counts() {
    shows(&[
        (&["ro", "rw"], &["rw"]),
        (&["rw", "ro"], &["ro"]),
        (&["nosuid", "suid", "nodev", "dev", "noexec", "exec"], &["-nosuid", "-nodev", "-noexec"]),
        (&["noatime", "strictatime"], &["-noatime", "-relatime"]),
    ]);
}

fn what_a_bind_inherits_is_cleared() {
    let mut bundle = Bundle::new();
    let flagged = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    bundle.mount_on_host("tree", flagged);
    let pairs = [("rw", "ro"), ("suid", "nosuid"), ("dev", "nodev"), ("exec", "noexec")];
    for (clears, _) in pairs {
        bundle.set(
            "/mounts/-",
            json!({"destination": format!("/of/{clears}"), "source": "tree", "options": ["bind", clears]}),
        );
    }
    let seen = bundle.probe(&[]);
    for (clears, flag) in pairs {
        let found = flags(&seen, &format!("/of/{clears}"));
        assert!(!found.contains(&flag), "{clears}: {found:?}");
    }
}

fn sync_and_async() {
    shows_of_the_file_system(&[(&["sync"], "sync"), (&["async"], "-sync"), (&["sync", "async"], "-sync")]);
}

fn dirsync() {
    shows_of_the_file_system(&[(&["dirsync"], "dirsync"), (&[], "-dirsync")]);
}

fn lazytime_and_nolazytime() {
    shows_of_the_file_system(&[(&["lazytime"], "lazytime"), (&["lazytime", "nolazytime"], "-lazytime")]);
}

fn iversion_and_noiversion() {
    shows(&[(&["iversion", "nodev"], &["nodev"]), (&["noiversion", "nodev"], &["nodev"])]);
}

fn silent_and_loud() {
    shows(&[(&["silent", "nodev"], &["nodev"]), (&["loud", "nodev"], &["nodev"])]);
}

fn mand_and_nomand() {
    shows(&[(&["mand", "nodev"], &["nodev"]), (&["nomand", "nodev"], &["nodev"])]);
}

fn remount() {
    let tmpfs = |options: Value| json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": options});
    let mut bundle = Bundle::new();
    bundle.set("/mounts/-", tmpfs(json!(["size=1m"])));
    bundle.set("/mounts/-", tmpfs(json!(["remount", "ro", "nosuid", "size=2m"])));
    let seen = bundle.probe(&["write:/t/x=y"]);
    let (found, system) = (flags(&seen, "/t"), mount(&seen, "/t")["super"].as_str().expect("flags"));
    assert!(found.contains(&"nosuid") && system.contains("size=2048k"), "{found:?} {system}");
    refused(&seen, "write:/t/x=y", "Read-only");
    let mounts = seen["mounts"].as_array().expect("mounts");
    assert_eq!(mounts.iter().filter(|mount| mount["target"] == "/t").count(), 1);
}

fn bind_and_rbind() {
    let mut bundle = twice("bind", "rbind");
    bundle.mount_on_host("tree/below", MountFlags::empty());
    fs::write(bundle.folder().join("tree/below/file"), "content").expect("a file");
    let seen = bundle.probe(&["list:/a/below", "list:/b/below"]);
    assert_eq!(answer(&seen, "list:/a/below"), &json!([]));
    assert_eq!(answer(&seen, "list:/b/below"), &json!(["file"]));
}

fn tmpcopyup() {
    let mount = json!({"destination": "/full", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]});
    let mut bundle = Bundle::new().with("/mounts/-", mount);
    fs::create_dir_all(bundle.rootfs("full/below")).expect("a folder");
    fs::write(bundle.rootfs("full/below/file"), "kept").expect("a file");
    symlink("below/file", bundle.rootfs("full/link")).expect("a link");
    fs::set_permissions(bundle.rootfs("full/below"), fs::Permissions::from_mode(0o751)).expect("its mode");
    let seen = bundle.probe(&["read:/full/link", "stat:/full/below", "stat:/full/link", "write:/full/new=x"]);
    assert_eq!(answer(&seen, "read:/full/link"), "kept");
    assert_eq!(answer(&seen, "stat:/full/below")["mode"], 0o751);
    assert_eq!(answer(&seen, "stat:/full/link")["link"], "below/file");
    assert_eq!(answer(&seen, "write:/full/new=x"), "ok");
    assert!(!bundle.rootfs("full/new").exists());
}

fn what_is_unknown_goes_to_the_file_system() {
    let options = json!(["size=1m", "mode=1750", "ro", "uid=7", "gid=8", "nr_inodes=99"]);
    let mount_it = json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": options});
    let seen = Bundle::new().with("/mounts/-", mount_it).probe(&["stat:/t"]);
    let found = mount(&seen, "/t")["super"].as_str().expect("flags");
    assert!(found.contains("size=1024k") && found.contains("nr_inodes=99"), "{found}");
    let there = answer(&seen, "stat:/t");
    assert_eq!((&there["mode"], &there["uid"], &there["gid"]), (&json!(0o1750), &json!(7), &json!(8)));
}

fn what_the_file_system_does_not_know_is_an_error() {
    for option in ["nonesuch", "nonesuch=1", "size=much"] {
        let mount = json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": [option]});
        let bundle = Bundle::new().with("/mounts/-", mount);
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}
