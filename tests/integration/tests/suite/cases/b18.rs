//! B18: a filter that names calls we don't know still works, and a call newer than the filter answers ENOSYS,
//! so that the C library can fall back.

use harness::{Bundle, need_root, programs};
use serde_json::{Value, json};
use std::fs;

/// What the allow list of a static program needs.
const NEEDED: [&str; 29] = [
    "no_such_call",
    "read",
    "write",
    "writev",
    "exit",
    "exit_group",
    "execve",
    "brk",
    "mmap",
    "munmap",
    "mprotect",
    "arch_prctl",
    "set_tid_address",
    "set_robust_list",
    "rseq",
    "prlimit64",
    "readlink",
    "readlinkat",
    "getrandom",
    "newfstatat",
    "fstat",
    "ioctl",
    "uname",
    "getpid",
    "rt_sigreturn",
    "futex",
    "close",
    "getcwd",
    "openat",
];
/// More of what a runtime itself may need between its filter and the program.
const RUNTIME: [&str; 26] = [
    "prctl",
    "capget",
    "capset",
    "setuid",
    "setgid",
    "setgroups",
    "setresuid",
    "setresgid",
    "fstatfs",
    "chdir",
    "fchdir",
    "getuid",
    "getgid",
    "rt_sigaction",
    "rt_sigprocmask",
    "sigaltstack",
    "gettid",
    "epoll_pwait",
    "epoll_ctl",
    "nanosleep",
    "tgkill",
    "fcntl",
    "lseek",
    "getdents64",
    "faccessat2",
    "clone",
];

fn bundle(numbers: &[&str], mut more: Value) -> Bundle {
    let names: Vec<&str> = NEEDED.iter().chain(&RUNTIME).copied().collect();
    more["defaultAction"] = json!("SCMP_ACT_ERRNO");
    more["architectures"] = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    if programs::is_cofferdam() {
        // Debian's runc fails at it.
        more["architectures"].as_array_mut().unwrap().push(json!("SCMP_ARCH_MIPS"));
    }
    more["syscalls"] = json!([{"names": names, "action": "SCMP_ACT_ALLOW"}]);
    let bundle = Bundle::new().with("/linux/seccomp", more);
    programs::copy(&programs::call(), &bundle.rootfs("call"));
    let arguments: Vec<&str> = ["/call"].iter().chain(numbers).copied().collect();
    bundle.with("/process/args", json!(arguments))
}

// 162 is sync, known and not allowed; 39 is getpid, allowed.
const CALLS: [&str; 3] = ["9999", "162", "39"];

#[test]
fn newer_calls_give_enosys_and_known_ones_eperm() {
    need_root!();
    assert_eq!(bundle(&CALLS, json!({})).run().ok().out, "38\n1\n0\n");
}

#[test]
fn the_default_error_is_the_one_asked_for() {
    need_root!();
    assert_eq!(bundle(&CALLS, json!({"defaultErrnoRet": 38})).run().ok().out, "38\n38\n0\n");
}

#[test]
fn the_unknown_name_is_warned_of() {
    need_root!();
    let bundle = bundle(&CALLS, json!({}));
    bundle.call(["--debug", "--log", "log", "run", bundle.id()]).ok();
    let log = fs::read_to_string(bundle.folder().join("log")).unwrap();
    assert!(log.contains("no_such_call"), "{log}");
}

#[test]
fn a_bad_action_or_operator_is_an_error() {
    need_root!();
    let allow = json!({"defaultAction": "SCMP_ACT_ALLOW"});
    for (pointer, value) in [
        ("/linux/seccomp/defaultAction", json!("SCMP_ACT_MAYBE")),
        ("/linux/seccomp/syscalls", json!([{"names": ["sync"], "action": "SCMP_ACT_MAYBE"}])),
        (
            "/linux/seccomp/syscalls",
            json!([{"names": ["sync"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_MAYBE"}]}]),
        ),
        ("/linux/seccomp/architectures", json!(["SCMP_ARCH_MAYBE"])),
    ] {
        let bundle = Bundle::new().with("/linux/seccomp", allow.clone()).with(pointer, value);
        bundle.create().fails().says("MAYBE");
        bundle.assert_nothing_left();
    }
}
