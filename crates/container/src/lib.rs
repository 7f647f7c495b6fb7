//! What a container is between two calls: state, lifecycle, hooks, exec.
#![forbid(unsafe_code)]

mod cgroup;
pub mod clock;
pub mod create;
mod delete;
mod died;
mod entry;
mod errno;
mod error;
pub mod events;
pub mod exec;
mod exec_process;
mod foreign;
#[cfg(any(test, fuzzing))]
pub mod fuzz_tests;
mod glance;
mod handover;
mod hooks;
mod id;
mod kept;
mod kill;
mod list;
mod observe;
mod passwd;
mod pause;
pub mod plan;
mod poststop;
mod process;
pub mod ps;
mod record;
mod resctrl_groups;
mod root;
pub mod run;
pub mod signals;
pub mod start;
mod state;
mod status;
mod store;
pub mod terminal;
mod tracing_file;
mod tree;
mod update;

pub use delete::delete;
pub use entry::{Entry, START_SOCKET};
pub use error::{Error, Result};
pub use id::ContainerId;
pub use kill::{KILL, Signal, TERM, kill};
pub use list::{List, list};
pub use observe::observe;
pub use pause::{pause, resume};
pub use process::Process;
pub use record::{Record, Stage, VERSION};
pub use state::{State, hook_state, hook_state_around_pid, state};
pub use status::Status;
pub use store::Store;
pub use update::update;
