//! What fuzzers try here: seccomp sections, compiled, run, and held against what they say.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use super::tests::interpreter::{Call, program, run};
use super::tests::model;
use super::{arch, bpf, calls, compile};
use serde_json::{Value, json};
use spec::oci::{LinuxSeccomp, LinuxSeccompArg, LinuxSyscall};
use std::collections::BTreeSet;

#[cfg(test)]
#[path = "../../../../fuzz/replay.rs"]
mod replay;

/// A section as JSON, or as bytes that stand for rules of a few calls.
pub fn seccomp(data: &[u8]) {
    if let Ok(section) = serde_json::from_slice::<LinuxSeccomp>(data) {
        if let Some(filter) = compiled(&section) {
            every_call(&section, |call| _ = run(&filter, &call));
        }
        return;
    }
    let section = serde_json::from_value(section(&mut data.iter().copied())).unwrap();
    let Some(filter) = compiled(&section) else { return };
    let model = model::Model::new(&section);
    every_call(&section, |call| {
        let (answer, right) = (run(&filter, &call).0, model.answers(&call));
        assert_eq!(Some(&answer), right.first(), "{call:x?} {right:x?}\n{section:?}");
    });
}

/// A program that the kernel takes, or an error of one line.
fn compiled(section: &LinuxSeccomp) -> Option<Vec<bpf::Instruction>> {
    match compile(section) {
        Ok(filter) => Some(program(&filter.program).unwrap()),
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error}");
            None
        }
    }
}

/// Calls of all ABIs, none of them multiplexed, and one of none.
const NAMES: [&str; 10] =
    ["read", "write", "openat", "mkdir", "clone", "personality", "mseal", "cachestat", "setns", "no_such_call"];

const ACTIONS: [&str; 8] = ["ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "TRAP", "TRACE", "LOG", "KILL_THREAD"];

const OPERATORS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

const ARCHITECTURES: [&str; 3] = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];

fn pick<const N: usize>(from: [&str; N], byte: u8) -> &str {
    from[usize::from(byte) % N]
}

/// Each byte decides something, until there are no more.
fn section(bytes: &mut impl Iterator<Item = u8>) -> Value {
    let mut next = || bytes.next().unwrap_or_default();
    let (default, listed) = (format!("SCMP_ACT_{}", pick(ACTIONS, next())), next());
    let arches: Vec<_> = ARCHITECTURES.iter().enumerate().filter(|(bit, _)| listed >> bit & 1 == 1).collect();
    let mut rules = Vec::new();
    for _ in 0..next() % 8 {
        let (names, action) =
            ([pick(NAMES, next()), pick(NAMES, next())], format!("SCMP_ACT_{}", pick(ACTIONS, next())));
        let args: Vec<_> = (0..next() % 4)
            .map(|_| {
                let (index, operator) = (next() % 6, format!("SCMP_CMP_{}", pick(OPERATORS, next())));
                json!({"index": index, "op": operator, "value": edge(next()), "valueTwo": edge(next())})
            })
            .collect();
        rules.push(json!({"names": names, "action": action, "args": args}));
    }
    let arches: Vec<_> = arches.into_iter().map(|(_, name)| name).collect();
    json!({"defaultAction": default, "architectures": arches, "syscalls": rules})
}

/// Numbers around the borders of 32 and 64 bits.
fn edge(byte: u8) -> u64 {
    let borders = [0, 1 << 31, 1 << 32, 1 << 63, u64::MAX, 0x5555_5555_aaaa_aaaa, 0xffff_ffff_0000_0000, 1 << 33];
    borders[usize::from(byte % 8)].wrapping_add(u64::from(byte / 8 % 8)).wrapping_sub(u64::from(byte / 64))
}

/// The calls that the section names and their neighbours, with arguments at and around what it compares them with.
fn every_call(section: &LinuxSeccomp, mut check: impl FnMut(Call)) {
    let groups = || section.syscalls().iter().flatten().take(32);
    let names: BTreeSet<_> = groups().flat_map(LinuxSyscall::names).take(12).collect();
    let mut values: Vec<_> =
        groups().flat_map(|group| group.args().iter().flatten()).map(LinuxSeccompArg::value).collect();
    values.push(0);
    values.truncate(2);
    let around: Vec<_> = values.iter().flat_map(|value| [value.wrapping_sub(1), *value, value << 32 | value]).collect();
    for abi in arch::FAMILY {
        let numbers = names.iter().filter_map(|name| calls::ways(name, *abi)).flatten().flatten().map(|way| way.number);
        for number in numbers.flat_map(|number| [number, number + 1]).chain([abi.base, abi.base + 9999]) {
            for (at, first) in around.iter().enumerate() {
                let second = around[(at * 7 + 3) % around.len()];
                let arguments = [*first, second, *first, second, *first, second];
                check(Call { number, arch: abi.audit, arguments });
            }
        }
    }
    check(Call { number: u32::MAX, arch: arch::X86_64, arguments: [0; 6] });
    check(Call { number: 0, arch: 0xc000_00b7, arguments: [0; 6] });
}

#[cfg(test)]
mod tests {
    #[test]
    fn corpus() {
        super::replay::replay("seccomp", super::seccomp);
    }
}
