//! Filters against what their sections say, and against libseccomp's, for every number and the edges of
//! arguments, on all three ABIs.

use super::interpreter::{Call, program, run};
use super::{model, reference};
use crate::seccomp::arch::{self, X32, X86_64};
use crate::seccomp::{bpf, calls, compile, profile};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};
use spec::oci::{LinuxSeccomp, LinuxSyscall};
use std::sync::OnceLock;

const I386: u32 = 0x4000_0003;
const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 0x0005_0001;
const ENOSYS: u32 = 0x0005_0026;

const EDGES: [u64; 12] = [
    0,
    1,
    2,
    5,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x1_0000_0005,
    u64::MAX - 1,
    u64::MAX,
];

/// Calls of all three ABIs, none of them multiplexed.
const PLAIN: [&str; 10] =
    ["read", "write", "openat", "mkdir", "clone", "personality", "mseal", "cachestat", "setns", "no_such_call"];

/// All calls of the native ABI that nobody has behind a multiplexer.
fn all_names() -> &'static [&'static str] {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let name = |number| libseccomp::ScmpSyscall::from_raw_syscall(number).get_name().ok();
        let plain = |name: &String| {
            arch::FAMILY
                .iter()
                .all(|arch| calls::ways(name, *arch).iter().flatten().flatten().all(|way| way.selector.is_none()))
        };
        (0..460).filter_map(name).filter(plain).map(|name| &*name.leak()).collect()
    })
}

/// Calls that libseccomp knows, with those that i386 has behind multiplexers.
const OLD: [&str; 14] = [
    "read",
    "openat",
    "mkdir",
    "clone",
    "personality",
    "setns",
    "socket",
    "bind",
    "accept",
    "recvmmsg",
    "socketcall",
    "shmat",
    "semop",
    "ipc",
];

fn condition() -> impl Strategy<Value = Value> {
    let value = || prop_oneof![8 => select(&EDGES[..]), 1 => any::<u64>()];
    let operator = select(&["NE", "LT", "LE", "EQ", "EQ", "GE", "GT", "MASKED_EQ"][..]);
    (0..3usize, operator, value(), value()).prop_map(|(index, operator, value, two)| {
        json!({"index": index, "op": format!("SCMP_CMP_{operator}"), "value": value, "valueTwo": two})
    })
}

fn action() -> impl Strategy<Value = String> {
    select(&["ALLOW", "ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "TRAP", "TRACE", "LOG"][..])
        .prop_map(|name| format!("SCMP_ACT_{name}"))
}

fn group(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (vec(select(names), 1..3), action(), vec(condition(), 0..4))
        .prop_map(|(names, action, args)| json!({"names": names, "action": action, "args": args}))
}

fn architectures() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], 0..=3)
}

/// Some rules of calls that have many, and some of any call.
fn section() -> impl Strategy<Value = Value> {
    let rules = vec(prop_oneof![2 => group(&PLAIN), 1 => group(all_names())], 0..8);
    (action(), architectures(), rules).prop_map(
        |(default, arches, rules)| json!({"defaultAction": default, "architectures": arches, "syscalls": rules}),
    )
}

/// At most one rule for a call, and at most one condition for an argument.
fn simple() -> impl Strategy<Value = Value> {
    let rule = |name: &'static str| {
        (action(), vec(condition(), 0..3)).prop_map(move |(action, mut args)| {
            // What contradicts the rules of the calls behind it would be decided by the order of rules.
            if matches!(name, "ipc" | "socketcall") {
                args.clear();
            }
            let mut seen = Vec::new();
            args.retain(|arg| {
                !seen.contains(&arg["index"]) && {
                    seen.push(arg["index"].clone());
                    true
                }
            });
            json!({"names": [name], "action": action, "args": args})
        })
    };
    let rules = subsequence(OLD.to_vec(), 0..=OLD.len())
        .prop_flat_map(move |names| names.into_iter().map(rule).collect::<Vec<_>>());
    (architectures(), rules)
        .prop_map(|(arches, rules)| json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": arches, "syscalls": rules}))
}

