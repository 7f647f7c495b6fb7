//! Waiting for `cofferdam start`.

use crate::context::Context;
use crate::fault::Fault;
use crate::root::covers::Covers;
use plan::Handle;
use rustix::fd::AsRawFd;
use rustix::io::retry_on_intr;
use rustix::net::{SocketFlags, accept_with};

/// Waits for a connection to the listening socket, which is then the one to tell of a failure. Whatever else is
/// open is closed before: a container that waits pins nothing of the host, and keeps little memory.
pub(crate) fn wait(context: &mut Context<'_>, listener: Handle) -> Result<(), Fault> {
    let listener = context.descriptor(listener)?;
    (context.root, context.procfs, context.covers) = (None, None, Covers::default());
    let mut keep = [listener.as_raw_fd(), context.sync.as_raw_fd()];
    keep.sort_unstable();
    sys::descriptor::close_all_but(context.first_own(), &keep);
    context.sync = retry_on_intr(|| accept_with(listener, SocketFlags::CLOEXEC))
        .map_err(|errno| Fault::call("accept on the start socket", b"", errno))?;
    Ok(())
}
