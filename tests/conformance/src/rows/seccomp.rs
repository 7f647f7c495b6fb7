//! config-linux.md, seccomp: the actions, operators and architectures, judged by what calls give; and what is refused.
//! The program `call` makes calls by number, those of `x86_64`.

use crate::verdict::skip;
use harness::{Bundle, programs};
use serde_json::{Value, json};

super::rows! { "seccomp":
    "config-linux.md, seccomp actions" {
        kill_process_ends_the_process: "SCMP_ACT_KILL_PROCESS ends the process",
        kill_thread_ends_the_thread: "SCMP_ACT_KILL_THREAD ends the thread, and so does SCMP_ACT_KILL",
        trap_sends_a_signal: "SCMP_ACT_TRAP sends SIGSYS",
        errno_fails_the_call: "SCMP_ACT_ERRNO fails the call with `errnoRet`",
        errno_is_eperm_by_default: "`errnoRet` is EPERM by default",
        trace_asks_the_tracer: "SCMP_ACT_TRACE gives `errnoRet` to the tracer; without one the call is not there",
        allow_lets_the_call_pass: "SCMP_ACT_ALLOW lets the call pass where the default would not",
        log_lets_the_call_pass: "SCMP_ACT_LOG lets the call pass",
        a_default_errno: "`defaultErrnoRet` is the error of `defaultAction`",
        an_errno_for_another_action_is_refused: "`errnoRet` with an action that has none is refused",
        a_default_errno_for_another_action_is_refused: "`defaultErrnoRet` with an action that has none is refused",
        an_unknown_action_is_refused: "an unknown action is refused, and none as the default",
    }
    "config-linux.md, seccomp arguments" {
        equal: "SCMP_CMP_EQ",
        not_equal: "SCMP_CMP_NE",
        less: "SCMP_CMP_LT",
        less_or_equal: "SCMP_CMP_LE",
        greater_or_equal: "SCMP_CMP_GE",
        greater: "SCMP_CMP_GT",
        masked_equal: "SCMP_CMP_MASKED_EQ: `value` is the mask, `valueTwo` what is left",
        all_conditions_of_a_rule: "a rule's arguments must all match",
        an_unknown_operator_is_refused: "an unknown operator is refused",
        an_argument_that_no_call_has_is_refused: "an index above 5 is refused",
    }
    "config-linux.md, seccomp" {
        the_filter_needs_no_new_privileges_or_none: "the filter is there with `noNewPrivileges` and without",
        every_process_of_the_container_has_it: "a process that joins has it too",
        many_names_one_rule: "`names` are the calls of a rule",
        a_call_that_nobody_knows_stops_nobody: "a profile may name calls that this kernel has not",
        a_rule_without_names_is_refused: "`names` must contain at least one entry",
        architectures_are_known: "`architectures` of libseccomp",
        an_architecture_that_is_not_listed_is_shut: "calls of an architecture that is not listed are not let through",
        an_architecture_that_is_listed_has_the_rules: "the rules are for the calls of all listed architectures",
        an_unknown_architecture_is_refused: "an unknown architecture is refused",
        flags_are_taken: "`flags` of seccomp(2)",
        a_flag_against_the_mitigation: "SECCOMP_FILTER_FLAG_SPEC_ALLOW leaves speculation as it is",
        an_unknown_flag_is_refused: "an unknown flag is refused",
    }
}

pub(super) const GETPPID: &str = "110";
pub(super) const SYNC: &str = "162";
const ENOSYS: &str = "38";

/// A bundle that makes calls (`call.c` says how they are named) under a filter, and prints a line for each.
pub(super) fn calling(calls: &[&str], seccomp: Value) -> Bundle {
    if !cfg!(target_arch = "x86_64") {
        skip("calls are named by their numbers on x86_64");
    }
    let bundle = Bundle::new().with("/linux/seccomp", seccomp);
    programs::copy(&programs::call(), &bundle.rootfs("call"));
    let arguments: Vec<&str> = ["/call"].iter().chain(calls).copied().collect();
    bundle.with("/process/args", json!(arguments))
}

/// A filter that does something with sync(2) alone.
fn at_sync(action: &str) -> Value {
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sync"], "action": action}]})
}

