//! cgroups, v1 and v2 and both at once, behind one interface and through files alone.
//!
//! [`Layout::detect`] looks at the host, [`plan`] decides without looking (so `cofferdam plan` can show it), and
//! a [`Plan`] makes and limits. What it has made is [`Paths`]: a directory by controller, kept in the state, from
//! which a later call enters, freezes, measures, kills and removes.
#![forbid(unsafe_code)]

mod act;
mod apply;
mod create;
mod devices;
mod enter;
mod error;
mod file;
mod fit;
mod freeze;
#[cfg(any(test, fuzzing))]
pub mod fuzz_tests;
mod kill;
mod layout;
mod oom;
mod owner;
mod paths;
mod pids;
mod plan;
mod remove;
mod resources;
mod stats;
pub mod systemd;
mod update;
mod userns;
mod walk;

pub use act::{Act, Write};
pub use devices::{Access, Kind, Rule, Rules};
pub use enter::{Beneath, Entrance};
pub use error::{Error, Result};
pub use freeze::Freezers;
pub use layout::{Hierarchy, Layout, Unified};
pub use oom::{Oom, OomWatch};
pub use paths::Paths;
pub use plan::{Plan, plan, plan_unit};
pub use resources::Warning;
pub use stats::*;
pub use update::merge;
