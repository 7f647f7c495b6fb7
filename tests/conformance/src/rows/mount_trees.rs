//! config.md, Linux mount options: those that concern several mounts: propagation, recursive flags, id maps.

use harness::Bundle;
use harness::view::{answer, flags, mount, refused};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_change, mount_remount};
use serde_json::{Value, json};
use std::fs;

super::rows! { "mount_trees":
    "config.md, Linux mount options: propagation" {
        shared: "`shared`: what is mounted below one peer is there below the others",
        private: "`private`: what is mounted below stays there",
        slave: "`slave`: what the host mounts is there inside, not the other way around",
        unbindable: "`unbindable`: the mount can't be bound elsewhere",
        rshared: "`rshared` is for the mounts below too",
        rprivate: "`rprivate` is for the mounts below too",
        rslave: "`rslave` is for the mounts below too",
        runbindable: "`runbindable` is for the mounts below too",
    }
    "config.md, Linux mount options: recursive flags" {
        rro_and_rrw: "`rro` and `rrw` are for the mounts below too",
        rro_forbids_writing_below: "`rro` forbids writing below, where `ro` does not",
        rsuid_and_rnosuid: "`rnosuid` and `rsuid` are for the mounts below too",
        rdev_and_rnodev: "`rnodev` and `rdev` are for the mounts below too",
        rexec_and_rnoexec: "`rnoexec` and `rexec` are for the mounts below too",
        rsymfollow_and_rnosymfollow: "`rnosymfollow` and `rsymfollow` are for the mounts below too",
        ratime_and_rnoatime: "`rnoatime` and `ratime` are for the mounts below too",
        rrelatime_and_rnorelatime: "`rrelatime` and `rnorelatime` are for the mounts below too",
        rstrictatime_and_rnostrictatime: "`rstrictatime` and `rnostrictatime` are for the mounts below too",
        rdiratime_and_rnodiratime: "`rnodiratime` and `rdiratime` are for the mounts below too",
    }
    "config.md, Linux mount options: id maps" {
        idmap: "`idmap` shows owners as the mount's own mappings say",
        idmap_leaves_what_is_below: "`idmap` is for one mount",
        ridmap: "`ridmap` is for the mounts below too",
        idmap_of_a_relative_source: "a `source` that is relative to the bundle may be mapped, too",
        idmap_takes_several_ranges: "mappings may have several ranges",
        idmap_without_mappings: "`idmap` without mappings is an error, but in a user namespace, whose mappings it may take",
        idmap_that_cannot_be_is_an_error: "`idmap` of what has no id maps is an error",
        locked_flags_stay: "a bind in a user namespace may have flags beside the ones that its source has",
    }
}

/// `tree` on the host, and `tree/below`, are new mounts with these flags; the bundle binds them at `/m` with these
/// options too.
fn of_two(on_host: MountFlags, options: &[&str]) -> Bundle {
    let options: Vec<&str> = ["rbind"].iter().chain(options).copied().collect();
    let bundle = Bundle::new();
    fs::create_dir(bundle.rootfs("m")).expect("a folder");
    let source = bundle.folder().join("tree");
    let bundle = bundle.with("/mounts/-", json!({"destination": "/m", "source": source, "options": options}));
    let tree = bundle.mount_on_host("tree", MountFlags::empty());
    bundle.mount_on_host("tree/below", on_host);
    mount_remount(&tree, on_host, "").expect("its flags");
    bundle
}

/// As [`of_two`], with both mounts shared on the host.
fn of_two_shared(options: &[&str]) -> Bundle {
    let bundle = of_two(MountFlags::empty(), options);
    for path in ["tree", "tree/below"] {
        mount_change(bundle.folder().join(path), MountPropagationFlags::SHARED).expect("its propagation");
    }
    bundle
}

/// The propagation of both mounts, as the container sees it.
fn propagation(option: &str) -> [String; 2] {
    let seen = of_two_shared(&[option]).probe(&[]);
    ["/m", "/m/below"].map(|target| mount(&seen, target)["propagation"].as_str().expect("text").to_owned())
}

/// Whether what is mounted inside on a tmpfs with this option is there on a bind of it too; nothing if there can't be
/// one.
fn reaches_a_peer(option: &str) -> Option<bool> {
    let script = "mkdir /m/x /copy && mount --bind /m /copy || exit 9; mount -t tmpfs t /m/x || exit 8; \
                  if grep -q ' /copy/x ' /proc/self/mountinfo; then exit 1; fi";
    let mount = json!({"destination": "/m", "type": "tmpfs", "source": "t", "options": [option]});
    let outcome = Bundle::of_shell(script).with_capability("CAP_SYS_ADMIN").with("/mounts/-", mount).run();
    match outcome.code {
        0 => Some(false),
        1 => Some(true),
        9 => None,
        _ => panic!("{outcome}"),
    }
}

