//! B20: in a user namespace the flags of a mount that the host has made can't be cleared.

use crate::rootless::{Rootless, USER};
use harness::{need_cofferdam, need_root};
use serde_json::{Value, json};

/// A rootless bundle with a file system at `locked`, mounted with `options` for each call alone.
fn locked(options: &str) -> Rootless {
    let mut user = Rootless::new();
    let place = user.bundle.folder().join("locked");
    let place = place.display();
    user.before = format!(
        "mkdir -p {place}\nmount -t tmpfs locked {place}\nmkdir {place}/below\necho text >{place}/file\n\
         chown -R {USER}:{USER} {place}\nmount -o remount,bind,{options} {place}\n"
    );
    user
}

/// One more such file system on its `below`.
fn locked_twice(options: &str) -> Rootless {
    let mut user = locked(options);
    let below = user.bundle.folder().join("locked/below");
    let mount = format!("mount -t tmpfs -o {options} locked {}\n", below.display());
    user.before.push_str(&mount);
    user
}

/// A bind of that file system, or of a part of it, at `/m`.
fn bound(part: &str, options: &[&str]) -> Value {
    json!({"destination": "/m", "type": "none", "source": format!("locked/{part}"), "options": options})
}

/// The options of what is mounted at a path of the container.
#[track_caller]
fn options<'s>(seen: &'s Value, target: &str) -> Vec<&'s str> {
    let found = seen["mounts"].as_array().unwrap().iter().rev().find(|mount| mount["target"] == target);
    found.unwrap_or_else(|| panic!("nothing at {target}"))["options"].as_str().unwrap().split(',').collect()
}

const FLAGS: &str = "nosuid,nodev,noexec";

#[test]
fn locked_flags_are_kept() {
    need_root!();
    for (part, asked, more) in [
        ("", &["bind", "ro"][..], "ro"),
        ("", &["rbind"], "rw"),
        ("", &["bind"], "rw"),
        ("", &["bind", "rw"], "rw"),
        ("", &["rbind", "ro"], "ro"),
        ("", &["bind", "nosuid"], "rw"),
        ("", &["bind", "ro", "nosuid", "nodev", "noexec"], "ro"),
        ("", &["rbind", "rprivate", "nodev"], "rw"),
        ("file", &["bind", "ro"], "ro"),
    ] {
        let deep = asked.contains(&"rbind");
        let mut user = if deep { locked_twice(FLAGS) } else { locked(FLAGS) };
        user.bundle.set("/mounts/-", bound(part, asked));
        let seen = user.probe(&[]);
        let found = options(&seen, "/m");
        assert!(FLAGS.split(',').chain([more]).all(|flag| found.contains(&flag)), "{asked:?} gave {found:?}");
        if deep {
            let below = options(&seen, "/m/below");
            assert!(FLAGS.split(',').all(|flag| below.contains(&flag)), "{asked:?} gave {below:?}");
        }
        user.bundle.assert_nothing_left();
    }
}

#[test]
fn other_locked_flags_are_kept_too() {
    need_root!();
    need_cofferdam!("Debian's runc does not know them all");
    for (lock, asked, there) in [
        ("ro", &["bind"][..], "ro"),
        ("ro", &["bind", "nosuid"], "ro"),
        ("noatime", &["bind", "ro"], "noatime"),
        ("nosuid,noatime", &["rbind", "rro"], "nosuid,noatime,ro"),
    ] {
        let mut user = locked(lock);
        user.bundle.set("/mounts/-", bound("", asked));
        let seen = user.probe(&[]);
        let found = options(&seen, "/m");
        assert!(there.split(',').all(|flag| found.contains(&flag)), "{lock}, {asked:?} gave {found:?}");
        user.bundle.assert_nothing_left();
    }
}

