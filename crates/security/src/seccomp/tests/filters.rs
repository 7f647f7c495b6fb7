//! Compiled filters, run.

use super::interpreter::{Call, program, run};
use crate::seccomp::arch::{X32, X86_64};
use crate::seccomp::*;
use serde_json::{Value, json};

const I386: u32 = 0x4000_0003;
const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 0x0005_0001;
const ENOSYS: u32 = 0x0005_0026;

fn section(value: &Value) -> LinuxSeccomp {
    serde_json::from_value(value.clone()).unwrap()
}

fn filter(value: &Value) -> Vec<bpf::Instruction> {
    program(&compile(&section(value)).unwrap().program).unwrap()
}

fn ask(filter: &[bpf::Instruction], arch: u32, number: u32, arguments: &[u64]) -> u32 {
    let mut call = Call { number, arch, arguments: [0; 6] };
    call.arguments[..arguments.len()].copy_from_slice(arguments);
    run(filter, &call).0
}

fn said(value: &Value) -> String {
    compile(&section(value)).unwrap_err().to_string()
}

#[test]
fn unknown_names_are_skipped_and_newer_calls_told_so() {
    // B18
    for arches in [json!([]), json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_MIPS", "SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X"])] {
        let rules = json!([{"names": ["read", "no_such_call", "mseal", "riscv_hwprobe"], "action": "SCMP_ACT_ALLOW"}]);
        let mut value = json!({"defaultAction": "SCMP_ACT_ERRNO", "architectures": arches, "syscalls": rules});
        assert_eq!(compile(&section(&value)).unwrap().warnings, ["unknown seccomp syscall \"no_such_call\" ignored"]);
        let answers = |filter: &[_]| [0, 83, 461, 462, 463, 9999].map(|number| ask(filter, X86_64, number, &[]));
        assert_eq!(answers(&filter(&value)), [ALLOW, EPERM, EPERM, ALLOW, ENOSYS, ENOSYS]);
        value["defaultErrnoRet"] = json!(38);
        assert_eq!(answers(&filter(&value)), [ALLOW, ENOSYS, ENOSYS, ALLOW, ENOSYS, ENOSYS]);
    }
}

#[test]
fn warnings_are_few() {
    let names: Vec<_> = (0..1000).map(|n| format!("no_{n}")).collect();
    let rules = json!([{"names": names, "action": "SCMP_ACT_ERRNO"}]);
    let warnings = compile(&section(&json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))).unwrap().warnings;
    assert_eq!((warnings.len(), &*warnings[16]), (17, "984 more unknown seccomp syscalls ignored"));
}

#[test]
fn old_calls_are_denied_as_such_however_short_the_list() {
    let filter = filter(&json!({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}));
    for (arch, setns) in [(X86_64, 308), (I386, 346)] {
        assert_eq!(ask(&filter, arch, setns, &[]), EPERM);
        assert_eq!(ask(&filter, arch, setns + 1, &[]), ENOSYS);
    }
}

#[test]
fn permissive_profiles_tell_no_enosys() {
    for (default, answer) in [("ALLOW", ALLOW), ("LOG", 0x7ffc_0000), ("TRACE", 0x7ff0_0001)] {
        let filter = filter(&json!({"defaultAction": format!("SCMP_ACT_{default}"),
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 100}]}));
        assert_eq!(ask(&filter, X86_64, 83, &[]), 0x5_0064);
        assert_eq!(ask(&filter, X86_64, 9999, &[]), answer);
    }
}

#[test]
fn every_action_has_the_kernels_value() {
    for (action, errno, answer) in [
        ("KILL", None, 0),
        ("KILL_THREAD", None, 0),
        ("KILL_PROCESS", None, 0x8000_0000),
        ("TRAP", None, 0x3_0000),
        ("ERRNO", Some(4095), 0x5_0fff),
        ("ERRNO", None, EPERM),
        ("NOTIFY", None, 0x7fc0_0000),
        ("TRACE", Some(65535), 0x7ff0_ffff),
        ("LOG", None, 0x7ffc_0000),
        ("ALLOW", None, ALLOW),
    ] {
        let default = if action == "ALLOW" { "SCMP_ACT_ERRNO" } else { "SCMP_ACT_ALLOW" };
        let filter = filter(&json!({"defaultAction": default, "listenerPath": "/run/agent",
            "syscalls": [{"names": ["mkdir"], "action": format!("SCMP_ACT_{action}"), "errnoRet": errno}]}));
        assert_eq!(ask(&filter, X86_64, 83, &[]), answer, "{action}");
    }
}

