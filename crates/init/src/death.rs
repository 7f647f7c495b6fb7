//! How init is tied to the runtime process, and shielded from the container.

use crate::context::Context;
use crate::fault::Fault;
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};

/// Keeps the container's processes from tracing init and from reading its memory and descriptors. prctl(2).
pub(crate) fn shield() -> Result<(), Fault> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| Fault::call("prctl", b"PR_SET_DUMPABLE", errno))
}

/// Shields init, and makes it die with the runtime process while it is tied to it, as it was born. Both are undone by the
/// kernel when this process's user changes or what it is permitted grows, so it is called after each step that may do
/// so. Taking capabilities away, or making permitted ones effective, undoes neither: `commit_creds` in kernel/cred.c.
pub(crate) fn guard(context: &Context<'_>) -> Result<(), Fault> {
    shield()?;
    if context.tethered { set_death_signal(Some(Signal::KILL)) } else { Ok(()) }
}

/// Lets init outlive the runtime process.
pub(crate) fn untie(context: &mut Context<'_>) -> Result<(), Fault> {
    context.tethered = false;
    set_death_signal(None)
}

fn set_death_signal(signal: Option<Signal>) -> Result<(), Fault> {
    set_parent_process_death_signal(signal).map_err(|errno| Fault::call("prctl", b"PR_SET_PDEATHSIG", errno))
}
