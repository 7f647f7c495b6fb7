//! Standard output.

use crate::failure::{Failure, Outcome};
use std::io;

/// Prints text, and that is all there is to do. Nothing is held back: a write that fails is an error.
pub(crate) fn print(text: &str) -> Outcome {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(rustix::stdio::stdout(), rest));
        let written =
            written.map_err(|errno| Failure::of(&io::Error::from(errno)).after("write to standard output"))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(0)
}
