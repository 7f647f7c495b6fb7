//! SECURITY C18: a sysctl is set where its namespace is the container's own, and nowhere else: not on the host.

use harness::{Bundle, need_root};
use rig::host_print::assert_nothing_left;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

/// The kinds of namespaces that have sysctls.
const KINDS: [&str; 4] = ["ipc", "network", "uts", "user"];

/// Keys, each with the namespace that it is of ("": the machine's, "!": never), and a value that is not the usual one.
const KEYS: [(&str, &str, &str); 84] = [
    ("kernel.msgmax", "ipc", "8191"),
    ("kernel.msgmnb", "ipc", "16383"),
    ("kernel.msgmni", "ipc", "31999"),
    ("kernel.sem", "ipc", "250 32000 100 128"),
    ("kernel.shmall", "ipc", "4194304"),
    ("kernel.shmmax", "ipc", "33554432"),
    ("kernel.shmmni", "ipc", "4095"),
    ("kernel.shm_rmid_forced", "ipc", "1"),
    ("fs.mqueue.msg_max", "ipc", "11"),
    ("fs.mqueue.msgsize_max", "ipc", "8191"),
    ("fs.mqueue.queues_max", "ipc", "255"),
    ("fs.mqueue.msg_default", "ipc", "9"),
    ("fs.mqueue.msgsize_default", "ipc", "8190"),
    ("net.ipv4.ip_forward", "network", "1"),
    ("net.ipv4.ip_unprivileged_port_start", "network", "81"),
    ("net.ipv4.ping_group_range", "network", "0 5"),
    ("net.ipv4.ip_default_ttl", "network", "63"),
    ("net.ipv4.tcp_keepalive_time", "network", "7100"),
    ("net.ipv4.tcp_fin_timeout", "network", "59"),
    ("net.ipv4.tcp_syn_retries", "network", "5"),
    ("net.ipv4.ip_local_port_range", "network", "32769 60998"),
    ("net.ipv4.conf.all.rp_filter", "network", "2"),
    ("net.ipv4.conf.lo.forwarding", "network", "1"),
    ("net.ipv4.conf.default.log_martians", "network", "1"),
    ("net.core.somaxconn", "network", "4095"),
    ("net.unix.max_dgram_qlen", "network", "11"),
    ("kernel.domainname", "uts", "inside.example"),
    ("user.max_net_namespaces", "user", "7"),
    ("user.max_user_namespaces", "user", "6"),
    ("user.max_mnt_namespaces", "user", "5"),
    ("user.max_inotify_watches", "user", "5000"),
    ("kernel.hostname", "", "inside"),
    ("kernel.core_pattern", "", "|/escape"),
    ("kernel.core_pipe_limit", "", "7"),
    ("kernel.core_uses_pid", "", "1"),
    ("kernel.modprobe", "", "/escape"),
    ("kernel.hotplug", "", "/escape"),
    ("kernel.poweroff_cmd", "", "/escape"),
    ("kernel.usermodehelper.bset", "", "0 0"),
    ("kernel.sysrq", "", "511"),
    ("kernel.panic", "", "77"),
    ("kernel.panic_on_oops", "", "1"),
    ("kernel.pid_max", "", "4194303"),
    ("kernel.threads-max", "", "10000"),
    ("kernel.randomize_va_space", "", "0"),
    ("kernel.kptr_restrict", "", "0"),
    ("kernel.dmesg_restrict", "", "0"),
    ("kernel.unprivileged_bpf_disabled", "", "0"),
    ("kernel.yama.ptrace_scope", "", "0"),
    ("kernel.perf_event_paranoid", "", "-1"),
    ("kernel.modules_disabled", "", "1"),
    ("kernel.ns_last_pid", "", "5"),
    ("kernel.printk", "", "7 7 7 7"),
    ("kernel.osrelease", "", "x"),
    ("kernel.msgmaxx", "", "1"),
    ("kernel.shm", "", "1"),
    ("kernel.sem.x", "", "1"),
    ("kernel.keys.maxkeys", "", "201"),
    ("kernel", "", "1"),
    ("vm.overcommit_memory", "", "1"),
    ("vm.drop_caches", "", "1"),
    ("vm.swappiness", "", "61"),
    ("vm.max_map_count", "", "65531"),
    ("vm.mmap_min_addr", "", "0"),
    ("vm.panic_on_oom", "", "1"),
    ("fs.file-max", "", "100000"),
    ("fs.nr_open", "", "1048577"),
    ("fs.suid_dumpable", "", "2"),
    ("fs.protected_symlinks", "", "0"),
    ("fs.protected_hardlinks", "", "0"),
    ("fs.pipe-max-size", "", "1048575"),
    ("fs.inotify.max_user_watches", "", "8191"),
    ("fs.binfmt_misc.register", "", ":x:M::x::/escape:"),
    ("fs.mqueue", "", "1"),
    ("dev.cdrom.autoclose", "", "0"),
    ("debug.exception-trace", "", "0"),
    ("abi.vsyscall32", "", "0"),
    ("sunrpc.max_resvport", "", "1"),
    ("net/../kernel/panic", "", "78"),
    ("net.//.kernel.panic", "", "79"),
    ("fs/mqueue/../../kernel/panic", "", "80"),
    ("net//core/somaxconn", "", "81"),
    ("/net/core/somaxconn", "", "82"),
    ("user/../kernel/panic", "", "83"),
];