/// Every number, and for those that have a rule all edges of the first three arguments.
fn every_call(names: &[&str], mut check: impl FnMut(Call)) {
    let abis = [(X86_64, 0), (I386, 0), (X86_64, X32), (0xc000_00b7, 0)];
    for (arch, base) in abis {
        for number in (0..480).chain([512, 547, 1000, X32 - 1]) {
            check(Call { number: base + number, arch, arguments: [0; 6] });
            check(Call { number: base + number, arch, arguments: [u64::MAX; 6] });
        }
    }
    check(Call { number: u32::MAX, arch: X86_64, arguments: [0; 6] });
    let ways = names.iter().flat_map(|name| arch::FAMILY.iter().map(move |arch| (arch, calls::ways(name, *arch))));
    for (arch, way) in ways.flat_map(|(arch, ways)| ways.into_iter().flatten().flatten().map(move |way| (arch, way))) {
        let first: Vec<_> = EDGES.into_iter().chain(way.selector.map(u64::from)).collect();
        for a in first {
            for b in EDGES {
                for c in [5, 0x1_0000_0000] {
                    check(Call { number: way.number, arch: arch.audit, arguments: [a, b, c, 0, 0, 0] });
                }
            }
        }
    }
}

fn compiled(section: &LinuxSeccomp) -> Vec<bpf::Instruction> {
    program(&compile(section).unwrap().program).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_does_what_its_section_says(value in section()) {
        let section = serde_json::from_value(value.clone()).unwrap();
        let filter = compiled(&section);
        let mut wrong = None;
        let model = model::Model::new(&section);
        every_call(&model.names(), |call| {
            let (answer, right) = (run(&filter, &call).0, model.answers(&call));
            if right.first() != Some(&answer) {
                wrong = Some((call, answer, right));
            }
        });
        prop_assert!(wrong.is_none(), "{wrong:x?}\n{value}");
    }

    #[test]
    fn a_filter_decides_as_libseccomps(value in simple()) {
        let section = serde_json::from_value(value.clone()).unwrap();
        let filter = compiled(&section);
        let theirs = reference::generate(&profile::read(&section).unwrap().0);
        let mut wrong = None;
        every_call(&OLD, |call| {
            let (answer, right) = (run(&filter, &call).0, run(&theirs, &call).0);
            if answer != right {
                wrong = Some((call, answer, right));
            }
        });
        prop_assert!(wrong.is_none(), "{wrong:x?}\n{value}");
    }
}

#[test]
fn dockers_profile_is_decided_as_by_libseccomp() {
    let section: LinuxSeccomp = serde_json::from_str(include_str!("docker.json")).unwrap();
    let filter = compiled(&section);
    assert_eq!(compile(&section).unwrap().warnings, Vec::<String>::new());
    let mut profile = profile::read(&section).unwrap().0;
    // libseccomp 2.5 does not know all of them.
    let old = |name: &str| libseccomp::ScmpSyscall::from_name(name).is_ok();
    profile.calls.retain(|call| old(call.name));
    let theirs = reference::generate(&profile);
    let names: Vec<_> =
        section.syscalls().iter().flatten().skip(1).flat_map(LinuxSyscall::names).map(String::as_str).collect();
    let (mut deepest, mut newer) = (0, 0);
    every_call(&names, |call| {
        let ((answer, steps), (right, _)) = (run(&filter, &call), run(&theirs, &call));
        deepest = deepest.max(steps);
        if answer != right {
            // Calls from after libseccomp that the profile allows, and those from after the profile.
            let known = (answer == ALLOW) == (call.number % X32 == 335 || (451..=466).contains(&(call.number % X32)));
            assert!(right == EPERM && known && (answer == ALLOW || answer == ENOSYS), "{call:x?} {answer:x} {right:x}");
            newer += 1;
        }
    });
    assert!(newer > 40, "{newer}");
    assert!(deepest <= 30, "{deepest}");
    assert!(filter.len() < 700, "{} instructions, libseccomp {}", filter.len(), theirs.len());
}

/// Filters hold for a thread, so a thread can try one.
#[test]
fn the_kernel_takes_filters_and_decides_alike() {
    let rules = json!([
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 100,
            "args": [{"index": 0, "value": 77, "op": "SCMP_CMP_EQ"}]},
        {"names": ["getsid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 101},
    ]);
    let section = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules});
    let ours = compile(&serde_json::from_value(section).unwrap()).unwrap();
    let dockers = compile(&serde_json::from_str(include_str!("docker.json")).unwrap()).unwrap();
    let thread = std::thread::spawn(move || {
        use rustix::process::{Pid, getpgid, getsid};
        rustix::thread::set_no_new_privs(true).unwrap();
        for filter in [&dockers, &ours] {
            sys::seccomp::install(&filter.program, filter.flags).unwrap();
        }
        let raw = |errno: rustix::io::Errno| errno.raw_os_error();
        assert_eq!(getpgid(Pid::from_raw(77)).map_err(raw), Err(100));
        assert!(getpgid(None).is_ok());
        assert_eq!(getsid(None).map_err(raw), Err(101));
    });
    thread.join().unwrap();
}
