//! Namespaces and id maps: what to make, what to join, what to write.
#![forbid(unsafe_code)]

mod error;
mod join;
mod maps;
mod time;
mod wanted;

pub use error::Error;
pub use join::{file, open, shared};
pub use maps::{Map, holder, write};
pub use time::Offsets;
pub use wanted::{Join, Wanted, wanted};