/// Which flags stand in the way is said, and where in the config they are asked away.
#[test]
fn to_clear_a_locked_flag_is_refused_with_its_name_and_place() {
    need_root!();
    need_cofferdam!("it says less");
    for (lock, asked, names, spared) in [
        (FLAGS, &["bind", "ro", "exec", "suid"][..], &["noexec", "nosuid"][..], &["nodev"][..]),
        (FLAGS, &["bind", "dev"], &["nodev"], &["noexec", "nosuid"]),
        (FLAGS, &["rbind", "rexec"], &["noexec"], &["nodev", "nosuid"]),
        ("nosuid", &["bind", "exec", "suid"], &["nosuid"], &["noexec"]),
        ("ro", &["bind", "rw"], &["ro"], &["noexec"]),
        ("noatime", &["bind", "relatime"], &["noatime"], &["noexec", "nosuid"]),
        ("nosuid", &["bind", "noatime"], &["relatime"], &["nosuid"]),
    ] {
        let mut user = locked(lock);
        user.bundle.set("/mounts/-", bound("", asked));
        let place = format!("/mounts/{}", user.bundle.config["mounts"].as_array().unwrap().len() - 1);
        let outcome = user.run().fails().says("user namespace");
        let listed = outcome.err.split_once("can't clear ").expect("which flags").1;
        assert!(names.iter().all(|name| listed.contains(name)), "{asked:?}: {outcome}");
        assert!(!spared.iter().any(|name| listed.contains(name)), "{asked:?}: {outcome}");
        let log = user.call(&["--log", "log", "--log-format", "json", "run", user.bundle.id()]).fails();
        let log = std::fs::read_to_string(user.bundle.folder().join("log")).unwrap_or(log.err);
        assert!(log.contains(&place), "{place}: {log}");
        user.bundle.assert_nothing_left();
    }
}

/// What was mounted may be there to hide what is under it.
#[test]
fn to_leave_out_what_is_mounted_below_is_refused() {
    need_root!();
    need_cofferdam!("it says less");
    let mut user = locked_twice(FLAGS);
    user.bundle.set("/mounts/-", bound("", &["bind"]));
    user.run().fails().says("user namespace").says("rbind").says("/mounts/");
    user.bundle.assert_nothing_left();
}

#[test]
fn a_remount_keeps_them_too() {
    need_root!();
    need_cofferdam!("Debian's runc does not look at them");
    for (asked, works) in [(&["remount", "bind", "ro"][..], true), (&["remount", "bind", "exec"], false)] {
        let mut user = locked(FLAGS);
        user.bundle.set("/mounts/-", bound("", &["bind"]));
        user.bundle.set("/mounts/-", bound("", asked));
        if works {
            let seen = user.probe(&[]);
            let found = options(&seen, "/m");
            assert!(FLAGS.split(',').chain(["ro"]).all(|flag| found.contains(&flag)), "{found:?}");
        } else {
            user.run().fails().says("user namespace").says("noexec");
        }
        user.bundle.assert_nothing_left();
    }
}

/// The root file system itself lies there. Nothing of it can be executed, so the program comes from elsewhere.
#[test]
fn a_root_on_it_is_made_read_only() {
    need_root!();
    for readonly in [true, false] {
        let mut user = locked("rw");
        let (folder, root) = (user.bundle.folder().to_owned(), user.bundle.folder().join("locked"));
        let (from, to) = (folder.join("rootfs"), root.display());
        let copied = format!("cp -a {}/. {to}\nmount -o remount,bind,{FLAGS} {to}\n", from.display());
        user.before.push_str(&copied);
        let probe = json!({"destination": "/probe", "type": "none", "source": "rootfs/probe", "options": ["bind"]});
        user.bundle.set("/mounts/-", probe);
        user.bundle.set("/root", json!({"path": "locked", "readonly": readonly}));
        let seen = user.probe(&["write:/file=x"]);
        let found = options(&seen, "/");
        let wanted = if readonly { "ro" } else { "rw" };
        assert!(FLAGS.split(',').chain([wanted]).all(|flag| found.contains(&flag)), "{found:?}");
        assert_eq!(seen["answers"]["write:/file=x"] == "ok", !readonly, "{}", seen["answers"]);
        user.bundle.assert_nothing_left();
    }
}