/// How the container comes to its namespaces.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    /// All its own.
    Own,
    /// None of its own.
    Inherited,
    /// The host's, by `/proc/PID/ns/…` as a path.
    Hosts,
    /// The same, through a link.
    Link,
}

/// The other spelling of a key.
fn spelt_otherwise(key: &str) -> String {
    if key.contains('/') { key.to_owned() } else { key.replace('.', "/") }
}

fn bundle(case: Case, user: bool, config: &Map<String, Value>) -> Bundle {
    let mut bundle = Bundle::new();
    for kind in KINDS.iter().filter(|kind| case != Case::Own && **kind != "user") {
        bundle = bundle.without_namespace(kind);
        if case == Case::Inherited {
            continue;
        }
        let mut path = format!("/proc/{}/ns/{}", std::process::id(), if *kind == "network" { "net" } else { kind });
        if case == Case::Link {
            let link = bundle.folder().join(format!("{kind}-namespace"));
            symlink(&path, &link).unwrap();
            link.to_str().unwrap().clone_into(&mut path);
        }
        bundle.set("/linux/namespaces/-", json!({"type": kind, "path": path}));
    }
    if case != Case::Own {
        // The host's name is not to be set; and a sysfs of another's network can't be mounted in a user namespace.
        bundle.remove("/hostname");
    }
    let bundle = if user { bundle.in_user_namespace() } else { bundle };
    bundle.with("/linux/sysctl", Value::Object(config.clone()))
}

fn path(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

/// What the host says to all keys.
fn host() -> BTreeMap<String, String> {
    let volatile = ["kernel.ns_last_pid", "vm.drop_caches"];
    let keys = KEYS.iter().map(|(key, ..)| *key).filter(|key| !volatile.contains(key));
    let values = keys.map(|key| (key.to_owned(), fs::read_to_string(path(key)).unwrap_or_default()));
    let more = ["kernel.panic", "kernel.hostname"].map(|key| (key.to_owned(), fs::read_to_string(path(key)).unwrap()));
    values.chain(more).collect()
}

/// The model: whether the container may set what is of that namespace.
fn is_own(kind: &str, case: Case, user: bool) -> bool {
    match kind {
        "" => false,
        "user" => user,
        _ => case == Case::Own,
    }
}

fn words(value: &str) -> Vec<&str> {
    value.split_whitespace().collect()
}

#[test]
fn what_is_the_containers_own_is_set_and_the_host_stays() {
    need_root!();
    let before = host();
    for user in [false, true] {
        let mut config = Map::new();
        let keys = KEYS.iter().filter(|(key, kind, _)| is_own(kind, Case::Own, user) && fs::exists(path(key)).unwrap());
        // The kernel lets no user namespace set this one.
        let keys: Vec<_> = keys.filter(|(_, kind, _)| !user || *kind != "uts").collect();
        assert!(keys.len() > 20, "{}", keys.len());
        for (number, (key, _, value)) in keys.iter().enumerate() {
            // Both spellings by turns.
            let key = if number % 2 == 0 { (*key).to_owned() } else { spelt_otherwise(key) };
            config.insert(key, json!(value));
        }
        let mut bundle = bundle(Case::Own, user, &config);
        if user {
            std::os::unix::fs::chown(bundle.rootfs(""), Some(100_000), Some(100_000)).unwrap();
        }
        let questions: Vec<String> = keys.iter().map(|(key, ..)| format!("read:{}", path(key))).collect();
        let seen = bundle.probe(&questions.iter().map(String::as_str).collect::<Vec<_>>());
        for (key, _, value) in keys {
            let found = seen["answers"][format!("read:{}", path(key))].as_str().unwrap_or_default();
            assert_eq!(words(found), words(value), "{key}");
        }
        assert_eq!(host(), before, "user namespace {user}");
        assert_nothing_left(&bundle);
    }
}

#[test]
fn what_is_not_its_own_is_refused_one_by_one() {
    need_root!();
    let before = host();
    let mut refused = 0;
    for case in [Case::Own, Case::Inherited, Case::Hosts, Case::Link] {
        for user in [false, true] {
            let mut bundle = bundle(case, user, &Map::new());
            if user {
                std::os::unix::fs::chown(bundle.rootfs(""), Some(100_000), Some(100_000)).unwrap();
            }
            for (key, _, value) in KEYS.iter().filter(|(_, kind, _)| !is_own(kind, case, user)) {
                for key in [(*key).to_owned(), spelt_otherwise(key)] {
                    bundle.set("/linux/sysctl", json!({&key: value}));
                    let outcome = bundle.create();
                    assert_ne!(outcome.code, 0, "{key} is taken: {case:?}, user namespace {user}");
                    outcome.fails();
                    refused += 1;
                }
            }
            assert_eq!(host(), before, "{case:?}, user namespace {user}");
            assert_nothing_left(&bundle);
        }
    }
    assert!(refused > 4 * 2 * 2 * 50, "{refused}");
}

/// The control of the cases: without sysctls each of these containers runs, with the namespaces that it names.
#[test]
fn namespaces_of_the_host_are_what_they_are_said_to_be() {
    need_root!();
    for case in [Case::Own, Case::Inherited, Case::Hosts, Case::Link] {
        let mut bundle = bundle(case, false, &Map::new()).without_mounts(&["sysfs"]);
        let seen = bundle.probe(&[]);
        for kind in ["ipc", "net", "uts"] {
            let host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
            assert_eq!(seen["namespaces"][kind] == host.to_str().unwrap(), case != Case::Own, "{case:?} {kind}");
        }
    }
}
