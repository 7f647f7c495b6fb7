//! Signals: what was inherited of them, and what this process listens to.

use crate::fault::Fault;

/// Blocks none, and ignores none of those that may be ignored.
pub(crate) fn reset(ignored: u64) -> Result<(), Fault> {
    sys::signal::reset(ignored).map_err(|errno| Fault::call("reset the signals", b"", errno))
}

/// Lets this process be told to end while it waits, also as process 1.
pub(crate) fn heed() -> Result<(), Fault> {
    sys::signal::heed().map_err(|errno| Fault::call("handle signals", b"", errno))
}
