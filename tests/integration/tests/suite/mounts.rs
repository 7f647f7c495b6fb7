//! Mounts, devices, masked and read-only paths, the root file system.

use harness::view::answer;
use harness::{Bundle, host, need_root, skip};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

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
fn options_that_no_file_system_knows_are_refused_with_their_place() {
    need_root!();
    let mut bundle = Bundle::new();
    bundle.set("/mounts/-", json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": ["nonesuch=1"]}));
    let outcome = bundle.create().fails().says("/t");
    assert!(outcome.err.contains("invalid argument"), "{outcome}");
    bundle.assert_nothing_left();
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

/// What is read-only as a whole shows its masks, also where they are in a mount of their own in it.
#[test]
fn what_is_masked_in_a_read_only_path_is_masked() {
    need_root!();
    let mut bundle = Bundle::new();
    for folder in ["a/b", "a/d", "source/e"] {
        fs::create_dir_all(if folder == "source/e" { bundle.folder().join(folder) } else { bundle.rootfs(folder) })
            .unwrap();
    }
    fs::write(bundle.folder().join("source/e/secret"), "").unwrap();
    fs::write(bundle.rootfs("a/d/secret"), "").unwrap();
    bundle.set("/mounts/-", json!({"destination": "/a/b", "source": "source", "options": ["bind"]}));
    bundle.set("/linux/maskedPaths", json!(["/a/b/e", "/a/d", "/sys/firmware"]));
    bundle.set("/linux/readonlyPaths", json!(["/a", "/a/b", "/sys", "/a/b/e"]));
    let masked = ["list:/a/b/e", "list:/a/d", "list:/sys/firmware"];
    let written = ["write:/a/x=y", "write:/a/b/x=y", "write:/a/b/e/x=y"];
    let seen = bundle.probe(&[masked, written].concat());
    for question in masked {
        assert_eq!(answer(&seen, question), &json!([]), "{question}");
    }
    for question in written {
        harness::view::refused(&seen, question, "Read-only file system");
    }
    bundle.assert_nothing_left();
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

/// No file system takes `context=` then.
#[test]
fn a_label_of_mounts_without_selinux_means_nothing() {
    need_root!();
    if host::has_security_module("selinux") {
        skip!("this kernel has SELinux");
    }
    let mut bundle = Bundle::new().with("/linux/mountLabel", json!("system_u:object_r:container_file_t:s0"));
    assert!(!bundle.probe(&[])["mounts"].to_string().contains("container_file_t"));
}