/// Whether the container sees what the host mounts on a bind with this option, and the host what the container does.
fn reaches(option: &str) -> (bool, bool) {
    let bundle = of_two_shared(&[option]).with_capability("CAP_SYS_ADMIN");
    let bundle = bundle.with("/linux/rootfsPropagation", json!("slave"));
    let bundle = bundle.with("/process/args", json!(["/bin/sleep", "1000"]));
    fs::create_dir(bundle.folder().join("tree/inside")).expect("a folder");
    bundle.up();
    bundle.mount_on_host("tree/host", MountFlags::empty());
    bundle.exec(&["/bin/mount", "-t", "tmpfs", "t", "/m/inside"]).ok();
    let inside = fs::read_to_string(format!("/proc/{}/mountinfo", bundle.pid())).expect("mounts");
    let outside = bundle.footprint().mounts;
    (inside.contains("/m/host "), outside.iter().any(|line| line.contains("/tree/inside ")))
}

fn shared() {
    assert_eq!(reaches_a_peer("shared"), Some(true));
    let [this, _] = propagation("shared");
    assert!(this.contains("shared:"), "{this}");
}

fn private() {
    assert_eq!(reaches_a_peer("private"), Some(false));
    assert_eq!(reaches("private"), (false, false));
    let [this, _] = propagation("private");
    assert_eq!(this, "");
}

fn slave() {
    assert_eq!(reaches_a_peer("slave"), Some(false));
    assert_eq!(reaches("slave"), (true, false));
    let [this, _] = propagation("slave");
    assert!(this.contains("master:") && !this.contains("shared:"), "{this}");
}

fn unbindable() {
    assert_eq!(reaches_a_peer("unbindable"), None);
    let [this, below] = propagation("unbindable");
    assert_eq!((this.as_str(), below.contains("unbindable")), ("unbindable", false));
}

fn rshared() {
    assert_eq!(reaches_a_peer("rshared"), Some(true));
    let both = propagation("rshared");
    assert!(both.iter().all(|one| one.contains("shared:")), "{both:?}");
}

fn rprivate() {
    assert_eq!(reaches("rprivate"), (false, false));
    assert_eq!(propagation("rprivate"), ["", ""]);
}

fn rslave() {
    assert_eq!(reaches("rslave"), (true, false));
    let both = propagation("rslave");
    assert!(both.iter().all(|one| one.contains("master:") && !one.contains("shared:")), "{both:?}");
}

fn runbindable() {
    assert_eq!(propagation("runbindable"), ["unbindable", "unbindable"]);
}

/// Fails unless `option` gives both mounts the flags that begin with no `-`, and not the others.
#[track_caller]
fn below(on_host: MountFlags, option: &str, wanted: &[&str]) {
    let seen = of_two(on_host, &[option]).probe(&[]);
    for target in ["/m", "/m/below"] {
        let found = flags(&seen, target);
        let right =
            |flag: &&str| flag.strip_prefix('-').map_or_else(|| found.contains(flag), |not| !found.contains(&not));
        assert!(wanted.iter().all(right), "{option} at {target}: {found:?}");
    }
}

fn rro_and_rrw() {
    below(MountFlags::empty(), "rro", &["ro"]);
    below(MountFlags::RDONLY, "rrw", &["rw"]);
}

fn rro_forbids_writing_below() {
    let seen = of_two(MountFlags::empty(), &["rro"]).probe(&["write:/m/x=y", "write:/m/below/x=y"]);
    refused(&seen, "write:/m/x=y", "Read-only");
    refused(&seen, "write:/m/below/x=y", "Read-only");
    let seen = of_two(MountFlags::empty(), &["ro"]).probe(&["write:/m/x=y", "write:/m/below/x=y"]);
    refused(&seen, "write:/m/x=y", "Read-only");
    assert_eq!(answer(&seen, "write:/m/below/x=y"), "ok");
}

fn rsuid_and_rnosuid() {
    below(MountFlags::empty(), "rnosuid", &["nosuid"]);
    below(MountFlags::NOSUID, "rsuid", &["-nosuid"]);
}

fn rdev_and_rnodev() {
    below(MountFlags::empty(), "rnodev", &["nodev"]);
    below(MountFlags::NODEV, "rdev", &["-nodev"]);
}

fn rexec_and_rnoexec() {
    below(MountFlags::empty(), "rnoexec", &["noexec"]);
    below(MountFlags::NOEXEC, "rexec", &["-noexec"]);
}

fn rsymfollow_and_rnosymfollow() {
    below(MountFlags::empty(), "rnosymfollow", &["nosymfollow"]);
    // MS_NOSYMFOLLOW, which has no name here.
    below(MountFlags::from_bits_retain(256), "rsymfollow", &["-nosymfollow"]);
}

