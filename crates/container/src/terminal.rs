//! stub until the CLI's branch lands
use crate::error::Result;
use crate::process::Process;
use rustix::fd::OwnedFd;

/// Stub.
///
/// # Errors
/// None.
pub fn become_subreaper() -> Result<()> {
    Ok(())
}

/// Stub: waits for the child.
///
/// # Errors
/// None.
pub fn forward(process: &Process, _: Option<OwnedFd>) -> Result<i32> {
    let ended = rustix::process::waitpid(
        rustix::process::Pid::from_raw(process.pid()),
        rustix::process::WaitOptions::empty(),
    );
    Ok(ended.ok().flatten().and_then(|(_, status)| status.exit_status()).unwrap_or(255))
}
