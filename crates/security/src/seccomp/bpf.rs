//! Programs of the classic BPF machine, as seccomp(2) takes them, put together from their end: every jump
//! goes forward, so each target is known before the jump to it is written.

/// `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Class, size and mode, or operation.
    pub(crate) code: u16,
    /// Instructions to skip where a test is true.
    pub(crate) yes: u8,
    /// Instructions to skip where it is false.
    pub(crate) no: u8,
    /// The operand.
    pub(crate) k: u32,
}

/// `BPF_LD | BPF_W | BPF_ABS`.
pub(crate) const LOAD: u16 = 0x20;
/// `BPF_ALU | BPF_AND | BPF_K`.
pub(crate) const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JA`.
pub(crate) const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
pub(crate) const EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT | BPF_K`.
pub(crate) const ABOVE: u16 = 0x25;
/// `BPF_JMP | BPF_JGE | BPF_K`.
pub(crate) const AT_LEAST: u16 = 0x35;
/// `BPF_RET | BPF_K`.
pub(crate) const RETURN: u16 = 0x06;

/// Where `struct seccomp_data` has the call's number.
pub(crate) const NUMBER: u32 = 0;
/// Where it has the `AUDIT_ARCH_*`.
pub(crate) const ARCH: u32 = 4;
/// `BPF_MAXINSNS`: the kernel takes no longer program.
pub(crate) const LONGEST: usize = 4096;

/// A place in a program: how many instructions there are from there to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(usize);

/// A program that grows at its beginning.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// The last one first.
    reversed: Vec<Instruction>,
    /// The newest instruction that returns each value.
    answers: Vec<(u32, Mark)>,
    /// For places that are far by now: the newest instruction that does the same.
    copies: Vec<(Mark, Mark)>,
    /// It got too long: nothing is added any more.
    full: bool,
}

impl Program {
    /// Returns `value`.
    pub(crate) fn answer(&mut self, value: u32) -> Mark {
        match self.answers.iter().position(|(answer, _)| *answer == value) {
            Some(index) if self.is_near(self.answers[index].1) => self.answers[index].1,
            found => {
                found.map(|index| self.answers.swap_remove(index));
                let mark = self.put(RETURN, value);
                self.answers.push((value, mark));
                mark
            }
        }
    }

    /// Puts a load or an operation before all that there is.
    pub(crate) fn put(&mut self, code: u16, k: u32) -> Mark {
        self.push(Instruction { code, yes: 0, no: 0, k })
    }

    /// Puts a test of the accumulator that goes on at `yes` or `no`.
    pub(crate) fn test(&mut self, code: u16, k: u32, yes: Mark, no: Mark) -> Mark {
        if yes == no {
            return yes;
        }
        let (yes, no) = (self.near(yes), self.near(no));
        let skip = |mark| u8::try_from(self.distance(mark)).unwrap_or(u8::MAX);
        self.push(Instruction { code, yes: skip(yes), no: skip(no), k })
    }

    /// Makes what is put next go on at `mark`.
    pub(crate) fn go(&mut self, mark: Mark) {
        if self.distance(mark) != 0 {
            self.put(JUMP, u32::try_from(self.distance(mark)).unwrap_or(u32::MAX));
        }
    }

    /// `mark`, or something that does the same and is near enough for a test. Returning again is as short as
    /// a jump there.
    fn near(&mut self, mark: Mark) -> Mark {
        let copy = self.copies.iter().position(|(original, _)| *original == mark);
        let newest = copy.map_or(mark, |index| self.copies[index].1);
        if self.is_near(newest) {
            return newest;
        }
        copy.map(|index| self.copies.swap_remove(index));
        let there = mark.0.checked_sub(1).and_then(|index| self.reversed.get(index)).copied();
        let made = match there {
            Some(back) if back.code == RETURN => self.put(RETURN, back.k),
            _ => {
                self.go(mark);
                Mark(self.reversed.len())
            }
        };
        self.copies.push((mark, made));
        made
    }

    /// A test skips 255 instructions at most, and one may still come between, for its other target.
    fn is_near(&self, mark: Mark) -> bool {
        self.distance(mark) < usize::from(u8::MAX)
    }

    fn distance(&self, mark: Mark) -> usize {
        self.reversed.len() - mark.0
    }

    fn push(&mut self, one: Instruction) -> Mark {
        self.full |= self.reversed.len() >= LONGEST;
        if !self.full {
            self.reversed.push(one);
        }
        Mark(self.reversed.len())
    }

    /// The program, if it is not longer than the kernel takes.
    pub(crate) fn finish(mut self) -> Option<Vec<Instruction>> {
        self.reversed.reverse();
        (!self.full).then_some(self.reversed)
    }
}

/// The bytes of a program, in the machine's byte order.
pub(crate) fn bytes(program: &[Instruction]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(program));
    for one in program {
        bytes.extend_from_slice(&one.code.to_ne_bytes());
        bytes.extend_from_slice(&[one.yes, one.no]);
        bytes.extend_from_slice(&one.k.to_ne_bytes());
    }
    bytes
}
