//! config.md, mounts: where they are made, in which order, of what.

use harness::view::{answer, mount};
use harness::{Bundle, host};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

super::rows! { "mounts":
    "config.md, mounts" {
        mounts_are_made_in_the_order_listed: "entries are mounted in the listed order",
        a_destination_is_required: "`destination` is required",
        a_relative_destination_begins_at_the_root: "a relative `destination` is relative to `/`",
        a_destination_that_is_there_is_covered: "a mount covers what was there",
        a_destination_that_is_missing_is_made: "a mount lands where there was nothing before",
        links_in_a_destination_lead_inside: "`destination` is a path inside the container, wherever its links lead",
        a_link_that_leads_nowhere: "where a link in a `destination` leads to may be made, too",
        a_destination_never_leads_outside: "no `destination` makes anything outside of the container",
        a_source_may_be_absolute: "the `source` of a bind may be absolute",
        a_relative_source_begins_at_the_bundle: "the `source` of a bind may be relative to the bundle",
        a_source_that_is_missing_is_refused: "the `source` of a bind must exist",
        a_source_is_otherwise_a_name: "the `source` of another mount is a name, which is kept",
        what_fails_leaves_no_mounts: "a mount that fails is an error, and the ones before it are undone",
    }
    "config.md, POSIX-platform mounts" {
        each_file_system_of_the_kernel: "`type` is a file system of the kernel",
        a_cgroup_mount_shows_the_containers_cgroups: "`type` may be `cgroup`",
        an_unknown_type_is_refused: "a `type` that the kernel does not know is an error",
        no_type_is_refused: "what is no bind has a `type`",
        the_type_of_a_bind_is_a_dummy: "the `type` of a bind is a dummy",
        mappings_come_in_pairs: "`uidMappings` come along with `gidMappings`",
        mappings_are_never_ignored: "mappings without `idmap` are applied, or refused",
    }
}

fn tmpfs(destination: &str) -> Value {
    json!({"destination": destination, "type": "tmpfs", "source": "t"})
}

fn bind(source: &str, destination: &str) -> Value {
    json!({"destination": destination, "source": source, "options": ["bind"]})
}

/// A bundle with these mounts too, and beside config.json a folder `tree` with a `file` in it.
fn with(mounts: impl IntoIterator<Item = Value>) -> Bundle {
    let mut bundle = Bundle::new();
    fs::create_dir(bundle.folder().join("tree")).expect("the folder");
    fs::write(bundle.folder().join("tree/file"), "content").expect("the file");
    for mount in mounts {
        bundle.set("/mounts/-", mount);
    }
    bundle
}

fn mounts_are_made_in_the_order_listed() {
    let mut bundle = with([tmpfs("/a"), bind("tree", "/a/b"), bind("tree", "/c/d"), tmpfs("/c")]);
    let seen = bundle.probe(&["read:/a/b/file", "list:/c"]);
    assert_eq!(answer(&seen, "read:/a/b/file"), "content");
    assert_eq!(answer(&seen, "list:/c"), &json!([]));
}

