//! Mounts, devices, masked and read-only paths, the root file system.

use harness::{Bundle, need_cofferdam, need_root, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

/// The last mount at a target, as the container sees it.
#[track_caller]
fn mount<'s>(seen: &'s Value, target: &str) -> &'s Value {
    let found = seen["mounts"].as_array().unwrap().iter().rev().find(|mount| mount["target"] == target);
    found.unwrap_or_else(|| panic!("nothing at {target}: {:#}", seen["mounts"]))
}

fn options(mount: &Value) -> Vec<&str> {
    mount["options"].as_str().unwrap().split(',').collect()
}

fn answer<'s>(seen: &'s Value, question: &str) -> &'s Value {
    &seen["answers"][question]
}

#[test]
fn only_what_was_asked_for_is_mounted() {
    need_root!();
    let mut bundle = Bundle::new().with("/linux/maskedPaths", json!([]));
    bundle.set("/linux/readonlyPaths", json!([]));
    let seen = bundle.probe(&[]);
    let targets: Vec<&str> =
        seen["mounts"].as_array().unwrap().iter().map(|mount| mount["target"].as_str().unwrap()).collect();
    let wanted = ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"];
    let extra: Vec<&&str> =
        targets.iter().filter(|target| !wanted.contains(target) && !target.starts_with("/sys/fs/cgroup/")).collect();
    assert!(extra.is_empty(), "{extra:?}");
    for target in wanted {
        assert_eq!(targets.iter().filter(|one| **one == target).count(), 1, "{target}");
    }
    // Whoever steps up from the root stays in it.
    assert_eq!(seen["root"]["inode"], seen["above"]["inode"]);
    assert_eq!(seen["root"]["inode"], fs::metadata(bundle.rootfs("")).unwrap().ino());
}

#[test]
fn each_flag_shows() {
    need_root!();
    let cases: [(&[&str], &[&str], &[&str]); 7] = [
        (&[], &["rw", "relatime"], &["nosuid", "nodev", "noexec", "ro"]),
        (&["ro", "nosuid", "nodev", "noexec"], &["ro", "nosuid", "nodev", "noexec"], &[]),
        (&["noatime"], &["noatime"], &["relatime"]),
        (&["strictatime"], &[], &["relatime", "noatime"]),
        (&["nodiratime"], &["nodiratime"], &[]),
        (&["ro", "rw"], &["rw"], &["ro"]),
        (&["nosuid", "suid", "nodev", "dev", "noexec", "exec"], &[], &["nosuid", "nodev", "noexec"]),
    ];
    let mut bundle = Bundle::new();
    for (index, (asked, _, _)) in cases.iter().enumerate() {
        let mount = json!({"destination": format!("/m{index}"), "type": "tmpfs", "source": "t", "options": asked});
        bundle.set("/mounts/-", mount);
    }
    let seen = bundle.probe(&[]);
    for (index, (asked, there, absent)) in cases.iter().enumerate() {
        let found = options(mount(&seen, &format!("/m{index}")));
        assert!(there.iter().all(|one| found.contains(one)), "{asked:?} gave {found:?}");
        assert!(!absent.iter().any(|one| found.contains(one)), "{asked:?} gave {found:?}");
    }
}

#[test]
fn each_flag_shows_on_a_bind() {
    need_root!();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["ro"], &["ro"]),
        (&["nosuid", "nodev", "noexec"], &["rw", "nosuid", "nodev", "noexec"]),
        (&["noatime", "ro"], &["ro", "noatime"]),
        (&["nosymfollow"], &["nosymfollow"]),
        (&[], &["rw"]),
    ];
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.folder().join("shared")).unwrap();
    for (index, (asked, _)) in cases.iter().enumerate() {
        let all: Vec<&str> = ["rbind"].iter().chain(*asked).copied().collect();
        if all.contains(&"nosymfollow") && !harness::programs::is_cofferdam() {
            continue;
        }
        bundle.set("/mounts/-", json!({"destination": format!("/b{index}"), "source": "shared", "options": all}));
    }
    let seen = bundle.probe(&["write:/b0/x=y", "write:/b4/x=y"]);
    for (index, (asked, there)) in cases.iter().enumerate() {
        if asked.contains(&"nosymfollow") && !harness::programs::is_cofferdam() {
            continue;
        }
        let found = options(mount(&seen, &format!("/b{index}")));
        assert!(there.iter().all(|one| found.contains(one)), "{asked:?} gave {found:?}");
    }
    assert!(answer(&seen, "write:/b0/x=y").as_str().unwrap().contains("Read-only file system"));
    assert_eq!(answer(&seen, "write:/b4/x=y"), "ok");
    assert_eq!(fs::read_to_string(bundle.folder().join("shared/x")).unwrap(), "y");
}

