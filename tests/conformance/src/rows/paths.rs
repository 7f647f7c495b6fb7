//! config-linux.md: sysctl, propagation of the root, masked and read-only paths, mount label, personality.

use crate::verdict::skip;
use harness::view::{answer, flags, mount, refused};
use harness::{Bundle, host};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change};
use serde_json::{Value, json};
use std::fs;

super::rows! { "paths":
    "config-linux.md, sysctl" {
        sysctl_of_each_namespace: "kernel parameters of the container's namespaces are set, and not the host's",
        sysctl_with_slashes: "names may have slashes, as sysctl(8) takes them",
        sysctl_that_is_not_there_is_refused: "a parameter that there is not is an error",
        sysctl_of_the_host_is_refused: "a parameter that is the host's too is an error",
        sysctl_of_a_shared_namespace_is_refused: "a parameter of a namespace that is shared with the host is an error",
        sysctl_never_leaves_proc_sys: "the name of a parameter leads nowhere else",
    }
    "config-linux.md, rootfs mount propagation" {
        shared: "`shared`: the root is in a peer group of its own",
        slave: "`slave`: the root hears of the host's mounts, the host of none of the container's",
        private: "`private`: the root hears of none of the host's mounts",
        unbindable: "`unbindable`: the root can't be bound elsewhere",
        an_unknown_propagation_is_refused: "what is none of these is an error",
    }
    "config-linux.md, masked paths" {
        masked_files: "a masked file can't be read",
        masked_folders: "nothing in a masked folder can be read",
        masked_paths_of_proc: "what the kernel tells can be masked",
        a_masked_path_that_is_absent: "a masked path may be absent",
        a_relative_masked_path_is_refused: "masked paths are absolute",
    }
    "config-linux.md, readonly paths" {
        read_only_paths: "read-only paths can't be written",
        read_only_paths_keep_their_flags: "what else the mount of a read-only path forbids stays forbidden",
        a_read_only_path_that_is_absent: "a read-only path may be absent",
        a_relative_read_only_path_is_refused: "read-only paths are absolute",
    }
    "config-linux.md, mount label" {
        mount_label: "`mountLabel` is the SELinux context of mounts",
    }
    "config-linux.md, personality" {
        linux32: "`LINUX32` shows a 32-bit machine",
        linux: "`LINUX` shows the machine as it is",
        an_unknown_domain_is_refused: "`domain` is `LINUX` or `LINUX32`",
        a_domain_is_required: "`domain` is required",
        flags_are_refused: "there are no flags",
    }
}

#[track_caller]
fn is_refused(bundle: &Bundle) {
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn with_sysctl(name: &str, value: &str) -> Bundle {
    Bundle::new().with("/linux/sysctl", json!({name: value}))
}

fn sysctl_of_each_namespace() {
    for (name, value) in [
        ("net.ipv4.ping_group_range", "5\t6"),
        ("kernel.shmmni", "77"),
        ("fs.mqueue.queues_max", "9"),
        ("net.ipv4.conf.lo.forwarding", "1"),
    ] {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        let before = fs::read_to_string(&path).expect("the host's value");
        let question = format!("read:{path}");
        assert_eq!(answer(&with_sysctl(name, value).probe(&[&question]), &question), value, "{name}");
        assert_eq!(fs::read_to_string(&path).expect("the host's value"), before);
    }
}

fn sysctl_with_slashes() {
    let question = "read:/proc/sys/kernel/shmmni";
    assert_eq!(answer(&with_sysctl("kernel/shmmni", "77").probe(&[question]), question), "77");
}

fn sysctl_that_is_not_there_is_refused() {
    is_refused(&with_sysctl("net.ipv4.nonesuch", "1"));
}

fn sysctl_of_the_host_is_refused() {
    // As they are, lest a runtime that takes them does harm.
    for name in ["vm.swappiness", "kernel.panic", "fs.file-max"] {
        let value = fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).expect("the host's value");
        is_refused(&with_sysctl(name, value.trim()));
    }
}

fn sysctl_of_a_shared_namespace_is_refused() {
    for (name, kind) in [("net.ipv4.ip_forward", "network"), ("kernel.shmmni", "ipc"), ("fs.mqueue.queues_max", "ipc")]
    {
        let value = fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).expect("the host's value");
        is_refused(&with_sysctl(name, value.trim()).without_namespace(kind).without_mounts(&["mqueue", "sysfs"]));
    }
}

