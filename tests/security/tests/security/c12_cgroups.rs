//! SECURITY C12: of the cgroups, a container sees and changes its own alone.

use harness::{Bundle, eventually, host, need_cofferdam, need_root};
use rig::host_print::assert_nothing_left;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Tries, in every folder of every hierarchy that it sees and above it, to make a cgroup, to move itself, to turn
/// controllers on, and to name a program that the kernel runs on the host (CVE-2022-0492).
const ATTACK: &str = r#"
cd /sys/fs/cgroup || exit 9
for folder in $(find / -xdev -path /proc -prune -o -name cgroup.procs -print 2>/dev/null; find /sys/fs/cgroup -type d); do
    [ -d "$folder" ] || folder=${folder%/*}
    for up in . .. ../.. ../../.. ../../../..; do
        mkdir "$folder/$up/TAG-escape"
        for file in cgroup.procs tasks cgroup.subtree_control cgroup.kill release_agent notify_on_release cgroup.freeze; do
            [ -e "$folder/$up/$file" ] || continue
            case $file in
                cgroup.procs|tasks) echo 0 >"$folder/$up/$file";;
                cgroup.subtree_control) echo +pids >"$folder/$up/$file";;
                release_agent) echo /escape >"$folder/$up/$file" && touch /agent-written;;
                notify_on_release) echo 1 >"$folder/$up/$file";;
                *) echo 0 >"$folder/$up/$file";;
            esac && echo "$file" >>/written
        done
    done
done 2>/dev/null
touch /done
exec sleep 1000
"#;

/// The container attacks: what it has made, and where.
struct Attack {
    bundle: Bundle,
}

impl Attack {
    fn new(namespace: bool, user: bool, writable: bool) -> Self {
        let mut bundle = Bundle::new();
        let script = ATTACK.replace("TAG", bundle.tag());
        bundle.set("/process/args", json!(["/bin/sh", "-c", script]));
        if namespace {
            bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
        }
        if writable {
            let at = bundle.config["mounts"].as_array().unwrap().iter().position(|mount| mount["type"] == "cgroup");
            let options = json!(["nosuid", "noexec", "nodev", "relatime", "rw"]);
            bundle.set(&format!("/mounts/{}/options", at.unwrap()), options);
        }
        let bundle = if user { bundle.in_user_namespace() } else { bundle };
        if user {
            let root = bundle.rootfs("");
            std::os::unix::fs::chown(&root, Some(100_000), Some(100_000)).unwrap();
        }
        bundle.up();
        eventually("the attack is over", || bundle.rootfs("done").exists());
        Attack { bundle }
    }

    /// Where below the top of a hierarchy the container is.
    fn own(&self) -> &str {
        self.bundle.config["linux"]["cgroupsPath"].as_str().unwrap()
    }

    /// The cgroups of that name that there are on the host.
    fn made(&self) -> Vec<PathBuf> {
        let name = format!("{}-escape", self.bundle.tag());
        self.bundle.footprint().cgroups.into_iter().filter(|path| path.ends_with(&name)).collect()
    }

    /// All that it sees of cgroup file systems begins at its own cgroup, as the host names it.
    #[track_caller]
    fn sees_only_its_own(&self) {
        let text = fs::read_to_string(format!("/proc/{}/mountinfo", self.bundle.pid())).unwrap();
        let mounts = text.lines().filter(|line| line.contains(" - cgroup"));
        let roots: Vec<&str> = mounts.filter_map(|line| line.split(' ').nth(3)).collect();
        assert!(!roots.is_empty(), "{text}");
        for root in roots {
            assert!(Path::new(root).starts_with(self.own()), "{root} is not {}: {text}", self.own());
        }
    }

    /// No process of it is anywhere else: of each hierarchy that limits something.
    #[track_caller]
    fn is_in_its_own(&self) {
        is_beneath(self.bundle.pid(), self.own());
    }
}

#[track_caller]
fn is_beneath(pid: u32, own: &str) {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let paths: BTreeSet<&str> = text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).collect();
    // Hierarchies that the machine has not mounted are none of the runtime's.
    let strangers: Vec<_> = paths.iter().filter(|path| **path != "/" && !Path::new(path).starts_with(own)).collect();
    assert!(strangers.is_empty() && paths.iter().any(|path| Path::new(path).starts_with(own)), "{own}: {text}");
}

#[test]
fn a_container_changes_no_cgroup_but_its_own() {
    need_root!();
    for (namespace, user) in [(false, false), (true, false), (false, true), (true, true)] {
        let attack = Attack::new(namespace, user, false);
        let case = format!("cgroup namespace {namespace}, user namespace {user}");
        assert_eq!(attack.made(), Vec::<PathBuf>::new(), "{case}");
        assert!(!attack.bundle.rootfs("written").exists(), "{case}: it is mounted read-only");
        attack.sees_only_its_own();
        attack.is_in_its_own();
        attack.bundle.call(["delete", "--force", attack.bundle.id()]).ok();
        assert_nothing_left(&attack.bundle);
    }
}

#[test]
fn one_that_may_write_writes_beneath_its_own() {
    need_root!();
    for (namespace, user) in [(false, false), (true, false), (true, true)] {
        let attack = Attack::new(namespace, user, true);
        let case = format!("cgroup namespace {namespace}, user namespace {user}");
        for made in attack.made() {
            let beneath = attack.bundle.footprint().cgroups;
            let own = beneath.iter().any(|own| own.ends_with(&attack.own()[1..]) && made.starts_with(own));
            assert!(own, "{case}: {}", made.display());
        }
        assert!(user || !attack.made().is_empty(), "{case}: root may write where that was asked for");
        assert!(!attack.bundle.rootfs("agent-written").exists(), "{case}: a release agent runs on the host");
        attack.sees_only_its_own();
        attack.is_in_its_own();
        attack.bundle.call(["delete", "--force", attack.bundle.id()]).ok();
        assert_nothing_left(&attack.bundle);
    }
}

/// The pid of a process that `exec` has left running, if it did.
fn exec_beneath(bundle: &Bundle, place: &str) -> Result<u32, String> {
    let file = bundle.folder().join("exec.pid");
    drop(fs::remove_file(&file));
    let file_name = file.to_str().unwrap();
    let options = ["exec", "--detach", "--pid-file", file_name, "--cgroup", place, bundle.id(), "/bin/sleep", "1000"];
    let outcome = bundle.call(options).outcome();
    if outcome.code != 0 {
        let outcome = outcome.fails();
        return Err(outcome.err);
    }
    Ok(fs::read_to_string(&file).unwrap().trim().parse().unwrap())
}

#[test]
fn exec_is_at_or_below_the_containers_cgroup() {
    need_root!();
    let (bundle, mut twin) = (Bundle::of_sleep(), Bundle::of_sleep());
    let own = bundle.config["linux"]["cgroupsPath"].as_str().unwrap().to_owned();
    twin.set("/linux/cgroupsPath", json!(format!("{own}0")));
    bundle.up();
    twin.up();
    let name = own.trim_start_matches('/');
    for cgroup in bundle.footprint().cgroups.iter().filter(|path| path.ends_with(name)) {
        let below = cgroup.join("below");
        fs::create_dir(&below).unwrap();
        // A v1 cpuset takes nobody before it has both.
        for file in ["cpuset.cpus", "cpuset.mems"].iter().filter(|file| !host::pure_v2() && below.join(file).exists()) {
            fs::write(below.join(file), fs::read(cgroup.join(file)).unwrap()).unwrap();
        }
    }
    let twins = [format!("../{name}0"), format!("/../{name}0"), format!("below/../../{name}0")];
    let controllers =
        if host::pure_v2() { vec![] } else { vec![format!("freezer,memory:../{name}0"), "pids:..".into()] };
    let ways =
        ["..", "/..", "../", "/../x", "../..", "below/../..", "below/../../..", "./.././", "0", "//..", ".. ", "\n.."];
    for place in ways.into_iter().map(str::to_owned).chain(twins).chain(controllers) {
        match exec_beneath(&bundle, &place) {
            Ok(pid) => is_beneath(pid, &own),
            Err(said) => assert!(said.lines().count() == 1, "{place:?}: {said}"),
        }
    }
    // The control: what is there can be reached.
    for place in ["below", "/below", "./x/../below/"] {
        if host::pure_v2() || programs_joins_all_hierarchies() {
            is_beneath(exec_beneath(&bundle, place).unwrap(), &format!("{own}/below"));
        }
    }
    drop(twin);
}

/// Debian's runc joins v1 hierarchies only where each is named.
fn programs_joins_all_hierarchies() -> bool {
    harness::programs::is_cofferdam()
}

#[test]
fn the_root_of_a_hierarchy_and_what_lies_outside_are_no_containers_cgroup() {
    need_root!();
    need_cofferdam!("others take the root");
    for path in ["/", "..", "../..", "/..", "/../..", "x/../..", "/x/.."] {
        let bundle = Bundle::of_sleep().with("/linux/cgroupsPath", json!(path));
        let outcome = bundle.create();
        if outcome.code == 0 {
            let pid = bundle.pid();
            let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            drop(bundle);
            panic!("{path} is taken: {text}");
        }
        outcome.fails().says("is the root of the hierarchy");
        assert_nothing_left(&bundle);
    }
}

/// What links in the image could do to the mount of the cgroup: it is mounted in the container or refused.
#[test]
fn a_cgroup_mount_goes_where_the_image_cannot_lead_it_astray() {
    need_root!();
    let canary = rig::Canary::new();
    for (at, target) in
        [("sys", canary.path("sys")), ("sys/fs", canary.path("fs")), ("sys/fs/cgroup", canary.path("net"))]
    {
        let mut bundle = Bundle::of_shell("true");
        bundle = bundle.without_mounts(&["sysfs"]);
        let path = bundle.rootfs(at);
        drop(fs::remove_dir(&path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let outcome = bundle.run();
        assert!(outcome.code == 0 || !outcome.err.is_empty(), "{outcome}");
        canary.assert_same();
        assert_nothing_left(&bundle);
    }
}
