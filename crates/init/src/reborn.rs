//! Going on as another process.

use crate::context::Context;
use crate::fault::Fault;
use crate::{conversation, death, namespaces};
use plan::{FromInit, Handle};
use rustix::fd::AsFd;
use rustix::process::{PidfdFlags, geteuid, getpid, pidfd_open};
use sys::namespace::{CLONE_NEWPID, CLONE_NEWUSER, CLONE_PARENT};

/// Goes on as the new process. The PID namespace is entered with the rights outside the user
/// namespace where there are any, else with those inside; the cgroup is the new process's from birth, so the one before
/// it never counts against its limits.
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
    let directory = cgroup.map(|cgroup| context.descriptor(cgroup)).transpose()?;
    let flags = u64::from(new | CLONE_PARENT);
    // The runtime process knows us by the number that the process before us saw.
    let pid = sys::clone::go_on_as(flags, directory).map_err(|errno| Fault::call("clone3", b"", errno))?;
    death::guard(context)?;
    if let Some(cgroup) = cgroup {
        // Now, so that the runtime process is the last to have it: it waits for the end of the mount.
        context.close(cgroup);
    }
    let pidfd = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|errno| Fault::call("pidfd_open", b"self", errno))?;
    let message = FromInit::Reborn { pid: pid.as_raw_nonzero().get() };
    conversation::hand_over(context.sync.as_fd(), &message, &[pidfd.as_fd()])
}
