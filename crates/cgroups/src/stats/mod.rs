//! What a container uses, as `events` shows it.

mod data;
mod legacy;
pub(crate) mod lists;
mod source;
mod unified;

use crate::error::Result;
use crate::paths::Paths;
pub use data::*;

impl Paths {
    /// Measures. What this kernel or host does not have is left at zero.
    ///
    /// # Errors
    /// [`Error::File`] where a file is there but can't be read.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        for (name, measure) in legacy::CONTROLLERS {
            if let Some(path) = self.get(name) {
                measure(path, &mut stats)?;
            }
        }
        if let Some(path) = self.unified() {
            unified::measure(path, self.is_unified(), &mut stats)?;
        }
        Ok(stats)
    }
}
