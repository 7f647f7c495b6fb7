//! Configs drawn from the specification's fields: lists of changes to the config of the tests.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// Places of the config, by JSON pointer, and what is put there.
pub(crate) type Change = Vec<(String, Value)>;

/// Some changes to one config. Where two are of the same place the later one holds.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => process(),
        2 => capabilities(),
        1 => rlimits(),
        3 => mounts(),
        2 => namespaces(),
        1 => devices(),
        2 => paths(),
        1 => sysctls(),
        2 => resources(),
        1 => seccomp(),
        1 => rest(),
    ];
    vec(change, 1..7)
}

fn one(pointer: &str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Change> {
    let pointer = pointer.to_owned();
    value.prop_map(move |value| vec![(pointer.clone(), value)]).boxed()
}

fn any_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(values).prop_map(|value| json!(value))
}

fn process() -> BoxedStrategy<Change> {
    let id = || prop_oneof![Just(0_u32), Just(1000), Just(65534), 1..4000_u32];
    let user = (id(), id(), vec(id(), 0..4))
        .prop_map(|(uid, gid, more)| json!({"uid": uid, "gid": gid, "additionalGids": more}));
    let masked = (id(), 0..0o777_u32).prop_map(|(uid, umask)| json!({"uid": uid, "gid": uid, "umask": umask}));
    let name = "[A-Z_]{1,8}=[ -~]{0,12}";
    let environment = vec(name, 0..5).prop_map(|mut all| {
        all.push("PATH=/bin".into());
        json!(all)
    });
    prop_oneof![
        one("/process/user", user),
        one("/process/user", masked),
        one("/process/env", environment),
        one("/process/cwd", any_of(&["/", "/root", "/tmp", "/one/", "/two/../two/below", "/made/here", "/home/u"])),
        one("/process/noNewPrivileges", any::<bool>().prop_map(|value| json!(value))),
        one("/process/oomScoreAdj", (0..1000).prop_map(|value| json!(value))),
    ]
    .boxed()
}

const CAPABILITIES: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_NET_RAW",
    "CAP_MKNOD",
    "CAP_SYS_CHROOT",
    "CAP_AUDIT_WRITE",
    "CAP_SYS_ADMIN",
    "CAP_NET_ADMIN",
];

fn capabilities() -> BoxedStrategy<Change> {
    let set = |of: Vec<&'static str>| {
        let most = of.len();
        subsequence(of, 0..=most)
    };
    let sets = set(CAPABILITIES.to_vec()).prop_flat_map(move |bounding| {
        (Just(bounding.clone()), set(bounding.clone()), set(bounding)).prop_flat_map(
            move |(bounding, permitted, inheritable)| {
                let both: Vec<&str> = permitted.iter().filter(|name| inheritable.contains(name)).copied().collect();
                (Just(bounding), set(permitted.clone()), Just(permitted), Just(inheritable), set(both))
            },
        )
    });
    let value = sets.prop_map(|(bounding, effective, permitted, inheritable, ambient)| {
        json!({"bounding": bounding, "effective": effective, "permitted": permitted, "inheritable": inheritable, "ambient": ambient})
    });
    one("/process/capabilities", value)
}

fn rlimits() -> BoxedStrategy<Change> {
    const KINDS: &[&str] = &[
        "RLIMIT_NOFILE",
        "RLIMIT_CORE",
        "RLIMIT_CPU",
        "RLIMIT_FSIZE",
        "RLIMIT_STACK",
        "RLIMIT_NPROC",
        "RLIMIT_MEMLOCK",
    ];
    let limit = |kind: &'static str| {
        (500_000..1_000_000_u64, 0..1000_u64).prop_map(move |(hard, less)| {
            // What every machine's hard limit allows, and a program can live with.
            let hard = match kind {
                "RLIMIT_NOFILE" => 64 + hard % 900,
                "RLIMIT_NPROC" => 1000 + hard % 1000,
                "RLIMIT_STACK" => hard * 100,
                "RLIMIT_MEMLOCK" => hard % 60_000,
                _ => hard,
            };
            json!({"type": kind, "hard": hard, "soft": hard.saturating_sub(less % (hard / 2).max(1))})
        })
    };
    let all =
        subsequence(KINDS.to_vec(), 0..4).prop_flat_map(move |kinds| kinds.into_iter().map(limit).collect::<Vec<_>>());
    one("/process/rlimits", all.prop_map(|all| json!(all)))
}