#[test]
fn other_architectures_are_killed() {
    let rules = json!([{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]);
    let only = filter(&json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}));
    assert_eq!(ask(&only, X86_64, 0, &[]), ALLOW);
    assert_eq!(ask(&only, I386, 3, &[]), 0);
    assert_eq!(ask(&only, X86_64, X32, &[]), 0);
    assert_eq!(ask(&only, X86_64, u32::MAX, &[]), EPERM);
    let all = json!(["SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    let all = filter(&json!({"defaultAction": "SCMP_ACT_ERRNO", "architectures": all, "syscalls": rules}));
    assert_eq!([(X86_64, 0), (I386, 3), (X86_64, X32)].map(|(arch, number)| ask(&all, arch, number, &[])), [ALLOW; 3]);
    assert_eq!(ask(&all, 0xc000_00b7, 63, &[]), 0);
}

#[test]
fn conditions_of_one_argument_are_alternatives_and_others_go_together() {
    let args = |list: &[(usize, u64)]| -> Vec<Value> {
        list.iter().map(|(index, value)| json!({"index": index, "value": value, "op": "SCMP_CMP_EQ"})).collect()
    };
    let filter = filter(&json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["dup3"], "action": "SCMP_ACT_ALLOW", "args": args(&[(0, 1), (0, 3)])},
        {"names": ["ftruncate"], "action": "SCMP_ACT_ALLOW", "args": args(&[(0, 7), (1, 9)])},
    ]}));
    assert_eq!([0, 1, 2, 3].map(|first| ask(&filter, X86_64, 292, &[first])), [EPERM, ALLOW, EPERM, ALLOW]);
    let both = [[7, 9], [7, 0], [0, 9]].map(|arguments| ask(&filter, X86_64, 77, &arguments));
    assert_eq!(both, [ALLOW, EPERM, EPERM]);
}

#[test]
fn a_rule_without_conditions_is_stronger_wherever_it_stands() {
    let always = json!({"names": ["mkdir"], "action": "SCMP_ACT_TRAP"});
    let once = json!({"names": ["mkdir"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]});
    for rules in [json!([always, once]), json!([once, always])] {
        let filter = filter(&json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}));
        assert_eq!(ask(&filter, X86_64, 83, &[1]), 0x3_0000);
    }
}

#[test]
fn flags() {
    const TSYNC: &str = "SECCOMP_FILTER_FLAG_TSYNC";
    const LOG: &str = "SECCOMP_FILTER_FLAG_LOG";
    const SPEC: &str = "SECCOMP_FILTER_FLAG_SPEC_ALLOW";
    const WAIT: &str = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
    let flags = |flags: Value, action: &str| {
        let value = json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": flags, "listenerPath": "/run/agent",
            "syscalls": [{"names": ["mkdir"], "action": action}]});
        compile(&section(&value)).map(|filter| filter.flags)
    };
    assert_eq!(flags(json!(null), "SCMP_ACT_ERRNO"), Ok(4));
    assert_eq!(flags(json!([]), "SCMP_ACT_ERRNO"), Ok(0));
    assert_eq!(flags(json!([TSYNC]), "SCMP_ACT_ERRNO"), Ok(0));
    assert_eq!(flags(json!([TSYNC, LOG, SPEC]), "SCMP_ACT_ERRNO"), Ok(6));
    assert_eq!(flags(json!([WAIT]), "SCMP_ACT_NOTIFY"), Ok(40));
    let wrong = flags(json!([LOG, WAIT]), "SCMP_ACT_ERRNO").unwrap_err().to_string();
    assert!(wrong.starts_with("/linux/seccomp/flags/1: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV means"), "{wrong}");
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let rule = |rule: Value| json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/a", "syscalls": [rule]});
    for (value, words) in [
        (
            json!({"defaultAction": "SCMP_ACT_NOTIFY"}),
            "/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action",
        ),
        (
            json!({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}),
            "/linux/seccomp/defaultErrnoRet: SCMP_ACT_ALLOW takes no errno",
        ),
        (
            json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}),
            "/linux/seccomp/defaultErrnoRet: 4096 is not an errno",
        ),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}), "/linux/seccomp/listenerMetadata: "),
        (
            json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_SHEB"]}),
            "/linux/seccomp/architectures/1: ",
        ),
        (
            rule(json!({"names": ["read", "write"], "action": "SCMP_ACT_NOTIFY"})),
            "/linux/seccomp/syscalls/0/names/1: SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
        (rule(json!({"names": [""], "action": "SCMP_ACT_LOG"})), "/linux/seccomp/syscalls/0/names/0: empty string"),
        (
            rule(json!({"names": ["read"], "action": "SCMP_ACT_LOG", "errnoRet": 1})),
            "/linux/seccomp/syscalls/0/errnoRet: SCMP_ACT_LOG takes",
        ),
        (
            rule(
                json!({"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}),
            ),
            "/linux/seccomp/syscalls/0/args/0/index: 6 is not",
        ),
    ] {
        let said = said(&value);
        assert!(said.starts_with(words), "{said}");
    }
    let mut value =
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_NOTIFY"}]});
    assert!(said(&value).starts_with("/linux/seccomp/listenerPath: seccomp listenerPath is not set"));
    value["listenerPath"] = json!("/run/agent");
    assert!(compile(&section(&value)).unwrap().notify);
    value["syscalls"] = json!([]);
    assert!(!compile(&section(&value)).unwrap().notify);
}

#[test]
fn rules_that_change_nothing_are_no_rules() {
    let one =
        json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["bdflush"], "action": "SCMP_ACT_ALLOW"}]});
    let none = json!({"defaultAction": "SCMP_ACT_ALLOW"});
    assert_eq!(filter(&one), filter(&none));
    assert_eq!(ask(&filter(&none), X86_64, 5, &[]), ALLOW);
}

