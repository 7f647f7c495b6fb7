//! SECURITY C8: what is written to `/proc` reaches the kernel, whatever a config or an image puts there.
//!
//! Controls: the mutants `c08-`.

use harness::view::answer;
use harness::{Bundle, need_root};
use rig::trap;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// Parts of procfs that steer something.
const PARTS: [&str; 10] = [
    "self",
    "self/attr",
    "self/fd",
    "thread-self",
    "thread-self/attr",
    "sys",
    "sys/kernel",
    "sysrq-trigger",
    "1",
    "net",
];

/// A config that mounts something at a path: a tmpfs, a folder, a file, another file of procfs.
fn mounts(destination: &str) -> [Value; 4] {
    [
        json!({"destination": destination, "type": "tmpfs", "source": "t"}),
        json!({"destination": destination, "source": "volume", "options": ["bind"]}),
        json!({"destination": destination, "source": "config.json", "options": ["bind"]}),
        json!({"destination": destination, "source": "/proc/sysrq-trigger", "options": ["bind"]}),
    ]
}

/// Fails the test where a container comes up with one of these mounts and a link of the image at `/way`, with or without a
/// procfs mounted before.
#[track_caller]
fn refused(cases: &[(Value, &str)], procfs: bool) {
    let made = trap::each(cases, |trap, (mount, link)| {
        let mut mounts = trap.bundle.config["mounts"].clone();
        mounts.as_array_mut().unwrap().retain(|mount| procfs || mount["type"] != "proc");
        trap.bundle.set("/mounts", mounts);
        let way = trap.bundle.rootfs("way");
        trap::remove(&way);
        symlink(link, way).unwrap();
        trap.bundle.set("/mounts/-", mount.clone());
        if trap.spring(|_, _| None)? { Err("it came up".to_owned()) } else { Ok(false) }
    });
    assert_eq!(made, 0);
}

#[test]
fn nothing_is_mounted_over_a_part_of_procfs() {
    need_root!();
    let destinations = PARTS.map(|part| format!("/proc/{part}"));
    let cases: Vec<_> = destinations.iter().flat_map(|path| mounts(path)).map(|mount| (mount, "none")).collect();
    refused(&cases, true);
}

/// The same by way of a link of the image, which only the kernel can follow.
#[test]
fn no_link_leads_a_mount_into_procfs() {
    need_root!();
    let mut cases = Vec::new();
    for link in ["/proc", "../../../proc", "/proc/self", "/proc/thread-self", "/run/../proc/1"] {
        for part in ["", "/sys", "/attr", "/fd", "/sysrq-trigger"] {
            cases.extend(mounts(&format!("/way{part}")).into_iter().map(|mount| (mount, link)));
        }
    }
    // What is not there in procfs can't be made.
    refused(&cases, true);
}

#[test]
fn only_a_whole_procfs_is_mounted_at_proc() {
    need_root!();
    let parts = ["/proc/self", "/proc/sys"];
    let parts = parts.map(|source| json!({"destination": "/proc", "source": source, "options": ["rbind"]}));
    let cases: Vec<_> = mounts("/proc").into_iter().chain(parts).map(|mount| (mount, "none")).collect();
    refused(&cases, true);
    refused(&cases, false);
}

/// A bundle that sets what the kernel keeps in procfs, whose image has files of these names; `/proc` is not mounted.
fn forged() -> Bundle {
    let mut bundle = Bundle::of_sleep().without_mounts(&["proc"]);
    bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1", "kernel.domainname": "told"}));
    bundle.set("/process/oomScoreAdj", json!(567));
    bundle.set("/root/readonly", json!(true));
    for file in
        ["sys/net/ipv4/ip_forward", "sys/kernel/domainname", "self/oom_score_adj", "1/oom_score_adj", "self/attr/exec"]
    {
        for top in ["self", "thread-self", ""] {
            let path = bundle.rootfs("proc").join(top).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "the image's").unwrap();
        }
    }
    bundle
}

/// What a command says in namespaces of a process.
fn said(pid: u32, namespaces: &[&str], command: &[&str]) -> String {
    let target = pid.to_string();
    let told = Command::new("nsenter").args(["--target", &target]).args(namespaces).args(command).output().unwrap();
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

#[test]
fn settings_reach_the_kernel_where_an_image_has_files_of_their_names() {
    need_root!();
    let bundle = forged();
    let before = tree(&bundle);
    bundle.create().ok();
    let pid = bundle.pid();
    assert_eq!(said(pid, &["--net"], &["cat", "/proc/sys/net/ipv4/ip_forward"]), "1");
    assert_eq!(said(pid, &["--uts"], &["cat", "/proc/sys/kernel/domainname"]), "told");
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim(), "567");
    assert_eq!(tree(&bundle), before, "the image was written to");
}

/// The files of the image's `/proc`.
fn tree(bundle: &Bundle) -> String {
    let told = Command::new("grep").args(["-r", ""]).arg(bundle.rootfs("proc")).output().unwrap();
    String::from_utf8_lossy(&told.stdout).into_owned()
}

/// Read-only is what was asked to be, also where `/proc` is none that could be asked for the mounts.
#[test]
fn a_read_only_root_is_so_whatever_is_at_proc() {
    need_root!();
    for kinds in [&["proc"][..], &[]] {
        let mut bundle = Bundle::new().without_mounts(kinds).with("/root/readonly", json!(true));
        fs::create_dir(bundle.folder().join("folder")).unwrap();
        bundle.set("/mounts/-", json!({"destination": "/mnt/one", "source": "folder", "options": ["bind", "ro"]}));
        bundle.set("/mounts/-", json!({"destination": "/mnt/t", "type": "tmpfs", "source": "t", "options": ["ro"]}));
        fs::create_dir_all(bundle.rootfs("mnt/one")).unwrap();
        fs::create_dir_all(bundle.rootfs("proc/self")).unwrap();
        let questions = ["write:/x=y", "write:/etc/x=y", "write:/mnt/one/x=y", "write:/mnt/t/x=y"];
        let seen = bundle.probe(&questions);
        for question in questions {
            assert!(answer(&seen, question).as_str().unwrap().contains("Read-only"), "{question}: {seen}");
        }
    }
}
