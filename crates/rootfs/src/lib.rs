//! The root file system: which mounts, devices, links and masks, in which order.
//!
//! Each function adds the steps of one stage to a plan; hooks, terminal and the rest come between. They are pure:
//! what must be known of the host is in [`Facts`], what must be opened before is asked for through [`Descriptors`].
#![forbid(unsafe_code)]

mod cgroup;
mod devices;
mod entry;
mod error;
mod facts;
#[cfg(any(test, fuzzing))]
pub mod fuzz_tests;
mod mounts;
mod options;
mod path;
mod protected;
mod root;

pub use devices::devices;
pub use error::Error;
pub use facts::{CgroupMounts, Descriptors, Facts, Hierarchy, UserNamespace};
pub use mounts::mounts;
pub use options::known as known_mount_options;
pub use root::{pivot, prepare, protect};

#[cfg(test)]
mod tests;