fn sysctl_never_leaves_proc_sys() {
    let value = fs::read_to_string("/proc/sys/kernel/panic").expect("the host's value");
    for name in ["net/../kernel/panic", "net/ipv4/../../kernel/panic", "net/../../self/oom_score_adj"] {
        is_refused(&with_sysctl(name, value.trim()));
    }
}

/// A bundle whose root is a mount of its own on the host, that is shared there.
fn shared_on_the_host(propagation: &str) -> Bundle {
    let bundle =
        Bundle::of_sleep().with_capability("CAP_SYS_ADMIN").with("/linux/rootfsPropagation", json!(propagation));
    let root = bundle.rootfs("");
    fs::create_dir(root.join("host")).expect("a folder");
    fs::create_dir(root.join("inside")).expect("a folder");
    mount_bind(&root, &root).expect("a mount");
    mount_change(&root, MountPropagationFlags::SHARED).expect("its propagation");
    bundle
}

/// Whether the container sees what the host mounts in the root, and the host what the container does.
fn reaches(propagation: &str) -> (bool, bool) {
    let bundle = shared_on_the_host(propagation);
    bundle.up();
    bundle.mount_on_host("rootfs/host", MountFlags::empty());
    bundle.exec(&["/bin/mount", "-t", "tmpfs", "t", "/inside"]).ok();
    let inside = fs::read_to_string(format!("/proc/{}/mountinfo", bundle.pid())).expect("mounts");
    let outside = bundle.footprint().mounts;
    (inside.contains(" /host "), outside.iter().any(|line| line.contains("/rootfs/inside ")))
}

fn shared() {
    let bundle = Bundle::of_sleep().with("/linux/rootfsPropagation", json!("shared"));
    bundle.up();
    // While the container lives nobody else is given the number of its peer group.
    let inside = fs::read_to_string(format!("/proc/{}/mountinfo", bundle.pid())).expect("mounts");
    let root = inside.lines().find(|line| line.split(' ').nth(4) == Some("/")).expect("a root");
    let group = root.split(' ').find(|word| word.starts_with("shared:")).unwrap_or_else(|| panic!("{root}"));
    let outside = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!outside.split(' ').any(|word| word == group), "{group} is the host's");
    assert!(!reaches("shared").1);
}

fn slave() {
    assert_eq!(reaches("slave"), (true, false));
}

fn private() {
    assert_eq!(reaches("private"), (false, false));
    let seen = Bundle::new().with("/linux/rootfsPropagation", json!("private")).probe(&[]);
    assert_eq!(mount(&seen, "/")["propagation"], "");
}

fn unbindable() {
    let mut bundle = Bundle::of_shell("mkdir /x; mount --bind / /x").with_capability("CAP_SYS_ADMIN");
    bundle.set("/linux/rootfsPropagation", json!("private"));
    bundle.run().ok();
    bundle.set("/linux/rootfsPropagation", json!("unbindable"));
    assert_ne!(bundle.run().code, 0);
    assert_eq!(mount(&bundle.probe(&[]), "/")["propagation"], "unbindable");
}

fn an_unknown_propagation_is_refused() {
    for propagation in ["nonesuch", "SHARED", "ro"] {
        is_refused(&Bundle::new().with("/linux/rootfsPropagation", json!(propagation)));
    }
}

fn masked(paths: Value) -> Bundle {
    Bundle::new().with("/linux/maskedPaths", paths)
}

fn masked_files() {
    let mut bundle = masked(json!(["/secret"]));
    fs::write(bundle.rootfs("secret"), "told").expect("a file");
    let seen = bundle.probe(&["read:/secret"]);
    assert!(!answer(&seen, "read:/secret").to_string().contains("told"), "{seen:#}");
}

fn masked_folders() {
    let mut bundle = masked(json!(["/secrets"]));
    fs::create_dir(bundle.rootfs("secrets")).expect("a folder");
    fs::write(bundle.rootfs("secrets/file"), "told").expect("a file");
    let seen = bundle.probe(&["list:/secrets", "read:/secrets/file", "write:/secrets/file=x"]);
    assert_eq!(answer(&seen, "list:/secrets"), &json!([]));
    assert!(answer(&seen, "read:/secrets/file").is_object());
    assert_ne!(answer(&seen, "write:/secrets/file=x"), "ok");
}