fn mounts() -> BoxedStrategy<Change> {
    let flags = || {
        let words = vec![
            "ro",
            "nosuid",
            "nodev",
            "noexec",
            "relatime",
            "noatime",
            "nodiratime",
            "strictatime",
            "sync",
            "rw",
            "dev",
            "exec",
            "suid",
        ];
        subsequence(words, 0..4)
    };
    let target = || select(vec!["/one", "/two", "/two/below", "/mnt", "/new/target", "/tmp", "/home"]);
    let propagation =
        || select(vec!["", "", "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable"]);
    let bind = (
        target(),
        flags(),
        select(vec!["bind", "rbind"]),
        propagation(),
        select(vec!["source", "source/below", "./source"]),
    );
    let bind = bind.prop_map(|(target, flags, kind, propagation, source)| {
        let options: Vec<&str> =
            [kind].into_iter().chain(flags).chain([propagation]).filter(|word| !word.is_empty()).collect();
        json!({"destination": target, "type": "bind", "source": source, "options": options})
    });
    let file = (select(vec!["/file", "/made/file", "/etc/passwd"]), flags()).prop_map(|(target, flags)| {
        let options: Vec<&str> = ["bind"].into_iter().chain(flags).collect();
        json!({"destination": target, "type": "none", "source": "plain", "options": options})
    });
    let more = select(vec!["size=1m", "mode=700", "mode=1777", "nr_inodes=500", "tmpcopyup"]);
    let tmpfs = (target(), flags(), more, propagation()).prop_map(|(target, flags, more, propagation)| {
        let options: Vec<&str> = flags.into_iter().chain([more, propagation]).filter(|word| !word.is_empty()).collect();
        json!({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options})
    });
    one("/mounts/-", prop_oneof![3 => bind, 1 => file, 2 => tmpfs])
}

fn namespaces() -> BoxedStrategy<Change> {
    // A host name needs "uts"; sysfs needs the network namespace to be of the same user namespace.
    let kinds = subsequence(vec!["pid", "network", "ipc", "cgroup"], 0..=4);
    let plain = kinds.prop_map(|kinds| {
        let all = kinds.into_iter().chain(["mount", "uts"]);
        json!(all.map(|kind| json!({"type": kind})).collect::<Vec<_>>())
    });
    let with_user = subsequence(vec!["ipc", "cgroup"], 0..=2).prop_flat_map(|kinds| {
        let all = kinds.into_iter().chain(["mount", "uts", "user", "pid", "network"]);
        let namespaces = json!(all.map(|kind| json!({"type": kind})).collect::<Vec<_>>());
        let map = |host: u32, split: bool| {
            if split {
                json!([{"containerID": 0, "hostID": host, "size": 1000}, {"containerID": 1000, "hostID": host + 5000, "size": 64536}])
            } else {
                json!([{"containerID": 0, "hostID": host, "size": 65536}])
            }
        };
        (100_000..200_000_u32, any::<bool>(), any::<bool>()).prop_map(move |(host, uids, gids)| {
            vec![
                ("/linux/namespaces".to_owned(), namespaces.clone()),
                ("/linux/uidMappings".to_owned(), map(host, uids)),
                ("/linux/gidMappings".to_owned(), map(host, gids)),
            ]
        })
    });
    prop_oneof![3 => one("/linux/namespaces", plain), 1 => with_user.boxed()].boxed()
}

