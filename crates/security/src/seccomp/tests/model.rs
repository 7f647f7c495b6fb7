//! What a section means, call by call, straight from its words: what compiled filters are compared with.

use super::interpreter::Call;
use crate::seccomp::arch::{self, Arch, X32, X86_64};
use crate::seccomp::calls;
use spec::oci::{LinuxSeccomp, LinuxSeccompArg, LinuxSeccompOperator as Operator, LinuxSyscall};

/// The answers that a filter may give to a call: one, but where rules that contradict each other are met.
pub(in crate::seccomp) fn answers(section: &LinuxSeccomp, call: &Call) -> Vec<u32> {
    let default = section.default_action().as_u32(section.default_errno_ret());
    let listed = section.architectures().as_deref().unwrap_or_default();
    let x32 = call.arch == X86_64 && call.number >= X32;
    let arch = arch::FAMILY.iter().find(|arch| arch.audit == call.arch && (arch.base == X32) == x32);
    let Some(arch) =
        arch.filter(|arch| arch.base == 0 && arch.audit == arch::FAMILY[0].audit || listed.contains(&arch.name))
    else {
        return vec![if x32 && call.number == u32::MAX { default } else { 0 }];
    };
    let groups = section.syscalls().as_deref().unwrap_or_default();
    let named = |group: &&LinuxSyscall| group.names().iter().any(|name| numbers(name, *arch).contains(&call.number));
    let differs = |group: &&LinuxSyscall| group.action().as_u32(group.errno_ret()) != default;
    let groups_of_call: Vec<_> = groups.iter().filter(named).filter(differs).collect();
    let action = |group: &LinuxSyscall| group.action().as_u32(group.errno_ret());
    if let Some(always) = groups_of_call.iter().find(|group| always(group, *arch)) {
        return vec![action(always)];
    }
    let met: Vec<_> =
        groups_of_call.iter().filter(|group| meets(group, call, *arch)).map(|group| action(group)).collect();
    if !met.is_empty() {
        return met;
    }
    let names = groups.iter().flat_map(LinuxSyscall::names);
    let newest = names.flat_map(|name| numbers(name, *arch)).max().map(|number| number.max(arch.old));
    let permissive = matches!(default & 0xffff_0000, 0x7fff_0000 | 0x7ffc_0000 | 0x7ff0_0000);
    vec![if newest.is_some_and(|newest| call.number > newest) && !permissive { 0x5_0026 } else { default }]
}

fn numbers(name: &str, arch: Arch) -> Vec<u32> {
    calls::ways(name, arch).iter().flatten().map(|way| way.number).collect()
}

fn always(group: &LinuxSyscall, arch: Arch) -> bool {
    let args = group.args().as_deref().unwrap_or_default();
    let nothing = |arg: &LinuxSeccompArg| {
        let bits = if arch.wide { u64::MAX } else { u32::MAX.into() };
        arg.op() == Operator::ScmpCmpMaskedEq && arg.value() & bits == 0
    };
    if repeats(args) { args.iter().any(nothing) } else { args.iter().all(nothing) }
}

fn repeats(args: &[LinuxSeccompArg]) -> bool {
    args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|before| before.index() == arg.index()))
}

fn meets(group: &LinuxSyscall, call: &Call, arch: Arch) -> bool {
    let args = group.args().as_deref().unwrap_or_default();
    let test = |arg: &LinuxSeccompArg| {
        let bits = if arch.wide { u64::MAX } else { u32::MAX.into() };
        let (found, value) = (call.arguments[arg.index()] & bits, arg.value() & bits);
        match arg.op() {
            Operator::ScmpCmpNe => found != value,
            Operator::ScmpCmpLt => found < value,
            Operator::ScmpCmpLe => found <= value,
            Operator::ScmpCmpEq => found == value,
            Operator::ScmpCmpGe => found >= value,
            Operator::ScmpCmpGt => found > value,
            Operator::ScmpCmpMaskedEq => found & value == arg.value_two().unwrap_or(0) & value,
        }
    };
    if repeats(args) { args.iter().any(test) } else { args.iter().all(test) }
}
