//! config.json to a valid Spec.
#![forbid(unsafe_code)]

pub use oci_spec::runtime as oci;
