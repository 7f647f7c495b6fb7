//! features.md and features-linux.md: each thing that `features` lists is tried in a config. What the machine can't
//! show is named in the reason of the row's skip.

use super::features::{document, listed};
use super::seccomp::{self, GETPPID};
use crate::verdict::skip;
use harness::terminal::Receiver;
use harness::{Bundle, host};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

super::rows! { "listed":
    "features.md, hooks" {
        each_hook_runs: "each of `hooks` runs",
    }
    "features.md, mount options" {
        each_mount_option_is_known: "each of `mountOptions` is the runtime's, and not handed on to the file system",
    }
    "features-linux.md, namespaces" {
        each_namespace_is_made: "each of `namespaces` is made",
    }
    "features-linux.md, capabilities" {
        each_capability_is_granted: "each of `capabilities` is granted, or is a warning",
    }
    "features-linux.md, cgroup" {
        the_cgroup_of_the_host_is_used: "`v1`, `v2`, `rdma`: a container has a cgroup of the host's kind",
    }
    "features-linux.md, seccomp" {
        each_action_is_known: "each of `actions` does what it says",
        each_operator_compares: "each of `operators` compares",
        each_architecture_is_known: "each of `archs` can be in a filter",
        each_flag_is_known: "each of `knownFlags` is known, each of `supportedFlags` works",
    }
    "features-linux.md, memoryPolicy" {
        each_memory_policy_is_known: "each of `modes` and of `flags` is set",
    }
    "features-linux.md, apparmor, selinux, intelRdt, netDevices" {
        what_is_not_on_here_is_an_error: "what is enabled, and not on here, is an error and not ignored",
    }
    "features-linux.md, mountExtensions" {
        mappings_of_mounts_are_used: "`idmap`: a mount's mappings are used",
    }
}

/// Tries each of `names`; what gives a reason can't be shown here, and the row is skipped, which names it. Empty lists
/// are unknown.
fn each(names: Vec<String>, mut look: impl FnMut(&str) -> Result<(), String>) {
    if names.is_empty() {
        skip("`features` does not tell");
    }
    let mut skipped = BTreeMap::<String, Vec<String>>::new();
    for name in names {
        if let Err(reason) = look(&name) {
            skipped.entry(reason).or_default().push(name);
        }
    }
    let reasons: Vec<String> =
        skipped.iter().map(|(reason, names)| format!("{}: {reason}", names.join(", "))).collect();
    if !reasons.is_empty() {
        skip(&format!("all but {}", reasons.join("; ")));
    }
}

fn each_hook_runs() {
    let hooks = listed(&document(), "/hooks");
    let bundle = Bundle::of_sleep();
    // The path is the same on the host and inside, so that a hook may run in any of the two.
    let log = bundle.folder().join("hooks");
    fs::create_dir(&log).expect("a folder");
    fs::create_dir_all(bundle.rootfs(log.to_str().expect("UTF-8"))).expect("a folder");
    let hook = |name: &str| {
        let script = format!("cat >/dev/null; echo >{}/{name}", log.display());
        json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}])
    };
    let all: serde_json::Map<String, Value> = hooks.iter().map(|name| (name.clone(), hook(name))).collect();
    let bundle = bundle.with("/hooks", Value::Object(all));
    bundle.up();
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.delete().ok();
    each(hooks, |name| {
        let inside = bundle.rootfs(log.join(name).to_str().expect("UTF-8"));
        assert!(log.join(name).exists() || inside.exists(), "{name} did not run");
        Ok(())
    });
}

