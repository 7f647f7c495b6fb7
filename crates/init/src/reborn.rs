//! Going on as another process.

use crate::context::Context;
use crate::fault::Fault;
use crate::{conversation, death, namespaces};
use plan::{FromInit, Handle};
use rustix::fd::AsFd;
use rustix::process::geteuid;
use sys::clone::Side;
use sys::namespace::{CLONE_NEWPID, CLONE_NEWUSER, CLONE_PARENT};

/// Makes the process that goes on and ends this one. The PID namespace is entered with the rights outside the user
/// namespace where there are any, else with those inside; the cgroup is the new process's from birth, so this one never
/// counts against its limits.
pub(crate) fn go_on(
    context: &mut Context<'_>,
    pid: Option<Handle>,
    user: Option<Handle>,
    new: u32,
    cgroup: Option<Handle>,
) -> Result<(), Fault> {
    let mut order = [(pid, CLONE_NEWPID), (user, CLONE_NEWUSER)];
    if !geteuid().is_root() {
        order.reverse();
    }
    for (namespace, kind) in order {
        if let Some(namespace) = namespace {
            namespaces::enter(context, namespace, kind)?;
        }
    }
    let cgroup = cgroup.map(|cgroup| context.descriptor(cgroup)).transpose()?;
    match sys::clone::clone(u64::from(new | CLONE_PARENT), cgroup) {
        Ok(Side::Parent(pid, pidfd)) => {
            // This process is still in the PID namespace that it was born in: its child's number there is the one.
            let message = FromInit::Reborn { pid: pid.as_raw_nonzero().get() };
            let told = conversation::hand_over(context.sync.as_fd(), &message, &[pidfd.as_fd()]);
            sys::clone::exit(i32::from(told.is_err()))
        }
        Ok(Side::Child) => death::guard(context),
        Err(errno) => Err(Fault::call("clone3", b"", errno)),
    }
}
