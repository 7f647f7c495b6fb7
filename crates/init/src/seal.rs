//! What the payload must not get.

use crate::context::Context;
use crate::directory;
use crate::fault::Fault;
use rustix::fd::AsRawFd;

/// Makes every descriptor that is not the payload's close-on-exec.
pub(crate) fn close_on_exec(context: &Context<'_>) -> Result<(), Fault> {
    sys::descriptor::close_on_exec_from(context.first_own()).map_err(|errno| Fault::call("close_range", b"", errno))
}

/// Checks that none of ours is where the payload's begin: it would be left open.
pub(crate) fn check_numbers(context: &Context<'_>) -> Result<(), Fault> {
    let first = context.first_own().cast_signed();
    let ours = context.descriptors.as_chunks::<4>().0.iter().map(|number| i32::from_le_bytes(*number));
    if ours.chain([context.sync.as_raw_fd()]).any(|number| (0..first).contains(&number)) {
        return Err(Fault::refusal("a descriptor of the plan has a number that is the payload's", b""));
    }
    Ok(())
}

/// The last check before the program gets this process.
pub(crate) fn seal(context: &Context<'_>) -> Result<(), Fault> {
    if let Some(path) = context.directory {
        return Err(directory::refused(path, sys::Errno::ACCESS));
    }
    check_numbers(context)?;
    close_on_exec(context)?;
    directory::verify()
}
