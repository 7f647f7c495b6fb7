//! The kernel's answers, as the standard library wraps them.

use sys::Errno;

/// The kernel's answer that is wrapped.
pub(crate) fn code(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
