//! The root file system's steps in hostile trees: what the image brings never leads to the host.

use crate::init_tests::{Directory, program, run_in};
use plan::{Handle, Writer};
use rustix::process::geteuid;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use sys::namespace::{CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID};

/// A root file system with the host's programs in it.
struct Container {
    place: Directory,
    mounts: Vec<Value>,
    linux: Value,
}

impl Container {
    fn new(name: &str) -> Self {
        let place = Directory::new(name);
        fs::create_dir_all(place.0.join("root/usr")).unwrap();
        for name in ["bin", "lib", "lib64", "sbin"] {
            symlink(format!("usr/{name}"), place.0.join("root").join(name)).unwrap();
        }
        let usr = json!({ "source": "/usr", "destination": "/usr", "options": ["rbind", "ro", "rprivate"] });
        Container { place, mounts: vec![usr], linux: json!({}) }
    }

    fn root(&self, path: &str) -> PathBuf {
        self.place.0.join("root").join(path)
    }

    fn with_proc(mut self) -> Self {
        self.mounts.push(json!({ "type": "proc", "source": "proc", "destination": "/proc" }));
        self
    }

    fn mount(&mut self, kind: &str, source: &str, destination: &str, options: &[&str]) {
        let mount = json!({ "type": kind, "source": source, "destination": destination, "options": options });
        self.mounts.push(mount);
    }

    /// Runs a script in it.
    fn run(&self, script: &str) -> Result<i32, String> {
        let mut config = json!({ "ociVersion": "1.3.0", "root": { "path": "root" }, "mounts": self.mounts });
        config["linux"] = self.linux.clone();
        config["linux"]["namespaces"] = json!([{ "type": "mount" }, { "type": "pid" }, { "type": "network" }]);
        let spec = serde_json::from_value(config).unwrap();
        let facts = rootfs::Facts { bundle: self.place.0.clone(), rootfs: self.root(""), ..rootfs::Facts::default() };
        let mut steps = Writer::default();
        rootfs::prepare(&spec, &facts, &mut steps).unwrap();
        rootfs::mounts(&spec, &facts, &mut |_| Handle(0), &mut steps).map_err(|error| error.to_string())?;
        rootfs::devices(&spec, &facts, &mut steps).unwrap();
        rootfs::pivot(&spec, &facts, &mut steps);
        rootfs::protect(&spec, &facts, &mut steps).unwrap();
        program(&mut steps, &["/bin/sh", "-c", &format!("set -eu; {script}")], &["PATH=/bin:/usr/bin"]);
        let new = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC;
        run_in(new, &steps)
    }
}

/// What a hostile image has at a path, and how it gets there.
type Plant<'a> = (&'a str, &'a dyn Fn(&Path));

/// Everything about a tree that a stray write would change.
fn fingerprint(path: &Path) -> Vec<String> {
    let about = fs::symlink_metadata(path).unwrap();
    let mut all = vec![format!(
        "{path:?} {} {:o} {} {}.{}",
        about.ino(),
        about.mode(),
        about.size(),
        about.ctime(),
        about.ctime_nsec()
    )];
    if about.is_dir() {
        let mut inside: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        all.extend(inside.iter().flat_map(|path| fingerprint(path)));
    }
    all
}