fn ratime_and_rnoatime() {
    below(MountFlags::empty(), "rnoatime", &["noatime", "-relatime"]);
    below(MountFlags::NOATIME, "ratime", &["-noatime"]);
}

fn rrelatime_and_rnorelatime() {
    below(MountFlags::NOATIME, "rrelatime", &["relatime", "-noatime"]);
    below(MountFlags::empty(), "rnorelatime", &["-noatime"]);
}

fn rstrictatime_and_rnostrictatime() {
    below(MountFlags::empty(), "rstrictatime", &["-relatime", "-noatime"]);
    below(MountFlags::STRICTATIME, "rnostrictatime", &["relatime", "-noatime"]);
}

fn rdiratime_and_rnodiratime() {
    below(MountFlags::empty(), "rnodiratime", &["nodiratime"]);
    below(MountFlags::NODIRATIME, "rdiratime", &["-nodiratime"]);
}

/// As [`of_two`], with a file of root's in both, and mappings of the mount's own.
fn mapped(option: &str, mappings: &Value) -> Bundle {
    if harness::host::is_user_mode() {
        crate::verdict::skip("the kernel's tmpfs has no id maps");
    }
    let mut bundle = of_two(MountFlags::empty(), &[option]);
    let number = bundle.config["mounts"].as_array().expect("mounts").len() - 1;
    for ids in ["uidMappings", "gidMappings"] {
        bundle.set(&format!("/mounts/{number}/{ids}"), mappings.clone());
    }
    for path in ["tree/file", "tree/below/file"] {
        fs::write(bundle.folder().join(path), "").expect("a file");
    }
    bundle
}

/// The owners of the files in both mounts.
fn owners(mut bundle: Bundle) -> [Value; 2] {
    let questions = ["stat:/m/file", "stat:/m/below/file"];
    let seen = bundle.probe(&questions);
    questions.map(|question| json!([answer(&seen, question)["uid"], answer(&seen, question)["gid"]]))
}

fn to(host: u32) -> Value {
    json!([{"containerID": 0, "hostID": host, "size": 100}])
}

fn idmap() {
    let [this, _] = owners(mapped("idmap", &to(5000)));
    assert_eq!(this, json!([5000, 5000]));
}

fn idmap_leaves_what_is_below() {
    let [_, below] = owners(mapped("idmap", &to(5000)));
    assert_eq!(below, json!([0, 0]));
}

fn ridmap() {
    assert_eq!(owners(mapped("ridmap", &to(5000))), [json!([5000, 5000]), json!([5000, 5000])]);
}

fn idmap_of_a_relative_source() {
    let bundle = mapped("idmap", &to(5000));
    let number = bundle.config["mounts"].as_array().expect("mounts").len() - 1;
    let [this, _] = owners(bundle.with(&format!("/mounts/{number}/source"), json!("tree")));
    assert_eq!(this, json!([5000, 5000]));
}

fn idmap_takes_several_ranges() {
    let ranges = json!([{"containerID": 0, "hostID": 5000, "size": 1}, {"containerID": 7, "hostID": 6000, "size": 2}]);
    let mut bundle = mapped("idmap", &ranges);
    for (name, owner) in [("seven", 7), ("eight", 8), ("nine", 9)] {
        let path = bundle.folder().join("tree").join(name);
        fs::write(&path, "").expect("a file");
        std::os::unix::fs::chown(path, Some(owner), Some(owner)).expect("its owner");
    }
    let seen = bundle.probe(&["stat:/m/file", "stat:/m/seven", "stat:/m/eight", "stat:/m/nine"]);
    let owner = |name: &str| answer(&seen, &format!("stat:/m/{name}"))["uid"].clone();
    // 65534: nobody that there is a number for.
    assert_eq!(["file", "seven", "eight", "nine"].map(owner), [5000, 6000, 6001, 65534].map(|uid| json!(uid)));
}

fn idmap_without_mappings() {
    for option in ["idmap", "ridmap"] {
        let bundle = mapped(option, &Value::Null);
        bundle.create().fails();
        let bundle = bundle.in_user_namespace().with("/process/args", json!(["/bin/stat", "-c", "%u %g", "/m/file"]));
        let outcome = bundle.run();
        assert!(outcome.code != 0 || outcome.out == "0 0\n", "{outcome}");
    }
}

fn idmap_that_cannot_be_is_an_error() {
    let mount = json!({"destination": "/m", "source": "/proc/sys", "options": ["bind", "idmap"],
        "uidMappings": to(5000), "gidMappings": to(5000)});
    let bundle = Bundle::new().with("/mounts/-", mount);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn locked_flags_stay() {
    let locked = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let seen = of_two(locked, &["ro"]).in_user_namespace().probe(&[]);
    let found = flags(&seen, "/m");
    assert!(["ro", "nosuid", "nodev", "noexec"].iter().all(|flag| found.contains(flag)), "{found:?}");
}
