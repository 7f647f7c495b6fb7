//! Standard output.

use crate::failure::{Failure, Outcome};
use std::io::Write as _;

/// Prints text, and that is all there is to do.
pub(crate) fn print(text: &str) -> Outcome {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| Failure::of(&error).after("write to standard output"))?;
    Ok(0)
}
