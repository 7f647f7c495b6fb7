//! Device rules as an eBPF program for a v2 cgroup.
//!
//! The kernel gives it (register 1) what is wanted: a word of kind (low half) and access (high half), the major
//! and the minor number. It answers 1 to allow, 0 to deny. The rules are walked from the last to the first with
//! the access that no rule has decided yet in register 3: a denying rule that meets some of it ends in 0, an
//! allowing rule takes its part away, and when nothing is left the answer is 1.

use super::rules::{Rule, Rules};
use sys::bpf::Instruction;

// Instruction codes: linux/bpf.h, linux/bpf_common.h.
const LOAD_WORD: u8 = 0x61;
const AND: u8 = 0x57;
const SHIFT_RIGHT: u8 = 0x77;
const MOVE: u8 = 0xb7;
const JUMP: u8 = 0x05;
const JUMP_NOT_EQUAL: u8 = 0x55;
const JUMP_SET: u8 = 0x45;
const EXIT: u8 = 0x95;

// Registers.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const UNDECIDED: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// One instruction: see "eBPF Instruction Set", struct `bpf_insn`.
fn instruction(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    let [low, high] = offset.to_ne_bytes();
    let [a, b, c, d] = immediate.to_ne_bytes();
    let registers = if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
    Instruction::from_ne_bytes([code, registers, low, high, a, b, c, d])
}

fn answer(allow: bool) -> [Instruction; 2] {
    [instruction(MOVE, ANSWER, 0, 0, i32::from(allow)), instruction(EXIT, 0, 0, 0, 0)]
}

/// The program for some rules.
pub(crate) fn compile(rules: &Rules) -> Vec<Instruction> {
    let mut program = vec![
        instruction(LOAD_WORD, KIND, CONTEXT, 0, 0),
        instruction(AND, KIND, 0, 0, 0xffff),
        instruction(LOAD_WORD, UNDECIDED, CONTEXT, 0, 0),
        instruction(SHIFT_RIGHT, UNDECIDED, 0, 0, 16),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for rule in rules.list.iter().rev() {
        program.extend(one(rule));
    }
    program.extend(answer(rules.allow_by_default));
    program
}

/// One rule's part.
fn one(rule: &Rule) -> Vec<Instruction> {
    let mut conditions = vec![(KIND, rule.kind as i32)];
    for (register, number) in [(MAJOR, rule.major), (MINOR, rule.minor)] {
        match number.map(i32::try_from) {
            None => {}
            Some(Ok(number)) => conditions.push((register, number)),
            // No device has such a number (they end at 2^20), so the rule is about none.
            Some(Err(_)) => return Vec::new(),
        }
    }
    let access = i32::from(rule.access.bits());
    let act = if rule.allow {
        // The last two are passed over while something is left.
        [instruction(AND, UNDECIDED, 0, 0, !access), instruction(JUMP_NOT_EQUAL, UNDECIDED, 0, 2, 0)]
    } else {
        [instruction(JUMP_SET, UNDECIDED, 0, 1, access), instruction(JUMP, 0, 0, 2, 0)]
    };
    let act: Vec<_> = act.into_iter().chain(answer(rule.allow)).collect();
    let mut part = Vec::with_capacity(conditions.len() + act.len());
    for (number, (register, value)) in conditions.iter().enumerate() {
        // A condition that does not hold leads past the other conditions and the act: at most 6 instructions.
        let rest = conditions.len() - number - 1 + act.len();
        part.push(instruction(JUMP_NOT_EQUAL, *register, 0, i16::try_from(rest).unwrap_or_default(), *value));
    }
    part.extend(act);
    part
}
