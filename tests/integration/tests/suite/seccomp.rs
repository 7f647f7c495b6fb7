//! Seccomp filters, judged by what calls answer.

use harness::terminal::Receiver;
use harness::{Bundle, need_cofferdam, need_root, programs, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::SocketAddr;

/// A bundle that makes system calls by number and prints their errors.
fn calling(numbers: &[&str], seccomp: Value) -> Bundle {
    let bundle = Bundle::new().with("/linux/seccomp", seccomp);
    programs::copy(&programs::call(), &bundle.rootfs("call"));
    let arguments: Vec<&str> = ["/call"].iter().chain(numbers).copied().collect();
    bundle.with("/process/args", json!(arguments))
}

const SYNC: &str = "162";

fn notifying() -> Bundle {
    let bundle = calling(
        &[SYNC],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "of the test",
        "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_NOTIFY"}]}),
    );
    let path = bundle.folder().join("agent");
    bundle.with("/linux/seccomp/listenerPath", json!(path.to_str().unwrap()))
}

#[test]
fn the_agent_of_exec_may_listen_on_an_abstract_socket() {
    need_root!();
    need_cofferdam!("Debian's runc tells another pid");
    let mut bundle = notifying().with("/process/args", json!(["/bin/sleep", "1000"]));
    let name = format!("{}-agent", bundle.tag());
    bundle.set("/linux/seccomp/listenerPath", json!(format!("@{name}")));
    let receiver = Receiver::listen_at(&SocketAddr::from_abstract_name(&name).unwrap());
    let creating = bundle.call(["create", bundle.id()]).begin();
    drop(receiver.receive());
    creating.outcome().ok();
    bundle.call(["start", bundle.id()]).ok();
    let exec = bundle.call(["exec", bundle.id(), "/bin/true"]).begin();
    let (_descriptors, text) = receiver.receive();
    exec.outcome().ok();
    let state: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((&state["state"]["status"], &state["state"]["pid"]), (&json!("running"), &json!(bundle.pid())));
    assert_ne!(state["pid"], bundle.pid());
}

/// The first `exec` keeps the compiled filter for those that follow. Whatever becomes of the file, the filter is in force.
#[test]
fn what_exec_keeps_is_no_more_than_a_shortcut() {
    need_root!();
    need_cofferdam!("others keep nothing");
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [failing(&["sync"], 77)]});
    let bundle = calling(&[], seccomp).with("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.up();
    let kept = bundle.state_folder().join(bundle.id()).join("exec.kept");
    let denied = || assert_eq!(bundle.exec(&["/call", SYNC]).ok().out, "77\n");
    let looks = || lasting(bundle.exec_probe(&[], &[]));
    denied();
    let whole = fs::read(&kept).unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o7777, 0o600);
    let after = looks();
    denied();
    fs::remove_file(&kept).unwrap();
    assert_eq!(looks(), after);
    assert_eq!(fs::read(&kept).unwrap(), whole);

    let another_version = [&[whole[0], b'?'], &whole[2..]].concat();
    let cut = (1..whole.len()).step_by(101).map(|length| whole[..length].to_vec());
    for damaged in cut.chain([another_version, vec![0; 100], vec![255; 100]]) {
        fs::write(&kept, damaged).unwrap();
        denied();
        assert_eq!(fs::read(&kept).unwrap(), whole, "it is not kept anew");
    }
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    denied();
    fs::remove_dir(&kept).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &kept).unwrap();
    denied();
    // What a killed one leaves.
    fs::write(kept.with_file_name(".exec.kept"), "cut").unwrap();
    denied();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    bundle.assert_nothing_left();
}