#[test]
fn nothing_in_an_image_leads_to_the_host() {
    if !geteuid().is_root() {
        return;
    }
    let host = Directory::new("canary");
    host.file("d/ptmx", "host", 0o644);
    host.file("d/null", "host", 0o644);
    let canary = host.0.join("d");
    let before = fingerprint(&host.0);
    let hostile: [Plant<'_>; 6] = [
        ("absolute link", &|at| symlink(&canary, at).unwrap()),
        ("upward link", &|at| symlink(format!("../../../../../../..{}", canary.display()), at).unwrap()),
        ("magic link", &|at| symlink(format!("/proc/self/root{}", canary.display()), at).unwrap()),
        ("file", &|at| fs::write(at, "").unwrap()),
        ("fifo", &|at| rustix::fs::mkfifoat(rustix::fs::CWD, at, 0o644.into()).unwrap()),
        ("socket", &|at| drop(UnixListener::bind(at).unwrap())),
    ];
    let targets = ["dev", "dev/pts", "dev/null", "dev/ptmx", "dev/fd", "proc", "sys", "etc", "etc/x"];
    let mut ran = 0;
    for (kind, plant) in hostile {
        for target in targets {
            for own_dev in [true, false] {
                let mut container = Container::new("hostile").with_proc();
                if own_dev {
                    container.mount("tmpfs", "dev", "/dev", &["mode=755"]);
                    container.mount("devpts", "devpts", "/dev/pts", &["newinstance", "ptmxmode=0666"]);
                }
                container.mount("sysfs", "sysfs", "/sys", &["ro"]);
                container.mount("tmpfs", "t", "/etc/x/y", &[]);
                container.linux = json!({ "maskedPaths": ["/proc/kcore", "/etc/x"], "readonlyPaths": ["/proc/sys"] });
                fs::create_dir_all(container.root(target).parent().unwrap()).unwrap();
                plant(&container.root(target));
                ran += usize::from(container.run("exit 0") == Ok(0));
                assert_eq!(fingerprint(&host.0), before, "{kind} at {target}, own /dev: {own_dev}");
            }
        }
    }
    assert!(ran > 30, "only {ran} of these could start at all");
}

#[test]
fn missing_mount_points_are_made_where_links_lead() {
    if !geteuid().is_root() {
        return;
    }
    let mut container = Container::new("missing").with_proc();
    fs::create_dir(container.root("etc")).unwrap();
    symlink("/tmp/foo/bar", container.root("jump")).unwrap();
    symlink("/jump/baz/hosts", container.root("etc/hosts")).unwrap();
    symlink("../../../x/../y", container.root("etc/up")).unwrap();
    fs::create_dir(container.root("group")).unwrap();
    fs::set_permissions(container.root("group"), fs::Permissions::from_mode(0o2755)).unwrap();
    let file = container.place.file("hosts", "hosts\n", 0o644);
    container.mount("none", &file, "/etc/hosts", &["bind"]);
    container.mount("tmpfs", "t", "/etc/up/z", &["ro"]);
    container.mount("tmpfs", "t", "/group/a/b", &[]);
    let script = "test $(cat /tmp/foo/bar/baz/hosts) = hosts; grep -q '^t /y/z tmpfs ro' /proc/mounts";
    assert_eq!(container.run(script), Ok(0));
    let mode = |path| fs::metadata(container.root(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("group/a"), mode("group/a/b"), mode("tmp/foo")), (0o2755, 0o2755, 0o755));
}

#[test]
fn links_that_lead_nowhere_are_refused() {
    if !geteuid().is_root() {
        return;
    }
    let mut container = Container::new("loop");
    symlink("b", container.root("a")).unwrap();
    symlink("a", container.root("b")).unwrap();
    container.mount("tmpfs", "t", "/a/x", &[]);
    assert!(container.run("exit 0").unwrap_err().contains("too many levels of symbolic links"));
    let mut container = Container::new("long");
    container.mount("tmpfs", "t", &format!("/{}", "d/".repeat(3000)), &[]);
    assert!(container.run("exit 0").unwrap_err().contains("file name too long"));
}

#[test]
fn a_procfs_stays_whole() {
    if !geteuid().is_root() {
        return;
    }
    for (source, target, allowed) in [
        ("/etc/hostname", "/x/sys", false),
        ("/etc/hostname", "/x/cpuinfo", true),
        ("/tmp", "/proc", false),
        ("/proc/sys", "/proc", false),
        ("/proc", "/proc", true),
    ] {
        let mut container = Container::new("whole").with_proc();
        symlink("proc", container.root("x")).unwrap();
        container.mount("none", source, target, &["bind"]);
        let result = container.run("exit 0");
        assert_eq!(result.is_ok(), allowed, "{source} at {target}: {result:?}");
        if let Err(error) = result {
            assert!(error.contains("cannot be mounted because it is"), "{error}");
        }
    }
}

