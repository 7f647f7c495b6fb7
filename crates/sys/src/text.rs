//! The words for errno values. Needs the standard library's strings, so the init stage goes without.

extern crate std;
use rustix::io::Errno;
use std::string::String;

/// What the C library says, in the lower case that Go prints and that engines look for:
/// `no such file or directory`.
pub fn errno(errno: Errno) -> String {
    let error = std::io::Error::from_raw_os_error(errno.raw_os_error());
    plain(&std::string::ToString::to_string(&error))
}

/// The same for the words of the standard library: without the number that it puts behind them.
pub fn plain(text: &str) -> String {
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next();
    // An acronym keeps its capitals; any other sentence begins small.
    match (first, letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.into(),
    }
}
