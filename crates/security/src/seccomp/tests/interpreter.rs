//! The kernel's filter machine, for tests: `kernel/seccomp.c` and `net/core/filter.c`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a program that the kernel would not take ends the test")]

use crate::seccomp::bpf::{ABOVE, AND, AT_LEAST, EQUAL, Instruction, JUMP, LOAD, LONGEST, RETURN};

/// `struct seccomp_data`.
#[derive(Debug, Clone, Copy)]
pub(in crate::seccomp) struct Call {
    pub(in crate::seccomp) number: u32,
    pub(in crate::seccomp) arch: u32,
    pub(in crate::seccomp) arguments: [u64; 6],
}

impl Call {
    fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..4].copy_from_slice(&self.number.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.arch.to_ne_bytes());
        bytes[8..16].copy_from_slice(&0x7fff_dead_beef_u64.to_ne_bytes());
        for (at, argument) in self.arguments.iter().enumerate() {
            bytes[16 + 8 * at..24 + 8 * at].copy_from_slice(&argument.to_ne_bytes());
        }
        bytes
    }
}

/// What the filter says to the call, and after how many instructions.
pub(in crate::seccomp) fn run(program: &[Instruction], call: &Call) -> (u32, usize) {
    let data = call.bytes();
    let (mut accumulator, mut at, mut steps) = (0u32, 0usize, 0usize);
    loop {
        let one = program[at];
        (at, steps) = (at + 1, steps + 1);
        let mut skip = |test: bool| at += usize::from(if test { one.yes } else { one.no });
        match one.code {
            LOAD => {
                let place = one.k as usize;
                accumulator = u32::from_ne_bytes(data[place..place + 4].try_into().unwrap());
            }
            AND => accumulator &= one.k,
            JUMP => at += one.k as usize,
            EQUAL => skip(accumulator == one.k),
            ABOVE => skip(accumulator > one.k),
            AT_LEAST => skip(accumulator >= one.k),
            RETURN => return (one.k, steps),
            other => panic!("instruction {other:#x}"),
        }
    }
}

/// The program in `bytes`, if it is one that the kernel takes: it loads only what there is, jumps only
/// forward and not beyond its end, and ends by returning.
pub(in crate::seccomp) fn program(bytes: &[u8]) -> Option<Vec<Instruction>> {
    let (whole, rest) = bytes.as_chunks::<8>();
    let program: Vec<_> = whole
        .iter()
        .map(|&[a, b, yes, no, k @ ..]| Instruction {
            code: u16::from_ne_bytes([a, b]),
            yes,
            no,
            k: u32::from_ne_bytes(k),
        })
        .collect();
    let count = program.len();
    let lands = |index: usize, skip: usize| index.checked_add(skip).is_some_and(|at| at + 1 < count);
    let good = program.iter().enumerate().all(|(index, one)| match one.code {
        LOAD => one.k % 4 == 0 && one.k < 64 && lands(index, 0),
        AND => lands(index, 0),
        JUMP => usize::try_from(one.k).is_ok_and(|skip| lands(index, skip)),
        EQUAL | ABOVE | AT_LEAST => lands(index, one.yes.into()) && lands(index, one.no.into()),
        RETURN => true,
        _ => false,
    });
    (rest.is_empty() && good && (1..=LONGEST).contains(&count)).then_some(program)
}
