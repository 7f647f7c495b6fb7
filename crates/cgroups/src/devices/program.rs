//! Device rules as an eBPF program for a v2 cgroup.
//!
//! The kernel gives it (register 1) what is wanted: a word of kind (low half) and access (high half), the major
//! and the minor number. It answers 1 to allow, 0 to deny.
//!
//! The rules become a tree: kind, way to access, major number, minor number. No path through it asks the same twice, so
//! the kernel's verifier goes over each instruction about once. With Docker's rules one after the other, from the last to
//! the first, it took a fifth of the time of a whole `run`. Who wants no access at all, as access(2) with `F_OK`, is
//! allowed.

use super::assembly::{Label, Program};
use super::rules::{Access, Kind, Rule, Rules};
use std::collections::{BTreeMap, BTreeSet};
use sys::bpf::Instruction;

// Registers.
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// No jump passes over more instructions.
const LONGEST: usize = i16::MAX as usize;

/// The program for some rules. None where it is longer than a jump can be.
pub(crate) fn compile(rules: &Rules) -> Option<Vec<Instruction>> {
    let mut program = Program::default();
    program.load_word(KIND, CONTEXT, 0);
    program.and(KIND, 0xffff);
    program.load_word(ACCESS, CONTEXT, 0);
    program.shift_right(ACCESS, 16);
    program.load_word(MAJOR, CONTEXT, 4);
    program.load_word(MINOR, CONTEXT, 8);
    let (allow, deny) = (program.label(), program.label());
    for kind in [Kind::Character, Kind::Block] {
        let other = program.label();
        program.jump_not_equal(KIND, kind as i32, other);
        for (ways, tree) in trees(rules, kind)? {
            tree.emit(&mut program, ways, deny);
        }
        program.jump(allow);
        program.place(other);
    }
    // There is no third kind.
    program.place(deny);
    program.answer(0);
    program.place(allow);
    program.answer(1);
    program.finish()
}

/// What is decided of the devices of one kind, for one way to access them.
#[derive(PartialEq)]
struct Tree {
    majors: BTreeMap<i32, Minors>,
    others: Minors,
}

/// What is decided of the devices of one major number.
#[derive(PartialEq)]
struct Minors {
    /// These are decided the other way.
    exceptions: BTreeSet<i32>,
    others: bool,
}

/// The trees of a kind, each with the ways to access that it is for: most often reading and writing share one.
fn trees(rules: &Rules, kind: Kind) -> Option<Vec<(Access, Tree)>> {
    let mut trees: Vec<(Access, Tree)> = Vec::new();
    for way in [Access::MAKE, Access::READ, Access::WRITE] {
        let tree = Tree::of(rules, kind, way)?;
        match trees.iter_mut().find(|(_, there)| *there == tree) {
            Some((ways, _)) => *ways = ways.or(way),
            None => trees.push((way, tree)),
        }
    }
    Some(trees)
}

impl Tree {
    fn of(rules: &Rules, kind: Kind, way: Access) -> Option<Self> {
        let (mut named, mut any): (BTreeMap<u32, Vec<_>>, Vec<_>) = Default::default();
        // The last rule about a device decides, so the first that is met.
        let about = |rule: &&Rule| rule.kind == kind && rule.access.and(way) != Access::NONE;
        for met in rules.list.iter().rev().filter(about).enumerate() {
            match met.1 {
                Rule { major: Some(major), .. } => named.entry(*major).or_default().push(met),
                Rule { minor: Some(_), .. } => any.push(met),
                Rule { .. } => {
                    any.push(met);
                    break;
                }
            }
        }
        if named.len().saturating_mul(any.len()) > LONGEST {
            return None;
        }
        let others = Minors::of(any.iter(), rules.allow_by_default);
        let majors = named.into_iter().filter_map(|(major, mut list)| {
            list.extend(&any);
            list.sort_by_key(|(number, _)| *number);
            Some((device_number(major)?, Minors::of(list.iter(), rules.allow_by_default)))
        });
        Some(Tree { majors: majors.filter(|(_, minors)| *minors != others).collect(), others })
    }

    /// Goes on behind the tree where these ways to access are not wanted or are allowed.
    fn emit(&self, program: &mut Program, ways: Access, deny: Label) {
        if self.majors.is_empty() && self.others.are_all_allowed() {
            return;
        }
        let (wanted, end) = (program.label(), program.label());
        program.jump_set(ACCESS, i32::from(ways.bits()), wanted);
        program.jump(end);
        program.place(wanted);
        for (major, minors) in &self.majors {
            let next = program.label();
            program.jump_not_equal(MAJOR, *major, next);
            minors.emit(program, end, deny);
            program.place(next);
        }
        self.others.emit(program, end, deny);
        program.place(end);
    }
}

impl Minors {
    /// What a list of numbered rules, the first deciding, says of a major number that all of them are about.
    fn of<'r>(list: impl Iterator<Item = &'r (usize, &'r Rule)>, default: bool) -> Self {
        let mut decided = BTreeMap::new();
        let mut others = default;
        for (_, rule) in list {
            let Some(minor) = rule.minor else {
                others = rule.allow;
                break;
            };
            decided.entry(minor).or_insert(rule.allow);
        }
        let exceptions = decided.into_iter().filter(|(_, allow)| *allow != others);
        Minors { exceptions: exceptions.filter_map(|(minor, _)| device_number(minor)).collect(), others }
    }

    fn are_all_allowed(&self) -> bool {
        self.exceptions.is_empty() && self.others
    }

    fn emit(&self, program: &mut Program, allow: Label, deny: Label) {
        let (others, exceptions) = if self.others { (allow, deny) } else { (deny, allow) };
        for minor in &self.exceptions {
            program.jump_equal(MINOR, *minor, exceptions);
        }
        program.jump(others);
    }
}

/// None where no device has such a number: they end at 2^20.
fn device_number(number: u32) -> Option<i32> {
    i32::try_from(number).ok()
}