#[test]
fn a_device_is_that_device_or_an_error() {
    if !geteuid().is_root() {
        return;
    }
    let mut container = Container::new("device");
    container.mount("tmpfs", "dev", "/dev", &["mode=755"]);
    container.linux = json!({ "devices": [
        { "path": "/dev/x", "type": "c", "major": 1, "minor": 3, "uid": 5, "gid": 6 },
        { "path": "/opt/q/y", "type": "c", "major": 1, "minor": 5, "fileMode": 438 },
        { "path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384 },
    ] });
    let script = "test $(stat -c %a:%u:%g:%t:%T /dev/x /opt/q/y /dev/null | tr '\\n' ,) = \
                  666:5:6:1:3,666:0:0:1:5,600:0:0:1:3,";
    assert_eq!(container.run(script), Ok(0));
    // What an earlier start has made is found again.
    assert_eq!(container.run(script), Ok(0));
    container.linux = json!({ "devices": [{ "path": "/opt/q/y", "type": "c", "major": 1, "minor": 7 }] });
    assert!(container.run("exit 0").unwrap_err().contains("something else than that device at /opt/q/y"));
}

#[test]
fn masks_are_the_hosts_whatever_the_image_has_as_null() {
    if !geteuid().is_root() {
        return;
    }
    let mut container = Container::new("mask").with_proc();
    fs::create_dir(container.root("dev")).unwrap();
    fs::write(container.root("dev/null"), "fake").unwrap();
    for path in ["f", "g", "d/x", "e/x"] {
        fs::create_dir_all(container.root(path).parent().unwrap()).unwrap();
        fs::write(container.root(path), "secret").unwrap();
    }
    container.linux = json!({ "maskedPaths": ["/f", "/g", "/f/", "/d", "/e", "/none", "/f/x"] });
    let script = "for f in /f /g; do test $(stat -c %F:%t:%T $f | tr ' ' _) = character_special_file:1:3; done; \
                  for d in /d /e; do test -z \"$(ls $d)\"; ! mkdir $d/x 2>&-; done; \
                  test $(stat -c %d /d) = $(stat -c %d /e); test $(grep -c ' /f ' /proc/mounts) = 1";
    assert_eq!(container.run(script), Ok(0));
}

#[test]
fn a_copied_tmpfs_has_all_that_it_covers() {
    if !geteuid().is_root() {
        return;
    }
    let mut container = Container::new("copy");
    let file = container.root("d/deep/file");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "x".repeat(100_000)).unwrap();
    std::os::unix::fs::chown(&file, Some(7), Some(8)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(container.root("d"), fs::Permissions::from_mode(0o1770)).unwrap();
    symlink("/etc/x", container.root("d/link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, container.root("d/fifo"), 0o611.into()).unwrap();
    container.mount("tmpfs", "t", "/d", &["tmpcopyup"]);
    let script = "test $(stat -c %a:%u:%g:%s /d/deep/file) = 4751:7:8:100000; test $(stat -c %a /d) = 1770; \
                  test $(readlink /d/link) = /etc/x; test $(stat -c %a:%F /d/fifo) = 611:fifo; : > /d/new";
    assert_eq!(container.run(script), Ok(0));
    assert!(!container.root("d/new").exists());
}

/// The directory that something was made in last is looked up anew once it may be another.
#[test]
fn what_is_mounted_over_a_directory_holds_what_is_made_in_it_next() {
    if !geteuid().is_root() {
        return;
    }
    for over in ["/a/b", "/a", "/link", "/link/b", "/a/../a/b"] {
        let mut container = Container::new("over");
        fs::create_dir_all(container.root("a/b")).unwrap();
        symlink("a", container.root("link")).unwrap();
        container.mount("tmpfs", "t", "/a/b/one", &[]);
        container.mount("tmpfs", "t", "/a/b/two", &[]);
        container.mount("tmpfs", "over", over, &[]);
        container.mount("tmpfs", "t", "/a/b/three", &[]);
        container.mount("none", "/etc/hostname", "/a/b/four", &["bind"]);
        container.linux = json!({ "devices": [{ "path": "/a/b/five", "type": "c", "major": 1, "minor": 3 }] });
        let script = "test \"$(cd /a/b; echo *)\" = 'five four three'; grep -q ' /a/b/three ' /proc/mounts; \
                      grep -q ' /a/b/four ' /proc/mounts";
        assert_eq!(container.with_proc().run(script), Ok(0), "{over}");
    }
}

/// A procfs is not only at `/proc`, and what is mounted need not be looked at only where it can be on none.
#[test]
fn a_procfs_stays_whole_wherever_it_is() {
    if !geteuid().is_root() {
        return;
    }
    for (target, allowed) in [("/x/sys", false), ("/x/self/fdinfo", false), ("/link/sys", false), ("/x/meminfo", false)]
    {
        let mut container = Container::new("elsewhere").with_proc();
        symlink("x", container.root("link")).unwrap();
        container.mount("proc", "proc", "/x", &[]);
        container.mount("none", "/etc/hostname", "/y", &["bind"]);
        container.mount("none", if target.ends_with("info") { "/etc/hostname" } else { "/tmp" }, target, &["bind"]);
        let result = container.run("exit 0");
        assert_eq!(result.is_ok(), allowed, "{target}: {result:?}");
        assert!(result.unwrap_err().contains("cannot be mounted because it is inside /proc"));
    }
    // A part of a procfs as the root file system: the steps that have no eyes for it are not taken there.
    let mut steps = Writer::default();
    let (root, target) = (plan::Text(c"/proc/self"), plan::Text(c"/fdinfo"));
    steps.push("", plan::Step::Propagation { flags: 1 << 14 | 1 << 18 });
    steps.push("", plan::Step::OpenRoot { path: root, bind: true, private: true });
    steps.push(
        "",
        plan::Step::Mount(plan::Mount {
            kind: plan::Text(c"tmpfs"),
            source: plan::Text(c"t"),
            target,
            options: plan::Texts::default(),
            attributes: plan::Attributes::default(),
            copy_up: false,
            keep_mode: false,
            plain_target: false,
            held: false,
        }),
    );
    assert!(run_in(CLONE_NEWNS, &steps).unwrap_err().contains("cannot be mounted because it is inside /proc"));
}

/// Where mount(2) can say all that is asked it makes what the longer way makes; where it fails the longer way says why.
#[test]
fn both_ways_to_mount_make_the_same() {
    if !geteuid().is_root() {
        return;
    }
    let mut container = Container::new("ways").with_proc();
    let flags = ["nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"];
    for (kind, options) in
        [("tmpfs", &["mode=1770", "size=64k"][..]), ("devpts", &["newinstance", "mode=0620"]), ("proc", &[])]
    {
        for (number, atime) in ["noatime", "strictatime", "relatime"].into_iter().enumerate() {
            let all = [&flags[..3], &flags[4..], &[atime], options].concat();
            container.mount(kind, "it", &format!("/short/{kind}{number}"), &all);
            // Propagation is what mount(2) can't set along with the rest.
            container.mount(kind, "it", &format!("/long/{kind}{number}"), &[&all[..], &["private"]].concat());
        }
    }
    let script = "of() { sed -n \"s: [^ ]* /$1/: :p\" /proc/self/mountinfo | cut -d' ' -f4-; }; \
                  test \"$(of short)\" = \"$(of long)\"; test $(of long | wc -l) = 9; \
                  test $(stat -c %a /short/tmpfs0) = 1770; of long | grep -q noatime,nodiratime";
    assert_eq!(container.run(script), Ok(0));
    container.mount("tmpfs", "t", "/bad", &["size=many"]);
    assert!(container.run("exit 0").unwrap_err().contains("tmpfs: Bad value for 'size'"));
}
