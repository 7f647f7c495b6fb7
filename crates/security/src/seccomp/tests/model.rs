//! What a section means, call by call, straight from its words: what compiled filters are compared with.

use super::interpreter::Call;
use crate::seccomp::arch::{self, Arch, X32, X86_64};
use crate::seccomp::calls;
use spec::oci::{LinuxSeccomp, LinuxSeccompArg, LinuxSeccompOperator as Operator, LinuxSyscall};

/// A section, with the numbers of its calls looked up.
pub(in crate::seccomp) struct Model<'a> {
    section: &'a LinuxSeccomp,
    /// By ABI, as [`arch::FAMILY`] has them, and by group.
    numbers: Vec<Vec<Vec<u32>>>,
}

impl<'a> Model<'a> {
    pub(in crate::seccomp) fn new(section: &'a LinuxSeccomp) -> Self {
        let of = |group: &LinuxSyscall, arch| group.names().iter().flat_map(|name| numbers(name, arch)).collect();
        let groups = section.syscalls().as_deref().unwrap_or_default();
        let numbers = arch::FAMILY.iter().map(|arch| groups.iter().map(|group| of(group, *arch)).collect()).collect();
        Model { section, numbers }
    }

    /// The calls that the section names.
    #[cfg(test)]
    pub(in crate::seccomp) fn names(&self) -> Vec<&'a str> {
        self.section.syscalls().iter().flatten().flat_map(LinuxSyscall::names).map(String::as_str).collect()
    }

    /// The answers that a filter may give to a call: one, but where rules that contradict each other are met.
    pub(in crate::seccomp) fn answers(&self, call: &Call) -> Vec<u32> {
        let section = self.section;
        let default = section.default_action().as_u32(section.default_errno_ret());
        let listed = section.architectures().as_deref().unwrap_or_default();
        let x32 = call.arch == X86_64 && call.number >= X32;
        let at = arch::FAMILY.iter().position(|arch| arch.audit == call.arch && (arch.base == X32) == x32);
        let Some(at) = at.filter(|at| *at == 0 || listed.contains(&arch::FAMILY[*at].name)) else {
            return vec![if x32 && call.number == u32::MAX { default } else { 0 }];
        };
        let (arch, numbers) = (arch::FAMILY[at], &self.numbers[at]);
        let action = |group: &LinuxSyscall| group.action().as_u32(group.errno_ret());
        let groups = section.syscalls().as_deref().unwrap_or_default().iter().zip(numbers);
        let named = groups.filter(|(_, numbers)| numbers.contains(&call.number)).map(|(group, _)| group);
        let of_call: Vec<_> = named.filter(|group| action(group) != default).collect();
        if let Some(always) = of_call.iter().find(|group| always(group, arch)) {
            return vec![action(always)];
        }
        let met: Vec<_> = of_call.iter().filter(|group| meets(group, call, arch)).map(|group| action(group)).collect();
        if !met.is_empty() {
            return met;
        }
        let newest = numbers.iter().flatten().max().map(|number| arch.old.max(*number));
        let permissive = matches!(default & 0xffff_0000, 0x7fff_0000 | 0x7ffc_0000 | 0x7ff0_0000);
        vec![if newest.is_some_and(|newest| call.number > newest) && !permissive { 0x5_0026 } else { default }]
    }
}

fn numbers(name: &str, arch: Arch) -> Vec<u32> {
    calls::ways(name, arch).into_iter().flatten().flatten().map(|way| way.number).collect()
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
