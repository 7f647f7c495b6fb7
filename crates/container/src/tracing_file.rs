//! `--trace FILE`.

use crate::errno::code;
use crate::error::{Error, Result};
use launch::trace;
use std::path::Path;

/// Does `act`, noting the time of each step in a Chrome trace at `file`, where one is asked for; also where it fails.
///
/// # Errors
/// Those of `act`; [`Error::Trace`] where the file can't be written.
pub(crate) fn traced<T>(file: Option<&Path>, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let Some(file) = file else { return act() };
    trace::begin();
    let done = act();
    let written = std::fs::write(file, trace::render());
    let done = done?;
    written.map_err(|error| Error::Trace { path: file.to_owned(), errno: code(&error) })?;
    Ok(done)
}
