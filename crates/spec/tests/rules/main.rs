//! Each rule of the specification by an example that breaks it and one that just keeps it; the configs of real
//! engines; and hostile ones.
#![allow(clippy::expect_used, clippy::panic, clippy::wildcard_imports)]

mod config;
mod engines;
mod hostile;
mod linux;
mod namespaces;
mod process;
mod resources;
mod root;
mod top_level;
