//! A profile as a program. For each architecture the numbers fall into segments that are answered alike; a
//! binary tree finds the segment, so that no call waits long for its answer, and the kernel, which tries every
//! number when a filter is installed, is done soon.

use super::arch::{Arch, X32, X86_64};
use super::bpf::{ARCH, AT_LEAST, EQUAL, Instruction, LOAD, Mark, NUMBER, Program};
use super::calls::{self, Way};
use super::decide::{Test, decide};
use super::profile::{ACTION, ALLOW, Condition, ERRNO, LOG, Profile, TRACE};
use spec::oci::LinuxSeccompOperator as Operator;

/// What calls get that the profile's author can't have known: a program that tries them falls back to older
/// ones. `SECCOMP_RET_ERRNO` with `ENOSYS`.
const ENOSYS: u32 = ERRNO | 0x26;

/// What a call of another architecture gets, as with libseccomp. `SECCOMP_RET_KILL_THREAD`.
const BAD_ARCH: u32 = 0;

/// The numbers from `first` to the next segment's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    first: u32,
    decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    /// Whatever the arguments are.
    Answer(u32),
    /// By the arguments, which have 64 bits where `wide`.
    Tests { tests: Vec<Test>, wide: bool },
}

/// The program; nothing where it would be longer than the kernel takes.
pub(crate) fn generate(profile: &Profile<'_>) -> Option<Vec<Instruction>> {
    let mut program = Program::default();
    let mut entries = Vec::new();
    // x32 is no architecture of its own to the kernel: its numbers are far above.
    for arch in profile.arches.iter().filter(|arch| arch.base == 0) {
        let start = tree(&mut program, &segments(profile, *arch), profile.default);
        program.go(start);
        entries.push((arch.audit, program.put(LOAD, NUMBER)));
    }
    let other = program.answer(BAD_ARCH);
    // The native one is tested first, so it is written last.
    let start = entries.iter().rev().fold(other, |other, (audit, entry)| program.test(EQUAL, *audit, *entry, other));
    program.go(start);
    program.put(LOAD, ARCH);
    program.finish()
}

/// Finds the number, which the accumulator has, among segments.
fn tree(program: &mut Program, segments: &[Segment], default: u32) -> Mark {
    match segments.split_at_checked(segments.len() / 2) {
        Some((left @ [_, ..], right @ [middle, ..])) => {
            let right = tree(program, right, default);
            let left = tree(program, left, default);
            program.test(AT_LEAST, middle.first, right, left)
        }
        _ => match segments.first().map(|segment| &segment.decision) {
            Some(Decision::Tests { tests, wide }) => decide(program, tests, *wide, default),
            Some(Decision::Answer(answer)) => program.answer(*answer),
            None => program.answer(default),
        },
    }
}

/// All numbers that the kernel shows with the audit value of `arch`, from 0 on.
fn segments(profile: &Profile<'_>, arch: Arch) -> Vec<Segment> {
    let mut segments = Vec::new();
    push_segments(profile, arch, &mut segments);
    if arch.audit == X86_64 {
        if let Some(x32) = profile.arches.iter().find(|arch| arch.base == X32) {
            push_segments(profile, *x32, &mut segments);
        } else {
            push(&mut segments, X32, Decision::Answer(BAD_ARCH));
            // A tracer sets -1 to have a call skipped.
            push(&mut segments, u32::MAX, Decision::Answer(profile.default));
        }
    }
    segments
}

fn push_segments(profile: &Profile<'_>, arch: Arch, to: &mut Vec<Segment>) {
    let ways: Vec<_> = profile.names.iter().map(|name| calls::ways(name, arch)).collect();
    push(to, arch.base, Decision::Answer(profile.default));
    for rules in tests(profile, &ways).chunk_by(|(one, _), (other, _)| one == other) {
        let Some((number, _)) = rules.first() else { continue };
        let number = *number;
        // One without conditions is stronger than all others, wherever it stands, as in libseccomp.
        let decision = match rules.iter().find(|(_, test)| is_always(test, arch)) {
            Some((_, always)) => Decision::Answer(always.action),
            None => Decision::Tests { tests: rules.iter().map(|(_, test)| test.clone()).collect(), wide: arch.wide },
        };
        push(to, number, decision);
        push(to, number + 1, Decision::Answer(profile.default));
    }
    let newest = ways.iter().flatten().flatten().map(|way| way.number).max();
    if let Some(newest) = newest.filter(|_| answers_enosys(profile.default)) {
        // A short list says nothing about calls of before Linux 3.0: nobody expects that one may be missing,
        // and its denial must look like one.
        push(to, newest.max(arch.old) + 1, Decision::Answer(ENOSYS));
    }
}

/// Adds a segment, in the order of numbers. It replaces one that begins at the same number, and is left out
/// where it only continues the last.
fn push(segments: &mut Vec<Segment>, first: u32, decision: Decision) {
    segments.pop_if(|last| last.first == first);
    if segments.last().is_none_or(|last| last.decision != decision || matches!(decision, Decision::Tests { .. })) {
        segments.push(Segment { first, decision });
    }
}

/// The rules with the numbers of their calls, in the order of those, and of the profile where they are alike; `ways`
/// are those of the profile's names.
fn tests(profile: &Profile<'_>, ways: &[[Option<Way>; 2]]) -> Vec<(u32, Test)> {
    let mut tests = Vec::with_capacity(profile.rules.len());
    for rule in &profile.rules {
        for way in ways.get(rule.call).into_iter().flatten().flatten() {
            let mut conditions = rule.conditions.clone();
            if let Some(selector) = way.selector {
                // As libseccomp does it: what the rule says of the first argument is lost. A call through a
                // multiplexer can't be judged by its arguments.
                conditions.retain(|condition| condition.index != 0);
                let value = selector.into();
                conditions.insert(0, Condition { index: 0, operator: Operator::ScmpCmpEq, mask: u64::MAX, value });
            }
            tests.push((way.number, Test { conditions, action: rule.action }));
        }
    }
    tests.sort_by_key(|(number, _)| *number);
    tests
}

/// Whether a rule is met by any arguments: it has no conditions, or none that looks at a bit.
fn is_always(test: &Test, arch: Arch) -> bool {
    let bits = if arch.wide { u64::MAX } else { u32::MAX.into() };
    test.conditions.iter().all(|condition| condition.mask & bits == 0)
}

/// Whether calls from after the profile are told so. Not where all is allowed that no rule forbids (a tracer
/// answers for itself), nor where that is what they get anyway.
fn answers_enosys(default: u32) -> bool {
    !matches!(default & ACTION, ALLOW | LOG | TRACE) && default != ENOSYS
}
