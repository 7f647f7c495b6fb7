//! libseccomp's own filter, for tests: what ours must decide alike. (Where several rules of a call have
//! conditions, libseccomp 2.5.4 does not always do what they say, so it is not what makes our filters.)

use super::interpreter::program;
use crate::seccomp::arch::Arch;
use crate::seccomp::bpf::Instruction;
use crate::seccomp::profile::{ACTION, Condition, ERRNO, NOTIFY, Profile, TRACE};
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rustix::fs::MemfdFlags;
use spec::oci::{LinuxSeccompAction, LinuxSeccompOperator as Operator};
use std::fs::File;
use std::io::{Read, Seek};

/// As libseccomp names it.
pub(in crate::seccomp) fn token(arch: Arch) -> ScmpArch {
    arch.name.to_string().parse().unwrap()
}

/// The filter for a profile whose calls libseccomp all knows.
pub(super) fn generate(profile: &Profile<'_>) -> Vec<Instruction> {
    libseccomp::set_api(6).unwrap();
    let mut filter = ScmpFilterContext::new(action(profile.default)).unwrap();
    for arch in &profile.arches {
        filter.add_arch(token(*arch)).unwrap();
    }
    if !profile.rules.is_empty() {
        filter.set_ctl_optimize(2).unwrap();
    }
    for call in &profile.calls {
        let number = ScmpSyscall::from_name(call.name).unwrap();
        for rule in profile.rules(call) {
            let conditions: Vec<_> = profile.conditions(rule).iter().map(compare).collect();
            filter.add_rule_conditional(action(rule.action), number, &conditions).unwrap();
        }
    }
    let memory = rustix::fs::memfd_create("seccomp", MemfdFlags::CLOEXEC).unwrap();
    filter.export_bpf(&memory).unwrap();
    let (mut memory, mut bytes) = (File::from(memory), Vec::new());
    memory.rewind().unwrap();
    memory.read_to_end(&mut bytes).unwrap();
    program(&bytes).unwrap()
}

fn compare(condition: &Condition) -> ScmpArgCompare {
    let operator = match condition.operator {
        Operator::ScmpCmpNe => ScmpCompareOp::NotEqual,
        Operator::ScmpCmpLt => ScmpCompareOp::Less,
        Operator::ScmpCmpLe => ScmpCompareOp::LessOrEqual,
        Operator::ScmpCmpEq => ScmpCompareOp::Equal,
        Operator::ScmpCmpGe => ScmpCompareOp::GreaterEqual,
        Operator::ScmpCmpGt => ScmpCompareOp::Greater,
        Operator::ScmpCmpMaskedEq => ScmpCompareOp::MaskedEqual(condition.mask),
    };
    ScmpArgCompare::new(condition.index.into(), operator, condition.value)
}

/// libseccomp's word for a `SECCOMP_RET_*` value.
#[allow(clippy::cast_possible_truncation, reason = "the low half is the data")]
fn action(value: u32) -> ScmpAction {
    let is = |action: LinuxSeccompAction| value == action.as_u32(None);
    match value & ACTION {
        ERRNO => ScmpAction::Errno((value & !ACTION).cast_signed()),
        TRACE => ScmpAction::Trace(value as u16),
        NOTIFY => ScmpAction::Notify,
        _ if is(LinuxSeccompAction::ScmpActAllow) => ScmpAction::Allow,
        _ if is(LinuxSeccompAction::ScmpActLog) => ScmpAction::Log,
        _ if is(LinuxSeccompAction::ScmpActTrap) => ScmpAction::Trap,
        _ if is(LinuxSeccompAction::ScmpActKillProcess) => ScmpAction::KillProcess,
        _ => ScmpAction::KillThread,
    }
}