fn a_destination_is_required() {
    let bundle = with([json!({"type": "tmpfs", "source": "t"})]);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn a_relative_destination_begins_at_the_root() {
    let mut bundle = with([tmpfs("a/b")]).with("/process/cwd", json!("/tmp"));
    assert_eq!(mount(&bundle.probe(&[]), "/a/b")["kind"], "tmpfs");
}

fn a_destination_that_is_there_is_covered() {
    let mut bundle = with([bind("tree", "/etc"), bind("tree/file", "/home/file"), tmpfs("/var")]);
    fs::write(bundle.rootfs("home/file"), "covered").expect("a file");
    let seen = bundle.probe(&["list:/etc", "read:/home/file", "list:/var"]);
    assert_eq!(answer(&seen, "list:/etc"), &json!(["file"]));
    assert_eq!(answer(&seen, "read:/home/file"), "content");
    assert_eq!(answer(&seen, "list:/var"), &json!([]));
}

fn a_destination_that_is_missing_is_made() {
    let mut bundle = with([tmpfs("/new/tmpfs"), bind("tree", "/new/folder"), bind("tree/file", "/new/deep/file")]);
    let seen = bundle.probe(&["list:/new/folder", "read:/new/deep/file"]);
    assert_eq!(mount(&seen, "/new/tmpfs")["kind"], "tmpfs");
    assert_eq!(answer(&seen, "list:/new/folder"), &json!(["file"]));
    assert_eq!(answer(&seen, "read:/new/deep/file"), "content");
}

fn links_in_a_destination_lead_inside() {
    let mut bundle = with([tmpfs("/link/x"), tmpfs("/up/y")]);
    fs::create_dir_all(bundle.rootfs("real")).expect("a folder");
    symlink("/real", bundle.rootfs("link")).expect("a link");
    symlink("../../../../../../../real", bundle.rootfs("up")).expect("a link");
    let seen = bundle.probe(&[]);
    assert_eq!(mount(&seen, "/real/x")["kind"], "tmpfs");
    assert_eq!(mount(&seen, "/real/y")["kind"], "tmpfs");
}

fn a_link_that_leads_nowhere() {
    let mut bundle = with([tmpfs("/link")]);
    symlink("/not/there/yet", bundle.rootfs("link")).expect("a link");
    assert_eq!(mount(&bundle.probe(&[]), "/not/there/yet")["kind"], "tmpfs");
}

fn a_destination_never_leads_outside() {
    let bundle = with([]);
    let outside = bundle.folder().join("outside");
    let tag = bundle.tag().to_owned();
    let bundle =
        bundle.with("/mounts/-", tmpfs("/absolute/a")).with("/mounts/-", tmpfs(&format!("/../../../../{tag}")));
    fs::create_dir(&outside).expect("a folder");
    symlink(&outside, bundle.rootfs("absolute")).expect("a link");
    drop(bundle.run());
    assert_eq!(fs::read_dir(&outside).expect("the folder").count(), 0);
    assert!(!fs::exists(format!("/{tag}")).expect("the root"));
    bundle.assert_nothing_left();
}

fn a_source_may_be_absolute() {
    let mut bundle = with([]);
    let source = bundle.folder().join("tree");
    bundle.set("/mounts/-", bind(source.to_str().expect("UTF-8"), "/x"));
    assert_eq!(answer(&bundle.probe(&["list:/x"]), "list:/x"), &json!(["file"]));
}

fn a_relative_source_begins_at_the_bundle() {
    let bundle = with([bind("tree", "/x"), bind("./tree/file", "/f")])
        .with("/process/args", json!(["/bin/cat", "/x/file", "/f"]));
    let folder = bundle.folder().to_str().expect("UTF-8").to_owned();
    let outcome = bundle.call(["run", "--bundle", &folder, bundle.id()]).cwd("/".as_ref()).ok();
    assert_eq!(outcome.out, "contentcontent");
}

fn a_source_that_is_missing_is_refused() {
    let bundle = with([bind("nowhere", "/x")]);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn a_source_is_otherwise_a_name() {
    let mut bundle = with([json!({"destination": "/x", "type": "tmpfs", "source": "named"})]);
    assert_eq!(mount(&bundle.probe(&[]), "/x")["source"], "named");
}

fn what_fails_leaves_no_mounts() {
    let bundle = with([tmpfs("/x"), bind("tree", "/y"), bind("nowhere", "/z")]);
    let before = bundle.footprint();
    bundle.run().fails();
    assert_eq!(bundle.footprint().mounts, before.mounts);
    bundle.assert_nothing_left();
}

fn each_file_system_of_the_kernel() {
    // proc and sysfs are at their places already.
    const KINDS: [&str; 4] = ["tmpfs", "ramfs", "devpts", "mqueue"];
    let of = |kind: &str| json!({"destination": format!("/of/{kind}"), "type": kind, "source": kind});
    let seen = with(KINDS.map(of)).probe(&[]);
    for kind in KINDS {
        assert_eq!(mount(&seen, &format!("/of/{kind}"))["kind"], kind);
    }
}

fn a_cgroup_mount_shows_the_containers_cgroups() {
    let mut bundle = Bundle::new().with("/linux/namespaces/-", json!({"type": "cgroup"}));
    let folder = if host::pure_v2() { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" };
    let question = format!("read:{folder}/cgroup.procs");
    let seen = bundle.probe(&[&question]);
    assert_eq!(answer(&seen, &question), "1");
    assert_eq!(mount(&seen, folder)["kind"], if host::pure_v2() { "cgroup2" } else { "cgroup" });
}

fn an_unknown_type_is_refused() {
    let bundle = with([json!({"destination": "/x", "type": "nonesuch", "source": "t"})]);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn no_type_is_refused() {
    let bundle = with([json!({"destination": "/x", "source": "t"})]);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn the_type_of_a_bind_is_a_dummy() {
    for kind in ["none", "bind", "", "tmpfs", "nonesuch"] {
        for option in ["bind", "rbind"] {
            let mut bundle = with([json!({"destination": "/x", "type": kind, "source": "tree", "options": [option]})]);
            assert_eq!(answer(&bundle.probe(&["list:/x"]), "list:/x"), &json!(["file"]), "{kind} {option}");
        }
    }
}

fn mappings_come_in_pairs() {
    for one in ["uidMappings", "gidMappings"] {
        let mut mount = json!({"destination": "/x", "source": "tree", "options": ["bind", "idmap"]});
        mount[one] = json!([{"containerID": 0, "hostID": 5000, "size": 100}]);
        let bundle = with([mount]);
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}

fn mappings_are_never_ignored() {
    let mapping = json!([{"containerID": 0, "hostID": 5000, "size": 100}]);
    let mut mount = bind("tree", "/x");
    mount["uidMappings"] = mapping.clone();
    mount["gidMappings"] = mapping;
    let bundle = with([mount]).with("/process/args", json!(["/bin/stat", "-c", "%u %g", "/x/file"]));
    let outcome = bundle.run();
    assert!(outcome.code != 0 || outcome.out == "5000 5000\n", "{outcome}");
}