fn each_mount_option_is_known() {
    let mut options = listed(&document(), "/mountOptions");
    // mappings_of_mounts_are_used tries them.
    options.retain(|option| !MAPPED.contains(&option.as_str()));
    let mut bundle = Bundle::new();
    let shared = bundle.folder().join("shared");
    fs::create_dir(&shared).expect("a folder");
    let plain = |target: &str| json!({"destination": target, "type": "tmpfs", "source": "tmpfs"});
    // A file system refuses to be mounted with what it does not know.
    for option in &options {
        let target = format!("/mnt/{option}");
        let mut mount = plain(&target);
        mount["options"] = json!([option]);
        match option.as_str() {
            "bind" | "rbind" => mount["source"] = json!(shared),
            "remount" => bundle.set("/mounts/-", plain(&target)),
            _ => {}
        }
        bundle.set("/mounts/-", mount);
    }
    let seen = if options.is_empty() { Value::Null } else { bundle.probe(&[]) };
    each(options, |option| {
        let target = format!("/mnt/{option}");
        let mut mounts = seen["mounts"].as_array().expect("mounts").iter();
        let mount = mounts.find(|mount| mount["target"] == target).unwrap_or_else(|| panic!("no mount at {target}"));
        // What it does know, it shows.
        let handed = mount["super"].as_str().expect("options").split(',').any(|one| one == option);
        let flags = ["ro", "rw", "sync", "dirsync", "lazytime", "mand"];
        assert!(!handed || flags.contains(&option), "{option} is handed on");
        Ok(())
    });
}

/// Options that need mappings.
const MAPPED: [&str; 2] = ["idmap", "ridmap"];

fn each_namespace_is_made() {
    each(listed(&document(), "/linux/namespaces"), |kind| {
        let file = match kind {
            "mount" => "mnt",
            "network" => "net",
            other => other,
        };
        let Ok(own) = fs::read_link(format!("/proc/self/ns/{file}")) else { return Err("the kernel has none".into()) };
        let mut bundle = Bundle::new().without_namespace(kind);
        bundle.set("/linux/namespaces/-", json!({"type": kind}));
        if kind == "user" {
            let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
            bundle.set("/linux/uidMappings", mapping.clone());
            bundle.set("/linux/gidMappings", mapping);
        }
        let seen = bundle.probe(&[]);
        let inside = seen["namespaces"][file].as_str().expect("a namespace");
        assert_ne!(inside, own.to_str().expect("UTF-8"), "{kind}");
        Ok(())
    });
}

fn each_capability_is_granted() {
    let names = listed(&document(), "/linux/capabilities");
    // What can't be granted is a warning, of which there is a row by itself.
    let held = |name: &String| numbered(name).is_some_and(host::has_capability);
    let set = json!(names.iter().filter(|name| held(name)).collect::<Vec<_>>());
    let sets = json!({"bounding": set, "effective": set, "permitted": set, "inheritable": [], "ambient": []});
    let seen = Bundle::new().with("/process/capabilities", sets).probe(&[]);
    let granted = seen["status"]["CapEff"].as_str().and_then(|set| u64::from_str_radix(set, 16).ok()).expect("a set");
    each(names, |name| {
        let number = numbered(name).unwrap_or_else(|| panic!("{name}"));
        if !host::has_capability(number) {
            return Err("root has it not".into());
        }
        assert!(granted & (1 << number) != 0, "{name} is not in {granted:x}");
        Ok(())
    });
}

fn numbered(name: &str) -> Option<u32> {
    let number = NUMBERED.split_whitespace().position(|one| name.strip_prefix("CAP_") == Some(one));
    number.and_then(|number| u32::try_from(number).ok())
}

/// Capabilities by their number, capability.h.
const NUMBERED: &str = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE \
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE \
    SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL \
    SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

fn the_cgroup_of_the_host_is_used() {
    let document = document();
    let enabled = |name: &str| document["linux"]["cgroup"][name] == json!(true);
    let (here, other) = if host::pure_v2() { ("v2", "v1") } else { ("v1", "v2") };
    assert!(enabled(here), "cgroup {here} is what this host has");
    let bundle = Bundle::of_sleep();
    bundle.create().ok();
    assert!(bundle.cgroup("pids").exists());
    if enabled(other) {
        skip(&format!("{other}: this host has {here}"));
    }
}