#[test]
fn defaults_is_an_option() {
    need_root!();
    need_cofferdam!("Debian's runc gives it to the file system");
    let mut bundle = Bundle::new();
    bundle
        .set("/mounts/-", json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": ["defaults", "ro"]}));
    assert!(options(mount(&bundle.probe(&[]), "/t")).contains(&"ro"));
}

#[test]
fn data_of_the_file_system_goes_to_it() {
    need_root!();
    let options = json!(["size=1m", "mode=1750", "uid=7", "gid=8", "nr_inodes=99"]);
    let mut bundle = Bundle::new();
    bundle.set("/mounts/-", json!({"destination": "/t", "type": "tmpfs", "source": "named", "options": options}));
    let seen = bundle.probe(&["stat:/t"]);
    let found = mount(&seen, "/t");
    assert_eq!(found["source"], "named");
    assert!(found["super"].as_str().unwrap().contains("size=1024k"), "{found}");
    let there = answer(&seen, "stat:/t");
    assert_eq!((&there["mode"], &there["uid"], &there["gid"]), (&json!(0o1750), &json!(7), &json!(8)));
}

#[test]
fn options_that_no_file_system_knows_are_refused_with_their_place() {
    need_root!();
    let mut bundle = Bundle::new();
    bundle.set("/mounts/-", json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": ["nonesuch=1"]}));
    let outcome = bundle.create().fails().says("/t");
    assert!(outcome.err.contains("invalid argument"), "{outcome}");
    bundle.assert_nothing_left();
}

#[test]
fn propagation_is_as_asked() {
    need_root!();
    let mut bundle = Bundle::new();
    let kinds = ["private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"];
    for kind in kinds {
        let mount = json!({"destination": format!("/{kind}"), "type": "tmpfs", "source": "t", "options": [kind]});
        bundle.set("/mounts/-", mount);
    }
    let seen = bundle.probe(&[]);
    for kind in kinds {
        let found = mount(&seen, &format!("/{kind}"))["propagation"].as_str().unwrap();
        match kind.trim_start_matches('r') {
            "shared" => assert!(found.contains("shared:"), "{kind}: {found}"),
            "unbindable" => assert!(found.contains("unbindable"), "{kind}: {found}"),
            // A slave of nothing is private.
            _ => assert_eq!(found, "", "{kind}"),
        }
    }
}

#[test]
fn the_roots_propagation_is_as_asked() {
    need_root!();
    need_cofferdam!("Debian's runc fails at shared and unbindable");
    for (kind, part) in [("private", ""), ("shared", "shared:"), ("unbindable", "unbindable"), ("slave", "")] {
        let mut bundle = Bundle::new().with("/linux/rootfsPropagation", json!(kind));
        let seen = bundle.probe(&[]);
        let found = mount(&seen, "/")["propagation"].as_str().unwrap();
        assert!(if part.is_empty() { !found.contains("shared") } else { found.contains(part) }, "{kind}: {found}");
        bundle.assert_nothing_left();
    }
}

#[test]
fn files_bind_on_files_and_folders_on_folders() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::write(bundle.folder().join("file"), "content").unwrap();
    fs::create_dir_all(bundle.folder().join("tree/below")).unwrap();
    fs::create_dir(bundle.rootfs("there")).unwrap();
    for (source, target) in
        [("file", "/new/path/file"), ("file", "/etc/passwd"), ("tree", "/new/tree"), ("tree", "/there")]
    {
        bundle.set("/mounts/-", json!({"destination": target, "source": source, "options": ["bind"]}));
    }
    let seen = bundle.probe(&["read:/new/path/file", "read:/etc/passwd", "list:/new/tree", "list:/there"]);
    assert_eq!(answer(&seen, "read:/new/path/file"), "content");
    assert_eq!(answer(&seen, "read:/etc/passwd"), "content");
    assert_eq!(answer(&seen, "list:/new/tree"), &json!(["below"]));
    assert_eq!(answer(&seen, "list:/there"), &json!(["below"]));
}

#[test]
fn a_missing_source_is_refused_with_its_place() {
    need_root!();
    let mut bundle = Bundle::new();
    bundle.set("/mounts/-", json!({"destination": "/m", "source": "/nonexistent/source", "options": ["bind"]}));
    let outcome = bundle.create().fails().says("/nonexistent/source");
    assert!(outcome.err.contains("no such file or directory"), "{outcome}");
    bundle.assert_nothing_left();
}

#[test]
fn destinations_stay_beneath_the_root() {
    need_root!();
    let mut bundle = Bundle::new();
    let outside = bundle.folder().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, bundle.rootfs("absolute")).unwrap();
    symlink("../../../../../../../../../../..", bundle.rootfs("up")).unwrap();
    symlink("/proc/self/root", bundle.rootfs("magic")).unwrap();
    let targets = ["/absolute/a", "/up/b", "/../../../../c", "/magic/d"];
    for target in targets {
        bundle.set("/mounts/-", json!({"destination": target, "type": "tmpfs", "source": "t"}));
    }
    drop(bundle.run());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "made something outside the root");
    for name in ["b", "c", "d"] {
        assert!(!std::path::Path::new("/").join(name).exists(), "made /{name} on the host");
    }
    bundle.assert_nothing_left();
}