fn masked_paths_of_proc() {
    let paths = ["/proc/uptime", "/proc/self/status", "/proc/sys/kernel/ostype"];
    let questions = paths.map(|path| format!("read:{path}"));
    let seen = masked(json!(["/proc/uptime", "/proc/sys/kernel"])).probe(&questions.each_ref().map(String::as_str));
    assert_eq!(answer(&seen, "read:/proc/uptime"), "");
    assert!(answer(&seen, "read:/proc/sys/kernel/ostype").is_object());
    assert_ne!(answer(&seen, "read:/proc/self/status"), "");
}

fn a_masked_path_that_is_absent() {
    let seen = masked(json!(["/absent", "/proc/absent"])).probe(&["stat:/absent"]);
    assert!(answer(&seen, "stat:/absent").is_null());
}

fn a_relative_masked_path_is_refused() {
    is_refused(&masked(json!(["proc/kcore"])));
}

fn read_only_paths() {
    let mut bundle = Bundle::new().with("/linux/readonlyPaths", json!(["/fixed", "/file", "/proc/sys"]));
    fs::create_dir(bundle.rootfs("fixed")).expect("a folder");
    fs::write(bundle.rootfs("file"), "kept").expect("a file");
    let seen = bundle.probe(&[
        "write:/fixed/x=y",
        "write:/file=x",
        "write:/proc/sys/kernel/hostname=x",
        "write:/free=y",
        "read:/file",
    ]);
    for question in ["write:/fixed/x=y", "write:/file=x", "write:/proc/sys/kernel/hostname=x"] {
        refused(&seen, question, "Read-only");
    }
    assert_eq!(answer(&seen, "read:/file"), "kept");
    assert_eq!(answer(&seen, "write:/free=y"), "ok");
}

fn read_only_paths_keep_their_flags() {
    let strict = json!({"destination": "/m", "type": "tmpfs", "source": "t", "options": ["nosuid", "nodev", "noexec"]});
    let mut bundle = Bundle::new().with("/mounts/-", strict).with("/linux/readonlyPaths", json!(["/m"]));
    let seen = bundle.probe(&[]);
    let found = flags(&seen, "/m");
    assert!(["ro", "nosuid", "nodev", "noexec"].iter().all(|flag| found.contains(flag)), "{found:?}");
}

fn a_read_only_path_that_is_absent() {
    let seen = Bundle::new().with("/linux/readonlyPaths", json!(["/absent"])).probe(&["stat:/absent"]);
    assert!(answer(&seen, "stat:/absent").is_null());
}

fn a_relative_read_only_path_is_refused() {
    is_refused(&Bundle::new().with("/linux/readonlyPaths", json!(["proc/sys"])));
}

fn mount_label() {
    if !host::has_security_module("selinux") || fs::File::open("/sys/fs/selinux/policy").is_err() {
        skip("the kernel has no SELinux, or no policy for it");
    }
    let label = "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811";
    let seen = Bundle::new().with("/linux/mountLabel", json!(label)).probe(&[]);
    let found = mount(&seen, "/dev/shm")["super"].as_str().expect("flags");
    assert!(found.contains("svirt_sandbox_file_t"), "{found}");
}

fn with_personality(personality: Value) -> Bundle {
    Bundle::new().with("/linux/personality", personality)
}

fn linux32() {
    let seen = with_personality(json!({"domain": "LINUX32"})).probe(&[]);
    assert_eq!(seen["personality"], "00000008");
    if host::is_user_mode() {
        skip("the kernel runs no 32-bit programs, and shows one machine");
    }
    assert_eq!(seen["machine"], "i686");
}

fn linux() {
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    let seen = with_personality(json!({"domain": "LINUX"})).probe(&[]);
    assert_eq!((&seen["machine"], &seen["personality"]), (&json!(machine), &json!("00000000")));
}

fn an_unknown_domain_is_refused() {
    is_refused(&with_personality(json!({"domain": "WINDOWS"})));
}

fn a_domain_is_required() {
    is_refused(&with_personality(json!({})));
}

fn flags_are_refused() {
    is_refused(&with_personality(json!({"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]})));
}
