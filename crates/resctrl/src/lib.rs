//! resctrl: caches and memory bandwidth shared out by class of service, and monitored (Intel RDT, AMD QoS), through
//! the files of the kernel's resctrl file system alone.
//!
//! [`find`] looks where it is mounted, [`plan`] decides without looking, and a [`Plan`] makes. What a container has
//! of it is [`Groups`]: kept in the state, for later calls to enter, change, measure and remove.
#![forbid(unsafe_code)]

mod error;
mod file;
mod groups;
mod make;
mod mount;
mod plan;
mod schemata;
mod stats;

pub use error::{Error, Result};
pub use groups::Groups;
pub use mount::{find, is_resctrl};
pub use plan::{Plan, plan};
pub use schemata::Schemata;
pub use stats::*;
