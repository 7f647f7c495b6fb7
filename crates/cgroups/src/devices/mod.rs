//! Which devices the container may use: rules, as a v1 devices cgroup and as a v2 program.

mod assembly;
mod filter;
mod legacy;
mod program;
mod rules;

pub(crate) use filter::install;
pub(crate) use legacy::confine;
pub use rules::{Access, Kind, Rule, Rules};
pub(crate) use rules::{covers, meets};

#[cfg(test)]
mod tests;
