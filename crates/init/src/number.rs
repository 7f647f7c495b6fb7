//! Numbers as text and back: the formatter of the standard library is larger than all of init.

use arrayvec::ArrayVec;

/// The decimal digits of a number.
pub(crate) fn decimal(mut number: u64) -> ArrayVec<u8, 20> {
    let mut digits = ArrayVec::new();
    loop {
        // Twenty digits hold any 64-bit number.
        digits.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.reverse();
    digits
}

/// The number that those decimal digits, and nothing else, are.
pub(crate) fn parse(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        let value = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(value)
    })
}
