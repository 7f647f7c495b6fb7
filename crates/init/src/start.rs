//! Waiting for `cofferdam start`.

use crate::context::Context;
use crate::fault::Fault;
use plan::Handle;
use rustix::io::retry_on_intr;
use rustix::net::{SocketFlags, accept_with};

/// Waits for a connection to the listening socket, which is then the one to tell of a failure. All else was closed
/// before ([`crate::seal`]): a container that waits pins nothing of the host.
pub(crate) fn wait(context: &mut Context<'_>, listener: Handle) -> Result<(), Fault> {
    let listener = context.descriptor(listener)?;
    sys::memory::give_back_stack();
    context.sync = retry_on_intr(|| accept_with(listener, SocketFlags::CLOEXEC))
        .map_err(|errno| Fault::call("accept on the start socket", b"", errno))?;
    Ok(())
}
