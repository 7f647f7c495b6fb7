//! SECURITY C14: what runs with the host's rights takes nothing from the image: no environment, no working directory,
//! no descriptor, no program: CVE-2024-0132, CVE-2025-23266.
//!
//! Controls: runc 1.1.5, which hands its caller's environment to a hook without one, is none; the mutants `c14-`.

use harness::footprint::pids;
use harness::{Bundle, need_cofferdam, need_root, programs, until};
use rig::Canary;
use rig::attackers::leaking;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// All kinds; the first four see the host's files, createContainer the host's with the container's mounts, the last
/// the container's.
const KINDS: [&str; 6] = ["prestart", "createRuntime", "createContainer", "poststart", "poststop", "startContainer"];

/// What a hook of that kind found, by the first word of its lines.
struct Found(String);

impl Found {
    fn all(&self, key: &str) -> Vec<&str> {
        self.0.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).collect()
    }
}

/// A bundle whose image sets traps for hooks, with a hook of each kind.
fn trapped(canary: &Canary) -> Bundle {
    let mut bundle = Bundle::new().with("/process/args", json!(["/bin/sleep", "0.2"]));
    let hook = programs::compiled("hook", rig::attackers::HOOK);
    programs::copy(&hook, &bundle.folder().join("hook"));
    programs::copy(&hook, &bundle.rootfs("hook"));
    for (name, target) in [("out", "passwd"), ("bundle", ""), ("lib", "sys")] {
        symlink(canary.path(target), bundle.rootfs(name)).unwrap();
    }
    fs::write(bundle.rootfs("etc/ld.so.preload"), "/lib/trap.so\n").unwrap();
    for trap in ["LD_PRELOAD=/trap.so", "LD_LIBRARY_PATH=/trap", "GCONV_PATH=/trap", "BASH_ENV=/trap", "HOME=/trap"] {
        bundle.set("/process/env/-", json!(trap));
    }
    for kind in KINDS {
        let inside = kind == "startContainer";
        let folder = if inside { String::new() } else { bundle.folder().to_str().unwrap().to_owned() };
        let hook = json!([{"path": format!("{folder}/hook"), "args": ["named", format!("{folder}/{kind}.txt"), "x"],
            "env": ["ONLY=this", format!("COFFERDAM_TEST={}", bundle.tag())]}]);
        bundle.set(&format!("/hooks/{kind}"), hook);
    }
    bundle
}

#[test]
fn hooks_have_what_their_entry_says_and_no_more() {
    need_root!();
    need_cofferdam!("runc's hooks have PWD, and descriptors of their own");
    let canary = Canary::new();
    let bundle = trapped(&canary);
    // Not where the caller is, nor with what it has open.
    let elsewhere = |arguments: &[&str]| leaking(&bundle, arguments).cwd(Path::new("/")).ok();
    elsewhere(&["create", "--bundle", bundle.folder().to_str().unwrap(), bundle.id()]);
    elsewhere(&["start", bundle.id()]);
    bundle.await_status("stopped");
    elsewhere(&["delete", bundle.id()]);
    let host = |kind: &str| fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().to_str().unwrap().to_owned();
    for kind in KINDS {
        let inside = kind == "startContainer";
        let file =
            if inside { bundle.rootfs("startContainer.txt") } else { bundle.folder().join(format!("{kind}.txt")) };
        let found = Found(fs::read_to_string(&file).unwrap_or_else(|error| panic!("{kind}: {error}")));
        let mut environment = found.all("env");
        environment.sort_unstable();
        assert_eq!(environment, [&format!("COFFERDAM_TEST={}", bundle.tag()), "ONLY=this"], "{kind}");
        assert_eq!(found.all("arg")[..1], ["named"], "{kind}");
        assert_eq!(found.all("fd"), ["0", "1", "2"], "{kind}");
        let cwd = match kind {
            "startContainer" => "/".to_owned(),
            "createContainer" => bundle.rootfs("").to_str().unwrap().trim_end_matches('/').to_owned(),
            _ => bundle.folder().to_str().unwrap().to_owned(),
        };
        assert_eq!(found.all("cwd"), [cwd.as_str()], "{kind}");
        let outside = !["createContainer", "startContainer"].contains(&kind);
        for (place, own) in found.all("ns").iter().zip(["mnt", "pid", "net", "ipc", "uts"]) {
            assert_eq!(*place == host(own), outside, "{kind} {own}: {place}");
        }
    }
    canary.assert_same();
}

/// The whole of a hook that takes too long is ended, and nothing of it stays.
#[test]
fn a_hook_that_takes_too_long_leaves_no_child() {
    need_root!();
    need_cofferdam!("runc leaves what a hook has started");
    for kind in KINDS {
        let mut bundle = trapped(&Canary::new());
        let place = format!("/hooks/{kind}/0");
        let mut hook: Value = bundle.config.pointer(&place).unwrap().clone();
        hook["args"][2] = json!("sleep");
        hook["timeout"] = json!(1);
        bundle.set(&place, hook);
        drop(bundle.run());
        drop(bundle.call(["delete", "--force", bundle.id()]).outcome());
        let gone = until(Duration::from_secs(2), || pids(bundle.tag()).is_empty());
        assert!(gone, "{kind}: {:?}", bundle.footprint().processes);
    }
}

/// A hook's program is the host's: what an image has of that name is not run.
#[test]
fn the_images_program_is_not_the_hosts() {
    need_root!();
    let mut bundle = Bundle::of_sleep();
    programs::copy(&programs::compiled("hook", rig::attackers::HOOK), &bundle.rootfs("only-here"));
    for kind in ["prestart", "createRuntime", "createContainer"] {
        bundle.set("/hooks", json!({kind: [{"path": "/only-here", "args": ["x", "/tmp/never"]}]}));
        bundle.create().fails();
        bundle.assert_nothing_left();
    }
}
