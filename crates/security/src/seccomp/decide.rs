//! What is done with one call: its rules as instructions.

use super::bpf::{ABOVE, AND, AT_LEAST, EQUAL, LOAD, Mark, Program};
use super::profile::Condition;
use spec::oci::LinuxSeccompOperator as Operator;
use std::borrow::Cow;

/// Where `struct seccomp_data` has the arguments.
const ARGUMENTS: u32 = 16;

/// A rule of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test<'p> {
    /// All must be met.
    pub(crate) conditions: Cow<'p, [Condition]>,
    /// A `SECCOMP_RET_*` value.
    pub(crate) action: u32,
}

impl Test<'_> {
    /// The argument and the value, where the rule is no more than that.
    fn equals(&self) -> Option<(u8, u64)> {
        match self.conditions[..] {
            [Condition { index, operator: Operator::ScmpCmpEq, value, .. }] => Some((index, value)),
            _ => None,
        }
    }
}

/// The first of `tests` whose conditions are met gives its action; where none is met, it is `otherwise`.
/// Arguments have 64 bits where `wide`, else the high half of a condition's value does not count.
pub(crate) fn decide(program: &mut Program, tests: &[Test<'_>], wide: bool, otherwise: u32) -> Mark {
    let alike = |a: &Test<'_>, b: &Test<'_>| {
        let index = |test: &Test<'_>| test.equals().map(|(index, _)| index);
        index(a).is_some() && index(a) == index(b) && a.action == b.action
    };
    let mut next = program.answer(otherwise);
    for run in tests.chunk_by(alike).rev() {
        next = match run {
            [test] => all(program, test, wide, next),
            _ => any(program, run, wide, next),
        };
    }
    next
}

/// A rule with any conditions.
fn all(program: &mut Program, test: &Test<'_>, wide: bool, unmet: Mark) -> Mark {
    let met = program.answer(test.action);
    test.conditions.iter().rev().fold(met, |met, one| condition(program, *one, wide, met, unmet))
}

/// Rules that differ in the value alone that an argument has: the high half is loaded and tested once, and the
/// value looked for in a tree. A profile may have a thousand of them.
fn any(program: &mut Program, run: &[Test<'_>], wide: bool, unmet: Mark) -> Mark {
    let Some((action, (argument, _))) = run.first().and_then(|test| Some((test.action, test.equals()?))) else {
        return unmet;
    };
    let bits = if wide { u64::MAX } else { u32::MAX.into() };
    let mut values: Vec<_> = run.iter().filter_map(Test::equals).map(|(_, value)| value & bits).collect();
    values.sort_unstable();
    values.dedup();
    let [high, low] = places(argument);
    let mut next = unmet;
    for values in values.chunk_by(|one, other| halves(*one)[0] == halves(*other)[0]).rev() {
        let met = program.answer(action);
        let found = among(program, &ranges(values), met, unmet);
        program.go(found);
        let start = program.put(LOAD, low);
        let [value, _] = values.first().copied().map(halves).unwrap_or_default();
        next = if wide { program.test(EQUAL, value, start, next) } else { start };
    }
    if wide { program.put(LOAD, high) } else { next }
}

/// The low halves of values that rise and have the same high half: the first and the last one where there is none missing
/// between.
fn ranges(values: &[u64]) -> Vec<[u32; 2]> {
    let ranges = values.chunk_by(|one, next| one + 1 == *next);
    ranges.filter_map(|range| Some([*range.first()?, *range.last()?].map(|value| halves(value)[1]))).collect()
}

/// Looks for the accumulator among ranges that rise.
fn among(program: &mut Program, ranges: &[[u32; 2]], met: Mark, unmet: Mark) -> Mark {
    match ranges.split_at_checked(ranges.len() / 2) {
        Some((left, right @ [[middle, _], ..])) if ranges.len() > 4 => {
            let right = among(program, right, met, unmet);
            let left = among(program, left, met, unmet);
            program.test(AT_LEAST, *middle, right, left)
        }
        _ => ranges.iter().rev().fold(unmet, |next, [first, last]| {
            if first == last {
                return program.test(EQUAL, *first, met, next);
            }
            let found = program.test(ABOVE, *last, next, met);
            program.test(AT_LEAST, *first, found, unmet)
        }),
    }
}

/// Tests an argument: the machine has 32 bits, so the high half first.
fn condition(program: &mut Program, condition: Condition, wide: bool, met: Mark, unmet: Mark) -> Mark {
    let (test, yes, no) = match condition.operator {
        Operator::ScmpCmpEq | Operator::ScmpCmpMaskedEq => (EQUAL, met, unmet),
        Operator::ScmpCmpNe => (EQUAL, unmet, met),
        Operator::ScmpCmpGt => (ABOVE, met, unmet),
        Operator::ScmpCmpLe => (ABOVE, unmet, met),
        Operator::ScmpCmpGe => (AT_LEAST, met, unmet),
        Operator::ScmpCmpLt => (AT_LEAST, unmet, met),
    };
    let [high, low] = places(condition.index);
    let ([mask_high, mask_low], [value_high, value_low]) = (halves(condition.mask), halves(condition.value));
    let mut next = yes;
    if mask_low != 0 {
        next = program.test(test, value_low, yes, no);
        next = load(program, low, mask_low, next);
    }
    if wide && mask_high != 0 {
        next = program.test(EQUAL, value_high, next, no);
        if test != EQUAL {
            next = program.test(ABOVE, value_high, yes, next);
        }
        next = load(program, high, mask_high, next);
    }
    next
}

/// Loads half an argument, with only the bits of `mask`, and goes on at `next`.
fn load(program: &mut Program, place: u32, mask: u32, next: Mark) -> Mark {
    program.go(next);
    if mask != u32::MAX {
        program.put(AND, mask);
    }
    program.put(LOAD, place)
}

/// Where the high and the low half of an argument are.
fn places(index: u8) -> [u32; 2] {
    let place = ARGUMENTS + 8 * u32::from(index);
    if cfg!(target_endian = "little") { [place + 4, place] } else { [place, place + 4] }
}

/// The high and the low half.
#[allow(clippy::cast_possible_truncation, reason = "that is what a half is")]
fn halves(value: u64) -> [u32; 2] {
    [(value >> 32) as u32, value as u32]
}
