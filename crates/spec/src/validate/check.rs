//! What all rules have in common.

use crate::error::Fault;

/// Whether a rule holds.
pub(crate) type Check = Result<(), Fault>;

/// A number that has to be in a range.
pub(super) fn in_range<T: PartialOrd + std::fmt::Display>(
    pointer: impl FnOnce() -> String,
    value: Option<T>,
    range: std::ops::RangeInclusive<T>,
) -> Check {
    match value {
        Some(value) if !range.contains(&value) => {
            let rule = format!("must be from {} to {}", range.start(), range.end());
            Err(Fault::new(pointer(), value, rule))
        }
        _ => Ok(()),
    }
}
