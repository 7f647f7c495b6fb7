//! B16: where a container's cgroup is. The part of `--systemd-cgroup` is in `suite/systemd.rs`.

use harness::{Bundle, host, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The container's cgroup in each hierarchy, as the kernel tells, while it lives: lines of `/proc/PID/cgroup`
/// without their numbers.
#[track_caller]
fn places(bundle: &Bundle) -> Vec<String> {
    bundle.create().ok();
    let text = fs::read_to_string(format!("/proc/{}/cgroup", bundle.pid())).unwrap();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    // What had to be made above it stays, as under runc: others may use it.
    let left = bundle.footprint();
    let above: Vec<_> = left.cgroups.iter().filter(|path| text.lines().any(|line| ends_alike(path, line))).collect();
    assert!(above.is_empty() && left.processes.is_empty() && left.state.is_empty(), "left over: {left:#?}");
    text.lines().filter_map(|line| Some(line.split_once(':')?.1.to_owned())).collect()
}

/// Whether a cgroup's folder is the one that a line of `/proc/PID/cgroup` names.
fn ends_alike(folder: &Path, line: &str) -> bool {
    line.rsplit_once(":/").is_some_and(|(_, path)| !path.is_empty() && folder.ends_with(path))
}

/// The runtime's own cgroup in each hierarchy, in the same form; on v2 the one above, where limits can be.
fn own() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    lines
        .map(|(names, path)| {
            let above = Path::new(path).parent().filter(|_| host::pure_v2()).unwrap_or(Path::new(path));
            format!("{names}:{}", above.display())
        })
        .collect()
}

/// Whether these are, below `top` of each hierarchy, at `path`; not all hierarchies need be writable.
#[track_caller]
fn assert_below(places: &[String], top: impl Fn(&str) -> String, path: &str) {
    let mut at = 0;
    for place in places.iter().filter(|place| place.contains("cft")) {
        let (names, found) = place.split_once(':').unwrap();
        assert_eq!(PathBuf::from(found), Path::new(&top(names)).join(path), "{names}");
        at += 1;
    }
    assert!(at > 0, "in no cgroup of its own: {places:?}");
}

#[track_caller]
fn own_of(names: &str) -> String {
    let own = own();
    let found = own.iter().find_map(|line| line.split_once(':').filter(|(own, _)| *own == names));
    found.expect("the same hierarchy").1.to_owned()
}

#[test]
fn absolute_is_from_the_root_and_relative_from_our_own_every_time() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    let inner = format!("cofferdam-test-{}/c", bundle.tag());
    let (absolute, relative) = (format!("/{inner}"), inner.clone());
    let mut seen: Vec<Vec<String>> = Vec::new();
    for path in [&absolute, &relative, &absolute, &relative] {
        bundle.set("/linux/cgroupsPath", json!(path));
        seen.push(places(&bundle));
    }
    assert_eq!(seen[0], seen[2]);
    assert_eq!(seen[1], seen[3]);
    assert_below(&seen[0], |_| "/".to_owned(), &inner);
    assert_below(&seen[1], own_of, &inner);
}

#[test]
fn without_a_path_it_is_named_after_the_id() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    for path in [None, Some(json!(""))] {
        match path {
            Some(path) => bundle.set("/linux/cgroupsPath", path),
            None => bundle.remove("/linux/cgroupsPath"),
        }
        let (first, second) = (places(&bundle), places(&bundle));
        assert_eq!(first, second);
        assert_below(&first, own_of, bundle.id());
    }
}

#[test]
fn a_path_that_is_not_tidy_is_the_tidy_one() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    let tag = format!("cofferdam-test-{}", bundle.tag());
    for (path, tidy) in [
        (format!("//{tag}//c"), format!("{tag}/c")),
        (format!("/{tag}/./c/"), format!("{tag}/c")),
        (format!("/{tag}/b/../c"), format!("{tag}/c")),
        (format!("/../../{tag}/c"), format!("{tag}/c")),
        (format!("/{tag}/with blank, comma: colon ünd"), format!("{tag}/with blank, comma: colon ünd")),
        (format!("/{tag}/..."), format!("{tag}/...")),
    ] {
        bundle.set("/linux/cgroupsPath", json!(path));
        assert_below(&places(&bundle), |_| "/".to_owned(), &tidy);
    }
}

/// All that leads out is held at the top: relative ones at our own cgroup.
#[test]
fn a_path_never_leads_above_where_it_begins() {
    need_root!();
    need_cofferdam!("Debian's runc goes up");
    let mut bundle = Bundle::of_sleep();
    let tag = format!("cofferdam-test-{}", bundle.tag());
    bundle.set("/linux/cgroupsPath", json!(format!("../../{tag}/c")));
    assert_below(&places(&bundle), own_of, &format!("{tag}/c"));
}

#[test]
fn what_is_no_cgroup_of_its_own_is_refused_with_its_place() {
    need_root!();
    need_cofferdam!("it takes the root's");
    let refused: [Value; 12] = [
        json!("/"),
        json!("//"),
        json!("."),
        json!(".."),
        json!("../.."),
        json!("/.."),
        json!("/a/.."),
        json!("a/.."),
        json!("/a\0b"),
        json!("\0"),
        json!(7),
        json!(["/a"]),
    ];
    for path in refused {
        let bundle = Bundle::of_sleep().with("/linux/cgroupsPath", path.clone());
        let outcome = bundle.create().fails();
        assert!(outcome.err.contains("/linux/cgroupsPath"), "{path}: {outcome}");
        bundle.assert_nothing_left();
    }
}