#[test]
fn links_in_a_destination_lead_inside() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.rootfs("real")).unwrap();
    symlink("/real", bundle.rootfs("link")).unwrap();
    symlink("/not/there/yet", bundle.rootfs("dangling")).unwrap();
    bundle.set("/mounts/-", json!({"destination": "/link/x", "type": "tmpfs", "source": "t"}));
    bundle.set("/mounts/-", json!({"destination": "/dangling", "type": "tmpfs", "source": "t"}));
    let seen = bundle.probe(&[]);
    assert_eq!(mount(&seen, "/real/x")["kind"], "tmpfs");
    assert_eq!(mount(&seen, "/not/there/yet")["kind"], "tmpfs");
}

#[test]
fn proc_and_sys_must_be_plain_directories() {
    need_root!();
    for path in ["proc", "sys"] {
        let bundle = Bundle::new();
        fs::remove_dir(bundle.rootfs(path)).unwrap();
        fs::create_dir(bundle.rootfs("elsewhere")).unwrap();
        symlink("/elsewhere", bundle.rootfs(path)).unwrap();
        bundle.create().fails().says("must be mounted on ordinary directory");
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_new_tmpfs_may_begin_with_what_it_covers() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::create_dir_all(bundle.rootfs("full/below")).unwrap();
    fs::write(bundle.rootfs("full/below/file"), "kept").unwrap();
    symlink("below/file", bundle.rootfs("full/link")).unwrap();
    fs::set_permissions(bundle.rootfs("full/below"), fs::Permissions::from_mode(0o751)).unwrap();
    bundle.set("/mounts/-", json!({"destination": "/full", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]}));
    let seen = bundle.probe(&["read:/full/link", "stat:/full/below", "stat:/full/link", "write:/full/new=x"]);
    assert_eq!(answer(&seen, "read:/full/link"), "kept");
    assert_eq!(answer(&seen, "stat:/full/below")["mode"], 0o751);
    assert_eq!(answer(&seen, "stat:/full/link")["link"], "below/file");
    assert_eq!(answer(&seen, "write:/full/new=x"), "ok");
    assert!(!bundle.rootfs("full/new").exists());
}