fn devices() -> BoxedStrategy<Change> {
    let device =
        (select(vec!["/dev/added", "/opt/node", "/dev/null"]), 0..0o777_u32, 0..3000_u32, select(vec!["c", "u", "p"]));
    let value = device.prop_map(|(path, mode, owner, kind)| match kind {
        "p" if path != "/dev/null" => {
            json!([{"path": path, "type": "p", "fileMode": mode, "uid": owner, "gid": owner}])
        }
        _ => json!([{"path": path, "type": "c", "major": 1, "minor": 3, "fileMode": mode, "uid": owner, "gid": owner}]),
    });
    one("/linux/devices", value)
}

fn paths() -> BoxedStrategy<Change> {
    const PATHS: &[&str] = &[
        "/proc/kcore",
        "/proc/timer_list",
        "/proc/acpi",
        "/etc/passwd",
        "/home",
        "/one",
        "/not/there",
        "/proc/sys",
        "/tmp",
        "/file",
        "/dev/null",
    ];
    let some = || subsequence(PATHS.to_vec(), 0..5).prop_map(|all| json!(all));
    prop_oneof![
        one("/linux/maskedPaths", some()),
        one("/linux/readonlyPaths", some()),
        one("/root/readonly", any::<bool>().prop_map(|value| json!(value))),
        one("/linux/rootfsPropagation", any_of(&["private", "slave", "rprivate", "rslave"])),
    ]
    .boxed()
}

fn sysctls() -> BoxedStrategy<Change> {
    let all = vec![
        ("net.core.somaxconn", "1234"),
        ("net.ipv4.ip_forward", "1"),
        ("kernel.msgmax", "4321"),
        ("kernel.domainname", "dd"),
    ];
    let value =
        subsequence(all, 1..=4).prop_map(|all| json!(all.into_iter().collect::<std::collections::BTreeMap<_, _>>()));
    one("/linux/sysctl", value)
}

fn resources() -> BoxedStrategy<Change> {
    let mib = || (32..512_i64).prop_map(|mib| mib << 20);
    let memory = (mib(), proptest::option::of(mib())).prop_map(|(limit, reservation)| match reservation {
        Some(reservation) => json!({"limit": limit, "reservation": reservation}),
        None => json!({"limit": limit}),
    });
    let cpu = (2..4096_u64, 1000..100_000_i64, 10_000..1_000_000_u64)
        .prop_map(|(shares, quota, period)| json!({"shares": shares, "quota": quota, "period": period}));
    let rules = subsequence(
        vec![
            json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"}),
            json!({"allow": true, "type": "c", "major": 1, "minor": 1, "access": "r"}),
            json!({"allow": false, "type": "c", "major": 1, "minor": 8, "access": "m"}),
            json!({"allow": true, "type": "b", "access": "m"}),
        ],
        0..=4,
    );
    let rules = rules.prop_map(|rules| json!([vec![json!({"allow": false, "access": "rwm"})], rules].concat()));
    prop_oneof![
        one("/linux/resources/memory", memory),
        one("/linux/resources/cpu", cpu),
        one("/linux/resources/cpu", any_of(&["0", "1", "0-1"]).prop_map(|cpus| json!({"cpus": cpus}))),
        one("/linux/resources/pids", (30..5000).prop_map(|limit| json!({"limit": limit}))),
        one("/linux/resources/devices", rules),
    ]
    .boxed()
}

fn seccomp() -> BoxedStrategy<Change> {
    let calls = subsequence(vec!["mkdir", "mkdirat", "chown", "reboot", "keyctl", "personality", "not_a_call"], 1..5);
    let value =
        (calls, select(vec!["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG"])).prop_map(|(names, action)| {
            json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
            "syscalls": [{"names": names, "action": action}]})
        });
    one("/linux/seccomp", value)
}

fn rest() -> BoxedStrategy<Change> {
    prop_oneof![
        one("/hostname", any_of(&["a", "some-name", "with.dots.in.it"])),
        one("/annotations", "[a-z.]{1,10}".prop_map(|key| json!({key: "value"}))),
        one("/process/scheduler", Just(json!({"policy": "SCHED_OTHER", "nice": 19}))),
    ]
    .boxed()
}