/// What of a probe's view is the same for each process of a container.
fn lasting(mut view: Value) -> Value {
    view["status"].as_object_mut().unwrap().retain(|name, _| {
        ["Uid", "Gid", "Groups", "NoNewPrivs", "Umask"].contains(&name.as_str())
            || name.starts_with("Cap")
            || name.starts_with("Seccomp")
    });
    let parts = ["status", "env", "limits", "cwd", "namespaces", "mounts", "cgroup", "oom_score_adj"];
    parts.map(|part| (part, view[part].take())).into_iter().map(|(part, value)| (part.to_owned(), value)).collect()
}

/// Who is asked by a filter, or told of what is wrong with it, is so each time.
#[test]
fn what_says_something_is_not_kept() {
    need_root!();
    need_cofferdam!("others keep nothing");
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [failing(&["sync", "no_such_call"], 77)]});
    let bundle = calling(&[], seccomp).with("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.up();
    for _ in 0..2 {
        let outcome = bundle.exec(&["/call", SYNC]).ok();
        assert_eq!(outcome.out, "77\n");
        outcome.says("no_such_call");
    }
    let kept = bundle.state_folder().join(bundle.id()).join("exec.kept");
    assert_eq!(fs::metadata(kept).unwrap().len(), 0);
}

#[test]
fn without_an_agent_create_fails() {
    need_root!();
    let bundle = notifying();
    bundle.create().fails().says("agent");
    bundle.assert_nothing_left();
}

#[test]
fn what_would_block_the_runtime_is_refused() {
    need_root!();
    let mut bundle = notifying();
    let _receiver = Receiver::listen(&bundle.folder().join("agent"));
    bundle.set("/linux/seccomp/syscalls/0/names", json!(["write"]));
    bundle.create().fails().says("SCMP_ACT_NOTIFY cannot be used for the write syscall");
    bundle.set("/linux/seccomp/syscalls", json!([]));
    bundle.set("/linux/seccomp/defaultAction", json!("SCMP_ACT_NOTIFY"));
    bundle.create().fails().says("SCMP_ACT_NOTIFY");
    bundle.assert_nothing_left();
}

/// What the calls answer under a filter: a line each.
#[track_caller]
fn answers(calls: &[&str], seccomp: Value) -> Vec<String> {
    calling(calls, seccomp).run().ok().out.lines().map(str::to_owned).collect()
}

fn failing(names: &[&str], errno: u32) -> Value {
    json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno})
}

/// A program of 32 bits may make them by numbers of their own or by socketcall(2) and ipc(2).
#[test]
fn calls_behind_a_multiplexer_have_their_rules_too() {
    need_root!();
    need_cofferdam!("libseccomp's filter is another");
    let rules = json!([failing(&["socket", "shmget"], 99)]);
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "syscalls": rules});
    if calling(&["compat:64"], seccomp.clone()).run().out != "0\n" {
        skip!("no programs of 32 bits here");
    }
    // socketcall(SYS_SOCKET), socket(); ipc(SHMGET), shmget(); getppid(), socketcall(SYS_BIND).
    let calls = ["compat:102,1", "compat:359", "compat:117,23", "compat:395", "compat:64", "compat:102,2"];
    let found = answers(&calls, seccomp);
    assert_eq!(found[..5], ["99", "99", "99", "99", "0"]);
    assert_ne!(found[5], "99");
}

/// `futex_wake` is of Linux 6.7.
#[test]
fn calls_that_are_newer_than_libseccomp_have_rules() {
    need_root!();
    need_cofferdam!("its libseccomp may be older");
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [failing(&["futex_wake"], 99)]});
    assert_eq!(answers(&["454", "110"], seccomp), ["99", "0"]);
}

