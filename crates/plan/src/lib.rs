//! The vocabulary of a plan: what the init process of a container does, in order, as plain data.
//!
//! The runtime process writes a plan ([`Writer`]); the init stage, which has no allocator, walks it
//! ([`Reader`]), borrowing every string from the bytes. `cofferdam plan` prints the same bytes. There is no
//! second representation, so what is printed is what is run.
#![cfg_attr(not(feature = "write"), no_std)]
#![forbid(unsafe_code)]

mod message;
mod step;
mod text;
mod wire;

pub use message::{DESCRIPTORS, DETAIL, Failure, FromInit, MESSAGE, PLAN, ToInit};
pub use step::*;
pub use text::{Bytes, Text, Texts};
#[cfg(feature = "write")]
pub use wire::Writer;
pub use wire::{Header, Placed, Reader};
