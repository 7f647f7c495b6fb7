//! From a Spec to a process that waits for start: the plan, the clone, the conversation.
#![forbid(unsafe_code)]

mod birth;
mod compile;
mod conversation;
mod descriptors;
mod detour;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz_tests;
#[cfg(test)]
mod init_root_tests;
#[cfg(test)]
mod init_tests;
mod joining;
mod order;
mod own;
mod owner;
#[cfg(test)]
mod plan_tests;
mod request;
mod sentence;
mod stage;
pub mod trace;
mod walk;

pub use birth::Born;
pub use compile::{Draft, Keep, Plan, RuntimeStep, create, exec};
pub use conversation::{Attendant, Pause, converse, send_descriptors};
pub use descriptors::{Descriptor, Given};
pub use error::Error;
pub use request::{Facts, HasFilter, Request};
pub use sentence::Sentences;
pub use walk::{Host, walk};
