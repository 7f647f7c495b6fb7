//! What confines the process: capabilities, seccomp, labels, limits, sysctls.
//!
//! All of it is planning: sections of the config become [`plan::Step`]s or plain data. Init carries them out.
#![forbid(unsafe_code)]

pub mod capabilities;
mod error;
pub mod labels;
pub mod limits;
pub mod scheduling;
pub mod seccomp;
pub mod sysctl;

pub use error::Error;
