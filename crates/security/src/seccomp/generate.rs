//! A profile as a program. For each architecture the numbers fall into segments that are answered alike; a
//! binary tree finds the segment, so that no call waits long for its answer, and the kernel, which tries every
//! number when a filter is installed, is done soon.

use super::arch::{Arch, X32, X86_64};
use super::bpf::{ARCH, AT_LEAST, EQUAL, Instruction, LOAD, Mark, NUMBER, Program};
use super::calls;
use super::decide::{Test, decide};
use super::profile::{ACTION, ALLOW, Condition, ERRNO, LOG, Profile, Rule, TRACE};
use spec::oci::LinuxSeccompOperator as Operator;
use std::borrow::Cow;

/// What calls get that the profile's author can't have known: a program that tries them falls back to older
/// ones. `SECCOMP_RET_ERRNO` with `ENOSYS`.
const ENOSYS: u32 = ERRNO | 0x26;

/// What a call of another architecture gets, as with libseccomp. `SECCOMP_RET_KILL_THREAD`.
const BAD_ARCH: u32 = 0;

/// The numbers from `first` to the next segment's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment<'p> {
    first: u32,
    decision: Decision<'p>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision<'p> {
    /// Whatever the arguments are.
    Answer(u32),
    /// By the arguments, which have 64 bits where `wide`.
    Tests { tests: Vec<Test<'p>>, wide: bool },
}

/// A way to make a call of the profile.
struct Numbered {
    number: u32,
    /// The call, by its place in [`Profile::calls`].
    call: u32,
    selector: Option<u32>,
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
fn tree(program: &mut Program, segments: &[Segment<'_>], default: u32) -> Mark {
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
fn segments<'p>(profile: &'p Profile<'_>, arch: Arch) -> Vec<Segment<'p>> {
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

fn push_segments<'p>(profile: &'p Profile<'_>, arch: Arch, to: &mut Vec<Segment<'p>>) {
    let calls = numbered(profile, arch);
    let mut end = arch.base;
    for same in calls.chunk_by(|one, other| one.number == other.number) {
        let (Some(call), Some(decision)) = (same.first(), decision(profile, same, arch.wide)) else { continue };
        if call.number > end {
            push(to, end, Decision::Answer(profile.default));
        }
        push(to, call.number, decision);
        end = call.number + 1;
    }
    push(to, end, Decision::Answer(profile.default));
    if let Some(newest) = calls.last().filter(|_| answers_enosys(profile.default)) {
        // A short list says nothing about calls of before Linux 3.0: nobody expects that one may be missing,
        // and its denial must look like one.
        push(to, newest.number.max(arch.old) + 1, Decision::Answer(ENOSYS));
    }
}

/// Adds a segment, in the order of numbers. It replaces one that begins at the same number, and is left out
/// where it only continues the last.
fn push<'p>(segments: &mut Vec<Segment<'p>>, first: u32, decision: Decision<'p>) {
    segments.pop_if(|last| last.first == first);
    if segments.last().is_none_or(|last| last.decision != decision || matches!(decision, Decision::Tests { .. })) {
        segments.push(Segment { first, decision });
    }
}

/// The calls of the profile that `arch` has, in the order of their numbers, and of the profile where those are alike.
fn numbered(profile: &Profile<'_>, arch: Arch) -> Vec<Numbered> {
    let mut all = Vec::with_capacity(profile.calls.len());
    for (place, call) in (0..).zip(&profile.calls) {
        let ways = call.numbers.ways(call.name, arch);
        let numbered = |way: calls::Way| Numbered { number: way.number, call: place, selector: way.selector };
        all.extend(ways.into_iter().flatten().map(numbered));
    }
    all.sort_unstable_by_key(|one| u64::from(one.number) << 32 | u64::from(one.call));
    all
}

/// What is done with calls of one number; nothing where no rule is about them.
fn decision<'p>(profile: &'p Profile<'_>, calls: &[Numbered], wide: bool) -> Option<Decision<'p>> {
    let bits = if wide { u64::MAX } else { u32::MAX.into() };
    let rules = || {
        let calls = calls.iter().filter_map(|one| Some((one.selector, profile.calls.get(one.call as usize)?)));
        calls.flat_map(|(selector, call)| profile.rules(call).iter().map(move |rule| (selector, rule)))
    };
    // A rule that is met by any arguments has no conditions, or none that looks at a bit. It is stronger than all others,
    // wherever it stands, as in libseccomp.
    let always = |(selector, rule): &(Option<u32>, &Rule)| {
        selector.is_none() && profile.conditions(rule).iter().all(|condition| condition.mask & bits == 0)
    };
    if let Some((_, rule)) = rules().find(always) {
        return Some(Decision::Answer(rule.action));
    }
    let tests: Vec<_> = rules().map(|(selector, rule)| test(profile, selector, rule)).collect();
    (!tests.is_empty()).then_some(Decision::Tests { tests, wide })
}

fn test<'p>(profile: &'p Profile<'_>, selector: Option<u32>, rule: &Rule) -> Test<'p> {
    let all = profile.conditions(rule);
    let conditions = match selector {
        None => Cow::Borrowed(all),
        // As libseccomp does it: what the rule says of the first argument is lost. A call through a multiplexer can't be
        // judged by its arguments.
        Some(selector) => {
            let first = Condition { index: 0, operator: Operator::ScmpCmpEq, mask: u64::MAX, value: selector.into() };
            std::iter::once(first).chain(all.iter().copied().filter(|condition| condition.index != 0)).collect()
        }
    };
    Test { conditions, action: rule.action }
}

/// Whether calls from after the profile are told so. Not where all is allowed that no rule forbids (a tracer
/// answers for itself), nor where that is what they get anyway.
fn answers_enosys(default: u32) -> bool {
    !matches!(default & ACTION, ALLOW | LOG | TRACE) && default != ENOSYS
}