/// A jump of the filter machine leads over 255 instructions at most.
#[test]
fn long_filters_answer_at_all_their_places() {
    need_root!();
    need_cofferdam!("libseccomp does not always do what several rules of a call say");
    let at = |value: u64, op: &str| json!([{"index": 0, "value": value, "op": op}]);
    let mut rules = Vec::new();
    for value in 0..150_u32 {
        // Each has an error of its own, so that none can share another's instructions.
        for (name, first) in [("getppid", 200), ("getuid", 400), ("getgid", 600)] {
            let mut rule = failing(&[name], first + value);
            rule["args"] = at(u64::from(value) << 31, "SCMP_CMP_EQ");
            rules.push(rule);
        }
        // These can: one list of values, in both halves.
        let mut rule = failing(&["getpgrp"], 99);
        rule["args"] = at(u64::from(value % 2) << 32 | u64::from(value), "SCMP_CMP_EQ");
        rules.push(rule);
    }
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules});
    let mut calls = Vec::new();
    let mut expected = Vec::new();
    for value in [0_u64, 1, 74, 75, 148, 149, 150] {
        for (number, first) in [(110, 200), (102, 400), (104, 600)] {
            calls.push(format!("{number},{}", value << 31));
            expected.push(if value < 150 { (first + value).to_string() } else { "0".to_owned() });
        }
        calls.push(format!("111,{}", (value % 2) << 32 | value));
        expected.push(if value < 150 { "99" } else { "0" }.to_owned());
        calls.push(format!("111,{}", ((value + 1) % 2) << 32 | value));
        expected.push("0".to_owned());
    }
    assert_eq!(answers(&calls.iter().map(String::as_str).collect::<Vec<_>>(), seccomp), expected);
}

#[test]
fn names_that_nobody_knows_are_told_but_not_without_end() {
    need_root!();
    need_cofferdam!("it warns otherwise");
    let names: Vec<String> = (0..20).map(|number| format!("nonesuch{number}")).collect();
    let rule = json!({"names": names, "action": "SCMP_ACT_ERRNO"});
    let bundle = calling(&["110"], json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}));
    let outcome = bundle.run().ok();
    assert_eq!(outcome.out, "0\n");
    assert!(outcome.err.contains("nonesuch15") && !outcome.err.contains("nonesuch16"), "{outcome}");
    assert!(outcome.err.contains("4 more unknown seccomp syscalls ignored"), "{outcome}");
}

#[test]
fn filters_that_cannot_be_are_refused_with_their_place() {
    need_root!();
    need_cofferdam!("it says less");
    let rule = |names: Value, more: Value| {
        let mut rule = json!({"names": names, "action": "SCMP_ACT_ERRNO"});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
    };
    let with = |more: Value| {
        let mut section = rule(json!(["sync"]), json!({}));
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        section
    };
    let each = |count: u32| {
        let one = |value| {
            json!({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": value % 4096,
            "args": [{"index": value % 6, "value": value, "op": "SCMP_CMP_EQ"}]})
        };
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": (0..count).map(one).collect::<Vec<_>>()})
    };
    let arguments: Vec<Value> =
        (0..300).map(|value| json!({"index": 0, "value": value, "op": "SCMP_CMP_EQ"})).collect();
    let repeated = json!({"args": arguments});
    for (section, place, why) in [
        (rule(json!(["sync", ""]), json!({})), "/syscalls/0/names/1", "empty string is not a valid syscall"),
        (rule(json!(["sync"]), json!({"errnoRet": 4096})), "/syscalls/0/errnoRet", "0 to 4095"),
        (rule(json!(vec!["sync"; 200]), repeated), "/syscalls/0/names/109", "no filter can hold them"),
        (each(3000), "/syscalls", "the most that the kernel takes"),
        (
            with(json!({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_LOONGARCH64"]})),
            "/architectures/1",
            "libseccomp",
        ),
        (with(json!({"listenerMetadata": "x"})), "/listenerMetadata", "must not be given without listenerPath"),
        (with(json!({"flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]})), "/flags/0", "SCMP_ACT_NOTIFY"),
        (
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_NOTIFY"}]}),
            "/listenerPath",
            "listenerPath is not set",
        ),
    ] {
        let bundle = calling(&[SYNC], section);
        bundle.create().fails().says(&format!("/linux/seccomp{place}")).says(why);
        bundle.assert_nothing_left();
    }
}
