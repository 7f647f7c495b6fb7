//! The cgroup of a container that was made by an earlier call.

use crate::error::Result;
use crate::record::Record;

/// Whether all its processes are frozen.
pub(crate) fn is_frozen(_record: &Record) -> Result<bool> {
    Ok(false)
}
