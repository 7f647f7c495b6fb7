//! What oci-spec uses of regex, without tables of Unicode and without automata.
#![forbid(unsafe_code)]

pub use regex_lite::{Error, Regex, RegexBuilder};
