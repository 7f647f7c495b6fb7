//! An eBPF program in the making, with jumps to places that are known later.

use sys::bpf::Instruction;

// Instruction codes: linux/bpf.h, linux/bpf_common.h.
const LOAD_WORD: u8 = 0x61;
const AND: u8 = 0x57;
const SHIFT_RIGHT: u8 = 0x77;
const MOVE: u8 = 0xb7;
const JUMP: u8 = 0x05;
const JUMP_EQUAL: u8 = 0x15;
const JUMP_NOT_EQUAL: u8 = 0x55;
const JUMP_SET: u8 = 0x45;
const EXIT: u8 = 0x95;

/// The register of the answer.
const ANSWER: u8 = 0;

/// A place in a program, to be jumped to from before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label(usize);

/// One instruction: see "eBPF Instruction Set", struct `bpf_insn`.
#[derive(Debug, Clone, Copy)]
struct One {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    immediate: i32,
}

/// The program.
#[derive(Debug, Default)]
pub(super) struct Program {
    instructions: Vec<(One, Option<Label>)>,
    places: Vec<usize>,
}

impl Program {
    pub(super) fn label(&mut self) -> Label {
        self.places.push(usize::MAX);
        Label(self.places.len() - 1)
    }

    /// A label leads to what comes next.
    pub(super) fn place(&mut self, label: Label) {
        let next = self.instructions.len();
        if let Some(place) = self.places.get_mut(label.0) {
            *place = next;
        }
    }

    pub(super) fn load_word(&mut self, to: u8, from: u8, offset: i16) {
        self.push(One { code: LOAD_WORD, to, from, offset, immediate: 0 }, None);
    }

    pub(super) fn and(&mut self, to: u8, value: i32) {
        self.push(One { code: AND, to, from: 0, offset: 0, immediate: value }, None);
    }

    pub(super) fn shift_right(&mut self, to: u8, bits: i32) {
        self.push(One { code: SHIFT_RIGHT, to, from: 0, offset: 0, immediate: bits }, None);
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.jump_if(JUMP, 0, 0, label);
    }

    pub(super) fn jump_equal(&mut self, register: u8, value: i32, label: Label) {
        self.jump_if(JUMP_EQUAL, register, value, label);
    }

    pub(super) fn jump_not_equal(&mut self, register: u8, value: i32, label: Label) {
        self.jump_if(JUMP_NOT_EQUAL, register, value, label);
    }

    /// Where the register has one of these bits.
    pub(super) fn jump_set(&mut self, register: u8, bits: i32, label: Label) {
        self.jump_if(JUMP_SET, register, bits, label);
    }

    pub(super) fn answer(&mut self, value: i32) {
        self.push(One { code: MOVE, to: ANSWER, from: 0, offset: 0, immediate: value }, None);
        self.push(One { code: EXIT, to: 0, from: 0, offset: 0, immediate: 0 }, None);
    }

    fn jump_if(&mut self, code: u8, register: u8, value: i32, label: Label) {
        self.push(One { code, to: register, from: 0, offset: 0, immediate: value }, Some(label));
    }

    fn push(&mut self, instruction: One, label: Option<Label>) {
        self.instructions.push((instruction, label));
    }

    /// The program in the kernel's encoding. None where a jump is longer than can be said.
    pub(super) fn finish(self) -> Option<Vec<Instruction>> {
        let encode = |(number, (one, label)): (usize, &(One, Option<Label>))| {
            let offset = match label {
                // From behind the jump.
                Some(label) => i16::try_from(self.places.get(label.0)?.checked_sub(number + 1)?).ok()?,
                None => one.offset,
            };
            Some(One { offset, ..*one }.encode())
        };
        self.instructions.iter().enumerate().map(encode).collect()
    }
}

impl One {
    fn encode(self) -> Instruction {
        let [low, high] = self.offset.to_ne_bytes();
        let [a, b, c, d] = self.immediate.to_ne_bytes();
        let registers =
            if cfg!(target_endian = "little") { self.from << 4 | self.to } else { self.to << 4 | self.from };
        Instruction::from_ne_bytes([self.code, registers, low, high, a, b, c, d])
    }
}
