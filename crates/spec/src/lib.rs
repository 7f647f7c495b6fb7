//! config.json to a valid Spec.
#![forbid(unsafe_code)]