/// What the calls gave under a filter.
#[track_caller]
fn said(calls: &[&str], seccomp: Value) -> Vec<String> {
    calling(calls, seccomp).run().ok().out.lines().map(str::to_owned).collect()
}

#[track_caller]
fn refused(seccomp: Value) {
    let bundle = calling(&[SYNC], seccomp);
    bundle.create().fails();
    bundle.assert_nothing_left();
}

fn kill_process_ends_the_process() {
    calling(&[SYNC], at_sync("SCMP_ACT_KILL_PROCESS")).run().exits(128 + 31);
    calling(&[&format!("thread:{SYNC}")], at_sync("SCMP_ACT_KILL_PROCESS")).run().exits(128 + 31);
}

fn kill_thread_ends_the_thread() {
    let thread = format!("thread:{SYNC}");
    for action in ["SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL"] {
        assert_eq!(said(&[&thread, GETPPID], at_sync(action)), ["gone", "0"]);
    }
}

fn trap_sends_a_signal() {
    assert_eq!(said(&[&format!("handler:{SYNC}"), GETPPID], at_sync("SCMP_ACT_TRAP")), ["trapped 162", "0"]);
    calling(&[SYNC], at_sync("SCMP_ACT_TRAP")).run().exits(128 + 31);
}

fn errno_fails_the_call() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["syscalls"][0]["errnoRet"] = json!(99);
    assert_eq!(said(&[SYNC, GETPPID], seccomp), ["99", "0"]);
}

fn errno_is_eperm_by_default() {
    assert_eq!(said(&[SYNC], at_sync("SCMP_ACT_ERRNO")), ["1"]);
}

fn trace_asks_the_tracer() {
    let mut seccomp = at_sync("SCMP_ACT_TRACE");
    seccomp["syscalls"][0]["errnoRet"] = json!(77);
    assert_eq!(said(&[&format!("tracer:{SYNC}"), SYNC], seccomp), ["traced 77", ENOSYS]);
    assert_eq!(said(&[&format!("tracer:{SYNC}")], at_sync("SCMP_ACT_TRACE")), ["traced 1"]);
}

fn allow_lets_the_call_pass() {
    let mut seccomp = by_default("SCMP_ACT_ERRNO");
    assert_eq!(said(&[SYNC], seccomp.clone()), ["1"]);
    append(&mut seccomp, json!({"names": ["sync"], "action": "SCMP_ACT_ALLOW"}));
    assert_eq!(said(&[SYNC], seccomp), ["0"]);
}

fn log_lets_the_call_pass() {
    assert_eq!(said(&[SYNC], at_sync("SCMP_ACT_LOG")), ["0"]);
    let mut seccomp = by_default("SCMP_ACT_ERRNO");
    append(&mut seccomp, json!({"names": ["sync"], "action": "SCMP_ACT_LOG"}));
    assert_eq!(said(&[SYNC, GETPPID], seccomp), ["0", "1"]);
}

fn append(seccomp: &mut Value, rule: Value) {
    seccomp["syscalls"].as_array_mut().expect("rules").push(rule);
}

fn a_default_errno() {
    let mut seccomp = by_default("SCMP_ACT_ERRNO");
    seccomp["defaultErrnoRet"] = json!(88);
    assert_eq!(said(&[SYNC, GETPPID], seccomp), ["88", "88"]);
}

/// A filter that lets through what a program, and a runtime before it, can't do without.
fn by_default(action: &str) -> Value {
    let names = "arch_prctl brk capget capset chdir clone clone3 close close_range dup3 epoll_create1 epoll_ctl \
        epoll_pwait eventfd2 execve execveat exit exit_group faccessat2 fchdir fcntl fstat fstatfs futex getcwd \
        getdents64 getpid getrandom gettid getuid ioctl lseek madvise mmap mprotect mremap munmap nanosleep newfstatat \
        open openat openat2 pidfd_open pipe2 poll ppoll prctl pread64 prlimit64 pselect6 read readlink readlinkat recvmsg \
        restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield seccomp sendmsg \
        sendto set_robust_list set_tid_address setgid setgroups setresgid setresuid setuid sigaltstack stat statx \
        tgkill uname wait4 waitid write writev";
    let names: Vec<&str> = names.split_whitespace().collect();
    json!({"defaultAction": action, "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}]})
}

/// The actions that have no error number.
const PLAIN: [&str; 6] = [
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
];

fn an_errno_for_another_action_is_refused() {
    for action in PLAIN {
        let rule = json!({"names": ["sync"], "action": action, "errnoRet": 7});
        refused(json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule]}));
    }
}