#[test]
fn recursive_read_only_reaches_below() {
    need_root!();
    need_cofferdam!("Debian's runc has no rro for tmpfs below");
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.folder().join("outer")).unwrap();
    fs::create_dir(bundle.folder().join("outer/inner")).unwrap();
    let inner = bundle.folder().join("outer/inner");
    rustix::mount::mount("t", &inner, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
    bundle.set("/mounts/-", json!({"destination": "/rro", "source": "outer", "options": ["rbind", "rro"]}));
    bundle.set("/mounts/-", json!({"destination": "/ro", "source": "outer", "options": ["rbind", "ro"]}));
    let seen = bundle.probe(&["write:/rro/inner/x=y", "write:/ro/inner/x=y", "write:/ro/x=y"]);
    rustix::mount::unmount(&inner, rustix::mount::UnmountFlags::empty()).unwrap();
    assert!(answer(&seen, "write:/rro/inner/x=y").as_str().unwrap().contains("Read-only"));
    assert!(answer(&seen, "write:/ro/x=y").as_str().unwrap().contains("Read-only"));
    assert_eq!(answer(&seen, "write:/ro/inner/x=y"), "ok");
}

#[test]
fn owners_are_mapped_on_an_idmapped_mount() {
    need_root!();
    need_cofferdam!("idmapped mounts are newer");
    if harness::host::is_user_mode() {
        skip!("this kernel's tmpfs has no idmapped mounts");
    }
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.folder().join("owned")).unwrap();
    fs::write(bundle.folder().join("owned/file"), "").unwrap();
    let mapping = json!([{"containerID": 0, "hostID": 5000, "size": 100}]);
    bundle.set(
        "/mounts/-",
        json!({"destination": "/owned", "source": "owned", "options": ["bind", "idmap"],
        "uidMappings": mapping, "gidMappings": mapping}),
    );
    let seen = bundle.probe(&["stat:/owned/file"]);
    assert_eq!(answer(&seen, "stat:/owned/file")["uid"], 5000);
    bundle.remove("/mounts/7/gidMappings");
    bundle.create().fails();
}

#[test]
fn default_devices_and_links_are_there() {
    need_root!();
    let mut bundle = Bundle::new();
    let devices = [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ];
    let names = devices.iter().map(|(name, ..)| *name).chain(links.iter().map(|(name, _)| *name));
    let questions: Vec<String> = names.map(|name| format!("stat:/dev/{name}")).collect();
    let seen = bundle.probe(&questions.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, major, minor) in devices {
        let found = answer(&seen, &format!("stat:/dev/{name}"));
        assert_eq!(
            (&found["kind"], &found["major"], &found["minor"]),
            (&json!("character"), &json!(major), &json!(minor)),
            "{name}"
        );
        assert_eq!(found["mode"], 0o666, "{name}");
    }
    for (name, target) in links {
        assert_eq!(answer(&seen, &format!("stat:/dev/{name}"))["link"], target, "{name}");
    }
}

#[test]
fn what_masks_a_file_is_not_the_containers_to_change() {
    need_root!();
    let before = std::fs::metadata("/dev/null").expect("/dev/null").permissions();
    let script = "chmod 644 /proc/keys; chown 1 /proc/keys; cat /proc/keys; echo x >/proc/keys && echo quiet";
    let outcome = Bundle::of_shell(script).with("/linux/maskedPaths", json!(["/proc/keys"])).run();
    let after = std::fs::metadata("/dev/null").expect("/dev/null");
    // Before anything can fail: every other program needs it.
    std::fs::set_permissions("/dev/null", before.clone()).expect("the mode of /dev/null");
    assert_eq!((after.permissions(), after.uid()), (before, 0));
    let outcome = outcome.ok();
    assert_eq!(outcome.err.matches("Read-only file system").count(), 2, "{outcome}");
    assert_eq!(outcome.out, "quiet\n");
}

