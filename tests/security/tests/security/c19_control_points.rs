//! SECURITY C19: what the runtime leaves for later calls is closed to all others: folders, files, sockets.

use harness::{Bundle, Call, need_cofferdam, need_root, programs};
use rig::host_print::assert_nothing_left;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// An ordinary user of the host.
const USER: &str = "1000";

/// Kind and mode of all below a folder, by its name in it.
fn modes(folder: &Path, container: &str) -> BTreeMap<String, (char, u32)> {
    let mut found = BTreeMap::new();
    walk(folder, &mut |path| {
        let node = fs::symlink_metadata(path).unwrap();
        let kind = node.file_type();
        let kind = [(kind.is_dir(), 'd'), (kind.is_socket(), 's'), (kind.is_fifo(), 'p'), (kind.is_symlink(), 'l')]
            .iter()
            .find_map(|(is, letter)| is.then_some(*letter));
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace(container, "ID");
        found.insert(name, (kind.unwrap_or('-'), node.mode() & 0o7777));
    });
    found
}

fn walk(path: &Path, see: &mut impl FnMut(&Path)) {
    see(path);
    if fs::symlink_metadata(path).is_ok_and(|node| node.is_dir()) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), see);
        }
    }
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    need_root!();
    let seen = ["000", "777", "022"].map(|umask| {
        let bundle = Bundle::of_sleep();
        let of = |arguments: &[&str]| bundle.call_after(&format!("umask {umask}"), arguments.iter().copied()).ok();
        of(&["create", "--pid-file", "pid", bundle.id()]);
        let created = modes(&bundle.state_folder(), bundle.id());
        of(&["start", bundle.id()]);
        of(&["exec", bundle.id(), "/bin/true"]);
        of(&["update", "--pids-limit", "100", bundle.id()]);
        let running = modes(&bundle.state_folder(), bundle.id());
        let cgroups: Vec<u32> =
            bundle.footprint().cgroups.iter().map(|path| fs::metadata(path).unwrap().mode() & 0o7777).collect();
        (created, running, cgroups)
    });
    assert_eq!(seen[0].0, seen[1].0, "while created, by umask 000 and 777");
    assert_eq!(seen[0].1, seen[1].1, "while running, by umask 000 and 777");
    assert_eq!(seen, [seen[2].clone(), seen[2].clone(), seen[2].clone()], "as by 022");
}

#[test]
fn all_is_roots_alone() {
    need_root!();
    need_cofferdam!("Debian's runc lets all look into its state folders");
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    let created = modes(&bundle.state_folder(), bundle.id());
    assert!(created.len() >= 4, "{created:?}");
    for (name, (kind, mode)) in created {
        // The folder of all is closed, so that of one may be as runc's.
        let most = match (name.as_str(), kind) {
            ("", 'd') => 0o700,
            (_, 'd') => 0o711,
            _ => 0o600,
        };
        assert_eq!(mode & !most, 0, "{name} is {mode:o}");
    }
}

/// A command of an ordinary user.
fn as_user(bundle: &Bundle, command: &[&str]) -> Call {
    Call::new(&programs::find("setpriv").expect("setpriv"), bundle.folder())
        .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
        .args(command)
        .env("COFFERDAM_TEST", bundle.tag())
}

#[test]
fn a_user_of_the_host_reaches_nothing_of_a_container() {
    need_root!();
    let bundle = Bundle::of_sleep();
    for begin in ["create", "start"] {
        bundle.call([begin, bundle.id()]).ok();
        let mut paths = Vec::new();
        walk(&bundle.state_folder(), &mut |path: &Path| paths.push(path.to_owned()));
        assert!(paths.len() > 1, "{paths:?}");
        for path in paths
            .iter()
            .map(|path| path.to_str().unwrap())
            .filter(|path| *path != bundle.state_folder().to_str().unwrap())
        {
            let found = as_user(&bundle, &["/usr/bin/stat", path]).outcome();
            assert!(found.code != 0 && found.err.contains("Permission denied"), "{found}");
        }
        for verb in [&["state"][..], &["start"], &["kill"], &["delete", "--force"], &["exec"], &["pause"], &["ps"]] {
            let (runtime, root) = (programs::runtime(), bundle.state_folder());
            let mut arguments = vec![runtime.to_str().unwrap(), "--root", root.to_str().unwrap()];
            arguments.extend(verb);
            arguments.push(bundle.id());
            arguments.extend((*verb == ["exec"]).then_some("/bin/true"));
            as_user(&bundle, &arguments).fails();
        }
        assert_eq!(bundle.status(), if begin == "create" { "created" } else { "running" });
        // His signals and his looks, too.
        let pid = bundle.pid().to_string();
        as_user(&bundle, &["/bin/kill", "-9", &pid]).fails();
        for part in ["environ", "mem", "exe", "cwd/x", "root/x", "fd/0", "maps", "map_files"] {
            let path = format!("/proc/{pid}/{part}");
            let found = as_user(&bundle, &["/usr/bin/head", "-c", "1", &path]).outcome();
            assert_ne!(found.code, 0, "{path}");
        }
    }
}