fn a_default_errno_for_another_action_is_refused() {
    for action in PLAIN {
        let mut seccomp = by_default(action);
        seccomp["defaultErrnoRet"] = json!(7);
        refused(seccomp);
    }
}

fn an_unknown_action_is_refused() {
    refused(at_sync("SCMP_ACT_NONESUCH"));
    refused(json!({"defaultAction": "SCMP_ACT_NONESUCH"}));
    refused(json!({"syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]}));
}

/// Which values of the first argument a condition catches.
#[track_caller]
fn catches(operator: &str, condition: Value, values: [u64; 3], expected: [bool; 3]) {
    let mut argument = condition;
    argument["index"] = json!(0);
    argument["op"] = json!(operator);
    let rule = json!({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [argument]});
    let calls = values.map(|value| format!("{GETPPID},{value}"));
    let found =
        said(&calls.each_ref().map(String::as_str), json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}));
    assert_eq!(found, expected.map(|caught| if caught { "5" } else { "0" }));
}

/// A number that does not fit into 32 bits, with its neighbours.
const LARGE: [u64; 3] = [0x1_0000_0006, 0x1_0000_0007, 0x1_0000_0008];

fn equal() {
    catches("SCMP_CMP_EQ", json!({"value": LARGE[1]}), LARGE, [false, true, false]);
    catches("SCMP_CMP_EQ", json!({"value": LARGE[1]}), [7, u64::MAX, LARGE[1]], [false, false, true]);
}

fn not_equal() {
    catches("SCMP_CMP_NE", json!({"value": LARGE[1]}), LARGE, [true, false, true]);
}

fn less() {
    catches("SCMP_CMP_LT", json!({"value": LARGE[1]}), LARGE, [true, false, false]);
}

fn less_or_equal() {
    catches("SCMP_CMP_LE", json!({"value": LARGE[1]}), LARGE, [true, true, false]);
}

fn greater_or_equal() {
    catches("SCMP_CMP_GE", json!({"value": LARGE[1]}), LARGE, [false, true, true]);
}

fn greater() {
    catches("SCMP_CMP_GT", json!({"value": LARGE[1]}), LARGE, [false, false, true]);
}

fn masked_equal() {
    let condition = json!({"value": 0xff00_u64, "valueTwo": 0x1200_u64});
    catches("SCMP_CMP_MASKED_EQ", condition, [0x1234, 0x1334, 0x5_0000_1200], [true, false, true]);
}

fn all_conditions_of_a_rule() {
    let args = json!([{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 3, "op": "SCMP_CMP_GE"}]);
    let rule = json!({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "args": args});
    let calls = ["110,1,0,3", "110,1,0,2", "110,2,0,3"];
    assert_eq!(said(&calls, json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})), ["1", "0", "0"]);
}

fn an_unknown_operator_is_refused() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["syscalls"][0]["args"] = json!([{"index": 0, "value": 1, "op": "SCMP_CMP_NONESUCH"}]);
    refused(seccomp);
}

fn an_argument_that_no_call_has_is_refused() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["syscalls"][0]["args"] = json!([{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]);
    refused(seccomp);
}

fn the_filter_needs_no_new_privileges_or_none() {
    for own in [true, false] {
        let mut bundle = Bundle::new().with("/linux/seccomp", at_sync("SCMP_ACT_ERRNO"));
        bundle.set("/process/noNewPrivileges", json!(own));
        let seen = bundle.probe(&[]);
        assert_eq!(
            (&seen["status"]["Seccomp"], &seen["status"]["NoNewPrivs"]),
            (&json!("2"), &json!(u8::from(own).to_string()))
        );
    }
    assert_eq!(Bundle::new().probe(&[])["status"]["Seccomp"], "0");
}