/// A bundle that makes system calls by number, under a profile of these rules.
fn calling(numbers: &[&str], rules: &[Value], rest: &Value) -> Bundle {
    let mut profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules});
    profile.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    seccomp::calling(numbers, profile)
}

/// The rule that does something to getppid(2).
fn acting(action: &str) -> [Value; 1] {
    [json!({"names": ["getppid"], "action": action})]
}

/// Fails unless an agent gets the notify descriptor of a filter.
fn notifies(rest: &Value) {
    let bundle = calling(&[GETPPID], &acting("SCMP_ACT_NOTIFY"), rest);
    let path = bundle.folder().join("agent");
    let bundle = bundle.with("/linux/seccomp/listenerPath", json!(path));
    let receiver = Receiver::listen(&path);
    let creating = bundle.call(["create", bundle.id()]).begin();
    assert_eq!(receiver.receive().0.len(), 1);
    creating.outcome().ok();
}

const GETUID: &str = "102";

fn each_action_is_known() {
    each(listed(&document(), "/linux/seccomp/actions"), |action| {
        if action == "SCMP_ACT_NOTIFY" {
            notifies(&json!({}));
            return Ok(());
        }
        let outcome = calling(&[GETPPID], &acting(action), &json!({})).run();
        match action {
            "SCMP_ACT_ALLOW" | "SCMP_ACT_LOG" => assert_eq!(outcome.ok().out, "0\n", "{action}"),
            "SCMP_ACT_ERRNO" => assert_eq!(outcome.ok().out, "1\n", "{action}"),
            // Nobody traces: ENOSYS.
            "SCMP_ACT_TRACE" => assert_eq!(outcome.ok().out, "38\n", "{action}"),
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" | "SCMP_ACT_KILL_PROCESS" | "SCMP_ACT_TRAP" => {
                assert_eq!(outcome.code, 128 + 31, "{action}: {outcome}");
            }
            other => panic!("{other} is no action"),
        }
        Ok(())
    });
}

fn each_operator_compares() {
    each(listed(&document(), "/linux/seccomp/operators"), |operator| {
        // The first argument of both is 0: it is compared with two values.
        let rule = |name: &str, value: u64, second: Option<u64>| {
            let argument = json!({"index": 0, "value": value, "valueTwo": second, "op": operator});
            json!({"names": [name], "action": "SCMP_ACT_ERRNO", "args": [argument]})
        };
        let rules = match operator {
            "SCMP_CMP_MASKED_EQ" => [rule("getppid", 7, Some(0)), rule("getuid", 7, Some(1))],
            _ => [rule("getppid", 0, None), rule("getuid", 1, None)],
        };
        let out = calling(&[GETPPID, GETUID], &rules, &json!({})).run().ok().out;
        let found: Vec<bool> = out.lines().map(|error| error == "1").collect();
        let wanted = match operator {
            "SCMP_CMP_EQ" | "SCMP_CMP_GE" | "SCMP_CMP_MASKED_EQ" => [true, false],
            "SCMP_CMP_NE" | "SCMP_CMP_LT" => [false, true],
            "SCMP_CMP_LE" => [true, true],
            "SCMP_CMP_GT" => [false, false],
            other => panic!("{other} is no operator"),
        };
        assert_eq!(found, wanted, "{operator}");
        Ok(())
    });
}

fn each_architecture_is_known() {
    each(listed(&document(), "/linux/seccomp/archs"), |architecture| {
        let architectures = json!({"architectures": ["SCMP_ARCH_X86_64", architecture]});
        let outcome = calling(&[GETPPID], &acting("SCMP_ACT_ERRNO"), &architectures).run();
        let big = ["S390", "S390X", "PPC", "PPC64", "PARISC", "PARISC64", "MIPS", "MIPS64", "MIPS64N32"];
        if outcome.code != 0 && big.iter().any(|name| architecture == format!("SCMP_ARCH_{name}")) {
            return Err("libseccomp puts no two byte orders into one filter".into());
        }
        assert_eq!(outcome.code, 0, "{architecture}: {outcome}");
        assert_eq!(outcome.out, "1\n", "{architecture}");
        Ok(())
    });
}