/// Sockets of a process: their names in `/proc/net/unix`; "" where they have none.
fn sockets_of(pid: u32) -> Vec<String> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap();
    let name = |inode: &str| {
        let line = table.lines().find(|line| line.split_whitespace().nth(6) == Some(inode))?;
        Some(line.split_whitespace().nth(7).unwrap_or_default().to_owned())
    };
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let targets = links.filter_map(|link| Some(fs::read_link(link.path()).ok()?.to_string_lossy().into_owned()));
    let inodes = targets.filter_map(|text| Some(text.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()));
    inodes.filter_map(|inode| name(&inode)).collect()
}

/// CVE-2020-15257: a container that shares the host's network can reach every socket of an abstract name.
#[test]
fn there_is_no_abstract_socket() {
    need_root!();
    for host_network in [false, true] {
        let bundle = Bundle::of_sleep();
        let bundle = if host_network { bundle.without_namespace("network") } else { bundle };
        bundle.create().ok();
        let names = sockets_of(bundle.pid());
        assert!(!names.iter().any(|name| name.starts_with('@')), "{names:?}");
        // Nor one that somebody else of this container's holds: all names with its tag are files.
        let table = fs::read_to_string("/proc/net/unix").unwrap();
        let ours: Vec<_> = table.lines().filter(|line| line.contains(bundle.tag())).collect();
        assert!(!ours.iter().any(|line| line.contains('@')), "{ours:?}");
    }
}

/// What a container with the host's network finds of another one that waits for `start`: names of sockets, at most.
#[test]
fn a_container_in_the_hosts_network_cannot_start_another() {
    need_root!();
    let waiting = Bundle::of_sleep();
    waiting.create().ok();
    let mut sockets = Vec::new();
    walk(&waiting.state_folder(), &mut |path: &Path| sockets.push(path.to_owned()));
    let questions: Vec<String> = sockets.iter().map(|path| format!("stat:{}", path.display())).collect();
    let mut attacker = Bundle::new().without_namespace("network").without_mounts(&["sysfs"]);
    attacker.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let seen = attacker.probe(&questions.iter().map(String::as_str).collect::<Vec<_>>());
    for question in &questions {
        assert_eq!(seen["answers"][question], json!(null), "{question}");
    }
    assert_eq!(waiting.status(), "created");
    waiting.call(["start", waiting.id()]).ok();
}

/// Where the runtime process and init make files: in the state folder, in cgroups, in the root file system, in memory.
#[test]
fn nothing_is_made_where_others_can_guess_it() {
    need_root!();
    need_cofferdam!("the places are ours");
    let bundle = Bundle::of_sleep();
    let trace = bundle.folder().join("trace");
    let calls = "trace=openat,open,creat,mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,link,linkat,bind,rename,renameat,renameat2";
    let options = ["-f", "-y", "-o", trace.to_str().unwrap(), "-e", calls];
    bundle.under_strace(&options, ["run", "--detach", "--pid-file", "pid", bundle.id()]).begin();
    harness::eventually("it runs", || bundle.state_folder().exists() && bundle.folder().join("pid").exists());
    harness::eventually("its state is told", || bundle.call(["state", bundle.id()]).outcome().out.contains("running"));
    let text = fs::read_to_string(&trace).unwrap();
    // The two processes act at the same time: of a call that took longer than another's, the first line has it all.
    let begins = |line: &&str| !line.contains(" resumed>");
    let is_made = |line: &str| line.ends_with(") = 0") || line.ends_with("<unfinished ...>");
    let makes = |line: &&str| begins(line) && (line.contains("O_CREAT") || !line.contains("open") && is_made(line));
    let made: Vec<&str> = text.lines().filter(makes).collect();
    assert!(made.len() > 10, "{text}");
    let folder = bundle.folder().to_str().unwrap().to_owned();
    for line in &made {
        let known = [folder.as_str(), "/sys/fs/cgroup/", "<anon_inode", "\".\"", "memfd:"]
            .iter()
            .any(|place| line.contains(place));
        let inside = line.contains("</>") || line.contains("</dev>") || line.contains("<//") || line.contains("bind(");
        assert!(known || inside, "{line}");
        assert!(!line.contains("\"/tmp") && !line.contains("/dev/shm/") || line.contains(&folder), "{line}");
        // The container's folder is new, and no link that somebody has put there is followed.
        let state = line.contains("/state") && line.contains("O_CREAT");
        assert!(!state || line.contains("O_EXCL") || line.contains("O_NOFOLLOW"), "{line}");
    }
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert_nothing_left(&bundle);
}