#[test]
fn a_thousand_values_are_found_fast() {
    let rules: Vec<_> = (0..1000)
        .map(|value| {
            json!({"names": ["personality"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": value * 3, "op": "SCMP_CMP_EQ"}]})
        })
        .collect();
    let filter = filter(&json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}));
    assert!(filter.len() < 1500, "{}", filter.len());
    for value in 0..3010 {
        let call = Call { number: 135, arch: X86_64, arguments: [value, 0, 0, 0, 0, 0] };
        let (answer, steps) = run(&filter, &call);
        assert_eq!(answer, if value % 3 == 0 && value < 3000 { EPERM } else { ALLOW }, "{value}");
        assert!(steps < 40, "{steps}");
        assert_eq!(ask(&filter, X86_64, 135, &[value | 1 << 32]), ALLOW);
    }
}

#[test]
fn values_that_follow_one_another_are_one_range() {
    let highest = u64::from(u32::MAX);
    let ranges =
        [0..=1, 3..=3, 5..=400, highest - 2..=highest + 3, (7 << 32)..=(7 << 32) + 90, u64::MAX - 1..=u64::MAX];
    // As a profile may have them: in no order, and more than once.
    let values: Vec<u64> = ranges.iter().cloned().flatten().rev().chain([6, 3]).collect();
    let args: Vec<_> = values.iter().map(|value| json!({"index": 1, "op": "SCMP_CMP_EQ", "value": value})).collect();
    let filter = filter(&json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [{"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "args": args}]}));
    assert!(filter.len() < 80, "{}", filter.len());
    let around = ranges.iter().flat_map(|range| [*range.start(), *range.end()]);
    for value in around.flat_map(|edge| (0..5).map(move |step| edge.wrapping_add(step).wrapping_sub(2))) {
        let denied = |value: u64| if values.contains(&value) { EPERM } else { ALLOW };
        assert_eq!(ask(&filter, X86_64, 16, &[0, value]), denied(value), "{value:x}");
        let narrow = |value: u64| u32::try_from(value & highest).unwrap();
        let denied = values.iter().any(|one| narrow(*one) == narrow(value));
        assert_eq!(ask(&filter, I386, 54, &[0, value]), if denied { EPERM } else { ALLOW }, "{value:x}");
    }
}

#[test]
fn a_filter_too_long_for_the_kernel_is_refused() {
    let rules: Vec<_> = (0..5000)
        .map(|value| {
            json!({"names": ["personality"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": value % 6, "value": value, "op": "SCMP_CMP_GT"}]})
        })
        .collect();
    let said = said(&json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}));
    assert!(said.contains("more than 4096 instructions"), "{said}");
}

#[test]
fn the_step_has_it_all() {
    let value = json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/a",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]});
    let compiled = compile(&section(&value)).unwrap();
    let mut to = Writer::default();
    compiled.push(&mut to);
    let wanted = Step::Seccomp(plan::Seccomp { program: Bytes(&compiled.program), flags: 12, notify: true });
    let placed = to.steps().next().unwrap();
    assert_eq!((placed.place, placed.step), ("/linux/seccomp", wanted));
}

#[test]
fn names_and_conditions_multiply_only_so_far() {
    let args: Vec<_> = (0..5000).map(|n| json!({"index": 0, "op": "SCMP_CMP_EQ", "value": n * 2})).collect();
    let rules = |names: usize| json!([{"names": vec!["read"; names], "action": "SCMP_ACT_ALLOW", "args": args}]);
    let said = |names| said(&json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules(names)}));
    let told = "/linux/seccomp/syscalls/0/names/6: more than 32768 rules; no filter can hold them";
    assert_eq!(said(5000), told);
    assert!(said(6).contains("more than 4096 instructions"));
}
