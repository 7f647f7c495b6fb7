//! Namespaces, id maps and network devices: what to make, what to join, what to write, what to move.
#![forbid(unsafe_code)]

mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz_tests;
mod join;
mod maps;
mod message;
mod network_devices;
mod route;
mod time;
mod transfer;
mod wanted;

pub use error::Error;
pub use join::{file, open, shared};
pub use maps::{Map, holder, write};
pub use network_devices::{NetworkDevice, network_devices};
pub use time::Offsets;
pub use transfer::Transfer;
pub use wanted::{Join, Wanted, wanted};