#[test]
fn masked_paths_cannot_be_read() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::write(bundle.rootfs("secret"), "told").unwrap();
    fs::create_dir(bundle.rootfs("secrets")).unwrap();
    fs::write(bundle.rootfs("secrets/file"), "told").unwrap();
    bundle.set("/linux/maskedPaths", json!(["/secret", "/secrets", "/absent", "/proc/kcore", "/proc/keys"]));
    let seen =
        bundle.probe(&["read:/secret", "list:/secrets", "write:/secrets/new=x", "stat:/proc/keys", "stat:/absent"]);
    assert_eq!(answer(&seen, "read:/secret"), "");
    assert_eq!(answer(&seen, "list:/secrets"), &json!([]));
    assert!(answer(&seen, "write:/secrets/new=x").as_str().unwrap().contains("Read-only"));
    let masked = answer(&seen, "stat:/proc/keys");
    assert_eq!((&masked["major"], &masked["minor"]), (&json!(1), &json!(3)));
    assert!(answer(&seen, "stat:/absent").is_null());
}

#[test]
fn read_only_paths_cannot_be_written() {
    need_root!();
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.rootfs("fixed")).unwrap();
    bundle.set("/linux/readonlyPaths", json!(["/fixed", "/proc/sys", "/absent"]));
    let seen = bundle.probe(&["write:/fixed/x=y", "write:/proc/sys/kernel/hostname=x", "write:/free=y"]);
    assert!(answer(&seen, "write:/fixed/x=y").as_str().unwrap().contains("Read-only"));
    assert!(answer(&seen, "write:/proc/sys/kernel/hostname=x").as_str().unwrap().contains("Read-only"));
    assert_eq!(answer(&seen, "write:/free=y"), "ok");
}

#[test]
fn a_read_only_root_leaves_mounts_writable() {
    need_root!();
    let mut bundle = Bundle::new().with("/root/readonly", json!(true));
    bundle.set("/mounts/-", json!({"destination": "/tmp", "type": "tmpfs", "source": "t"}));
    let seen = bundle.probe(&["write:/x=y", "write:/tmp/x=y", "write:/dev/shm/x=y", "write:/etc/x=y"]);
    assert!(answer(&seen, "write:/x=y").as_str().unwrap().contains("Read-only"));
    assert!(answer(&seen, "write:/etc/x=y").as_str().unwrap().contains("Read-only"));
    assert_eq!(answer(&seen, "write:/tmp/x=y"), "ok");
    assert_eq!(answer(&seen, "write:/dev/shm/x=y"), "ok");
}

#[test]
fn an_odd_root_path_works() {
    need_root!();
    let mut bundle = Bundle::new();
    for name in ["ro:ot", "a,b", "new\nline", "sp ace", "é"] {
        fs::rename(bundle.rootfs(""), bundle.folder().join(name)).unwrap();
        bundle.set("/root/path", json!(name));
        let outcome = bundle.run().ok();
        assert!(outcome.out.contains("\"pid\":1"), "{name}: {outcome}");
        fs::rename(bundle.folder().join(name), bundle.rootfs("")).unwrap();
    }
}

#[test]
fn no_pivot_works_too() {
    need_root!();
    let bundle = Bundle::new();
    let seen = harness::bundle::seen(&bundle.call(["run", "--no-pivot", bundle.id()]).ok());
    assert_eq!(seen["root"]["inode"], seen["above"]["inode"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_thousand_mounts_need_few_descriptors() {
    need_root!();
    let mut bundle = Bundle::of_shell("grep -c ' /many/' /proc/self/mountinfo");
    fs::create_dir(bundle.folder().join("one")).unwrap();
    let many = (0..1000)
        .map(|index| json!({"destination": format!("/many/{index}"), "source": "one", "options": ["bind", "ro"]}));
    bundle.config["mounts"].as_array_mut().unwrap().extend(many);
    bundle.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}]));
    assert_eq!(bundle.run().ok().out, "1000\n");
}
