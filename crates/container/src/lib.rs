//! What a container is between two calls: state, lifecycle, hooks, exec.
#![forbid(unsafe_code)]

mod cgroup;
pub mod clock;
mod delete;
mod entry;
mod error;
pub mod events;
mod id;
mod kill;
mod list;
mod merge;
mod observe;
mod oom;
mod passwd;
mod pause;
mod process;
pub mod ps;
mod record;
mod state;
mod status;
mod store;
mod tree;
mod update;

pub use delete::{Poststop, delete, remove};
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
