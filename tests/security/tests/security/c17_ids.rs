//! SECURITY C17: an id names a folder of the state folder and nothing else; no link there is followed.

use harness::{Bundle, need_cofferdam, need_root};
use rig::Canary;
use rig::host_print::assert_nothing_left;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Ids that are none.
#[rustfmt::skip]
const IDS: &[&str] = &[
    "", ".", "..", "...", "./", "../", ".a", ".seccomp", "/", "//", "/a", "a/", "a/b", "../a", "a/..", "a/../b",
    "./a", "../../etc", "../../../../../../etc", "..\\a", "a\\b", "a\n", "\n", "\na", "a\nb", "a\r", "a\tb", " ",
    " a", "a ", "a b", "a=b", "a:b", "a,b", "a;b", "a|b", "a&b", "a$b", "$(touch /tmp/x)", "`a`", "a*", "a?", "[a]",
    "{a}", "~", "~root", "a@b", "a#b", "a%2fb", "%2e%2e", "a!", "a'b", "a\"b", "a<b", "é", "日本", "\u{202e}a",
    "\u{7f}", "\u{1b}[31m", "\u{feff}a", "--root=/", "--force=true",
];

/// These, long ones, and those that lead to the canary.
fn ids(canary: &Path) -> Vec<String> {
    let mut ids: Vec<String> = IDS.iter().map(ToString::to_string).collect();
    ids.push("a".repeat(1025));
    ids.push("a".repeat(4096));
    ids.push("../".repeat(30) + canary.to_str().unwrap().trim_start_matches('/'));
    ids.push(canary.to_str().unwrap().to_owned());
    ids
}

/// Every verb that takes an id, with what else it needs.
const VERBS: [(&[&str], &[&str]); 16] = [
    (&["create"], &[]),
    (&["run"], &[]),
    (&["run", "--detach"], &[]),
    (&["start"], &[]),
    (&["state"], &[]),
    (&["kill"], &["KILL"]),
    (&["kill", "--all"], &["KILL"]),
    (&["delete"], &[]),
    (&["pause"], &[]),
    (&["resume"], &[]),
    (&["ps"], &[]),
    (&["exec"], &["/bin/true"]),
    (&["exec", "--detach"], &["/bin/true"]),
    (&["events", "--stats"], &[]),
    (&["update", "--pids-limit", "10"], &[]),
    (&["delete", "--force"], &[]),
];

/// A call of a verb with an id; of `delete --force`, which may say that all is well, only that nothing happens.
#[track_caller]
fn refused(bundle: &Bundle, verb: &[&str], id: &str, rest: &[&str]) {
    let arguments: Vec<&str> = verb.iter().copied().chain(["--", id]).chain(rest.iter().copied()).collect();
    let outcome = bundle.call(arguments.iter().copied()).outcome();
    let forced = verb == ["delete", "--force"];
    assert!(outcome.code != 0 || forced, "{arguments:?}: {outcome}");
    assert!(outcome.code < 128 || outcome.code == 255, "{arguments:?}: {outcome}");
    assert!(outcome.err.len() < 4096 && !outcome.err.contains("panicked"), "{arguments:?}: {outcome}");
    let odd = outcome.err.trim_end_matches('\n').contains(char::is_control);
    assert!(!odd || !harness::programs::is_cofferdam(), "{arguments:?}: {outcome:?}");
}

#[test]
fn what_is_no_id_is_refused_by_every_verb() {
    need_root!();
    let (bundle, canary) = (Bundle::of_sleep(), Canary::new());
    let ids = ids(canary.folder());
    assert!(ids.len() >= 60, "{}", ids.len());
    for (verb, rest) in VERBS {
        for id in &ids {
            refused(&bundle, verb, id, rest);
        }
        canary.assert_same();
        assert_eq!(names(&bundle), Vec::<String>::new(), "{verb:?}");
    }
    assert_nothing_left(&bundle);
}

/// What is an id but looks like an option is an error without `--`, and never that option.
#[test]
fn an_id_is_never_an_option() {
    need_root!();
    let (bundle, canary) = (Bundle::of_sleep(), Canary::new());
    let root = format!("--root={}", canary.folder().display());
    for id in ["-f", "--root", &root, "--force", "--", "--bundle=/", "-b", "--pid-file=/run/x"] {
        for (verb, rest) in VERBS {
            let arguments: Vec<&str> = verb.iter().copied().chain([id]).chain(rest.iter().copied()).collect();
            let outcome = bundle.call(arguments.iter().copied()).outcome();
            assert!(outcome.code != 0 || verb == ["delete", "--force"], "{arguments:?}: {outcome}");
        }
        canary.assert_same();
    }
    bundle.call(["delete", "--force", "--", "-f"]).outcome();
    assert_nothing_left(&bundle);
}

fn names(bundle: &Bundle) -> Vec<String> {
    let entries = fs::read_dir(bundle.state_folder()).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A whole state of a running container lies outside, and a link in the state folder leads to it.
#[test]
fn a_link_in_the_state_folder_is_no_container() {
    need_root!();
    need_cofferdam!("Debian's runc follows it");
    let (bundle, other, canary) = (Bundle::of_sleep(), Bundle::of_sleep(), Canary::new());
    other.up();
    fs::create_dir(bundle.state_folder()).unwrap();
    let links = [("elsewhere", other.state_folder().join(other.id())), ("canary", canary.folder().to_owned())];
    for (name, target) in &links {
        symlink(target, bundle.state_folder().join(name)).unwrap();
        for (verb, rest) in VERBS {
            refused(&bundle, verb, name, rest);
            canary.assert_same();
            assert_eq!(other.status(), "running", "{verb:?}");
            assert!(fs::read_link(bundle.state_folder().join(name)).is_ok(), "{verb:?} has taken the link away");
        }
        fs::remove_file(bundle.state_folder().join(name)).unwrap();
    }
    drop(other);
    assert_nothing_left(&bundle);
}

/// Files of a container's folder replaced by links: none is read or written through.
#[test]
fn a_link_in_a_containers_folder_is_not_followed() {
    need_root!();
    need_cofferdam!("the files are ours");
    for file in ["state.json", "config.json", "start.sock"] {
        let (bundle, other, canary) = (Bundle::of_sleep(), Bundle::of_sleep(), Canary::new());
        bundle.create().ok();
        other.up();
        let path = bundle.state_folder().join(bundle.id()).join(file);
        fs::remove_file(&path).unwrap();
        symlink(other.state_folder().join(other.id()).join(file), &path).unwrap();
        for (verb, rest) in VERBS.iter().filter(|(verb, _)| !verb.contains(&"create") && !verb.contains(&"run")) {
            let arguments = verb.iter().copied().chain([bundle.id()]).chain(rest.iter().copied());
            let outcome = bundle.call(arguments).outcome();
            assert!(!outcome.err.contains("panicked"), "{outcome}");
            assert_eq!(other.status(), "running", "{file}: {verb:?}");
        }
        canary.assert_same();
        assert_eq!(other.exec(&["/bin/true"]).ok().code, 0);
    }
}
