//! Compiled filters, and what they are held against.

#[cfg(test)]
mod filters;
pub(super) mod interpreter;
pub(super) mod model;
#[cfg(test)]
mod proofs;
#[cfg(test)]
pub(super) mod reference;
