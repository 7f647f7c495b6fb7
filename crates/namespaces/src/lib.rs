//! Namespaces and id maps: what to make, what to join, what to write.
#![forbid(unsafe_code)]