fn each_flag_is_known() {
    let document = document();
    let supported = listed(&document, "/linux/seccomp/supportedFlags");
    let known = listed(&document, "/linux/seccomp/knownFlags");
    assert!(supported.iter().all(|flag| known.contains(flag)), "{supported:?} are not all in {known:?}");
    each(known, |flag| {
        let works = supported.iter().any(|one| one == flag);
        if flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" && works {
            // It is about who waits for an agent.
            notifies(&json!({"flags": [flag]}));
            return Ok(());
        }
        let outcome = calling(&[GETPPID], &acting("SCMP_ACT_ERRNO"), &json!({"flags": [flag]})).run();
        if outcome.code != 0 && !works {
            return Err("known, but not supported here".into());
        }
        assert_eq!(outcome.code, 0, "{flag}: {outcome}");
        assert_eq!(outcome.out, "1\n", "{flag}");
        Ok(())
    });
}

fn each_memory_policy_is_known() {
    let document = document();
    let flags = listed(&document, "/linux/memoryPolicy/flags");
    let names = listed(&document, "/linux/memoryPolicy/modes").into_iter().chain(flags.iter().cloned()).collect();
    each(names, |name| {
        let policy = match name {
            flag if flags.iter().any(|one| one == flag) => json!({"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}),
            "MPOL_DEFAULT" | "MPOL_LOCAL" => json!({"mode": name}),
            mode => json!({"mode": mode, "nodes": "0"}),
        };
        let outcome = Bundle::of_shell("true").with("/linux/memoryPolicy", policy).run();
        if outcome.code != 0 && !fs::exists("/proc/self/numa_maps").unwrap_or(false) {
            return Err("the kernel has no NUMA".into());
        }
        assert_eq!(outcome.code, 0, "{name}: {outcome}");
        Ok(())
    });
}

fn what_is_not_on_here_is_an_error() {
    let document = document();
    let resctrl = fs::exists("/sys/fs/resctrl/schemata").unwrap_or(false);
    for (feature, on, place, value) in [
        ("apparmor", host::has_security_module("apparmor"), "/process/apparmorProfile", json!("some-profile")),
        ("selinux", host::has_security_module("selinux"), "/process/selinuxLabel", json!("a:b:c:s0")),
        ("intelRdt", resctrl, "/linux/intelRdt", json!({"l3CacheSchema": "L3:0=f"})),
        ("netDevices", false, "/linux/netDevices", json!({"no-such-dev": {}})),
    ] {
        if document["linux"][feature]["enabled"] == json!(true) && !on {
            super::refused(Bundle::of_shell("true"), place, value);
        }
    }
}

fn mappings_of_mounts_are_used() {
    let document = document();
    if document.pointer("/linux/mountExtensions/idmap/enabled") != Some(&json!(true)) {
        skip("`features` does not list it");
    }
    let options = listed(&document, "/mountOptions").into_iter().filter(|option| MAPPED.contains(&option.as_str()));
    let bind = |options: Value| {
        let mut bundle = Bundle::new();
        let folder = bundle.folder().join("mapped");
        fs::create_dir(&folder).expect("a folder");
        let mapping = json!([{"containerID": 0, "hostID": 7000, "size": 10}]);
        let mount = json!({"destination": "/mnt", "source": folder, "uidMappings": mapping, "gidMappings": mapping,
            "options": options});
        bundle.set("/mounts/-", mount);
        bundle.with("/process/args", json!(["/probe", "stat:/mnt"])).run()
    };
    each(options.collect(), |option| {
        let outcome = bind(json!(["rbind", option]));
        if outcome.code != 0 && host::is_user_mode() {
            return Err("the files of User-Mode Linux take no mapping".into());
        }
        assert_eq!(harness::bundle::seen(&outcome.ok())["answers"]["stat:/mnt"]["uid"], 7000, "{option}");
        Ok(())
    });
}