fn every_process_of_the_container_has_it() {
    let bundle = calling(&[], at_sync("SCMP_ACT_ERRNO")).with("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.up();
    assert_eq!(bundle.exec(&["/call", SYNC]).ok().out, "1\n");
}

fn many_names_one_rule() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["syscalls"][0]["names"] = json!(["sync", "getppid"]);
    assert_eq!(said(&[SYNC, GETPPID, "102"], seccomp), ["1", "1", "0"]);
}

fn a_call_that_nobody_knows_stops_nobody() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["syscalls"][0]["names"] = json!(["nonesuch_of_2040", "sync"]);
    assert_eq!(said(&[SYNC, GETPPID], seccomp), ["1", "0"]);
}

fn a_rule_without_names_is_refused() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["syscalls"][0]["names"] = json!([]);
    refused(seccomp.clone());
    seccomp["syscalls"][0].as_object_mut().expect("a rule").remove("names");
    refused(seccomp);
}

fn architectures_are_known() {
    // Those of this byte order: libseccomp does not put both into one filter.
    let names = "X86 X86_64 X32 ARM AARCH64 MIPSEL MIPSEL64 MIPSEL64N32 PPC64LE RISCV64";
    for name in names.split_whitespace() {
        let mut seccomp = at_sync("SCMP_ACT_ERRNO");
        seccomp["architectures"] = json!(["SCMP_ARCH_X86_64", format!("SCMP_ARCH_{name}")]);
        assert_eq!(said(&[SYNC, GETPPID], seccomp), ["1", "0"], "{name}");
    }
}

/// getppid(2) as a program of 32 bits makes it.
const COMPAT: &str = "compat:64";

/// A container without a filter tells whether the kernel runs such programs.
fn need_open_compat() {
    let mut bundle = calling(&[COMPAT], Value::Null);
    bundle.remove("/linux/seccomp");
    if bundle.run().out != "0\n" {
        skip("no programs of 32 bits here");
    }
}

fn an_architecture_that_is_not_listed_is_shut() {
    need_open_compat();
    let bundle = calling(
        &[COMPAT],
        json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]}),
    );
    let outcome = bundle.run();
    assert!(outcome.code == 128 + 31 || outcome.out != "0\n", "{outcome}");
}

fn an_architecture_that_is_listed_has_the_rules() {
    need_open_compat();
    let both = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    let rule = json!({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 9});
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": both, "syscalls": [rule]});
    assert_eq!(said(&[COMPAT, GETPPID, "compat:20"], seccomp), ["9", "9", "0"]);
}

fn an_unknown_architecture_is_refused() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["architectures"] = json!(["SCMP_ARCH_PDP11"]);
    refused(seccomp);
}

fn flags_are_taken() {
    for flag in ["TSYNC", "LOG", "SPEC_ALLOW"] {
        let mut seccomp = at_sync("SCMP_ACT_ERRNO");
        seccomp["flags"] = json!([format!("SECCOMP_FILTER_FLAG_{flag}")]);
        assert_eq!(said(&[SYNC, GETPPID], seccomp), ["1", "0"], "{flag}");
    }
}

fn a_flag_against_the_mitigation() {
    let mitigated = |flags: Value| {
        let mut seccomp = at_sync("SCMP_ACT_ERRNO");
        seccomp["flags"] = flags;
        let seen = Bundle::new().with("/linux/seccomp", seccomp).probe(&[]);
        seen["status"]["Speculation_Store_Bypass"].as_str().unwrap_or_default().to_owned()
    };
    let free = Bundle::new().probe(&[])["status"]["Speculation_Store_Bypass"].clone();
    assert_eq!(mitigated(json!(["SECCOMP_FILTER_FLAG_SPEC_ALLOW"])), free.as_str().unwrap_or_default());
}

fn an_unknown_flag_is_refused() {
    let mut seccomp = at_sync("SCMP_ACT_ERRNO");
    seccomp["flags"] = json!(["SECCOMP_FILTER_FLAG_NONESUCH"]);
    refused(seccomp);
}
