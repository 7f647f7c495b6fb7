//! What the payload must not get.

use crate::context::Context;
use crate::directory;
use crate::fault::Fault;
use crate::root::covers::Covers;
use crate::signals;
use plan::Handle;
use rustix::fd::AsRawFd;

/// Makes every descriptor that is not the payload's close-on-exec.
pub(crate) fn close_on_exec(context: &Context<'_>) -> Result<(), Fault> {
    sys::descriptor::close_on_exec_from(context.first_own()).map_err(|errno| Fault::call("close_range", b"", errno))
}

/// Checks that none of ours is where the payload's begin: it would be left open.
pub(crate) fn check_numbers(context: &Context<'_>) -> Result<(), Fault> {
    let first = context.first_own().cast_signed();
    let ours = context.descriptors.iter().copied();
    if ours.chain([context.sync.as_raw_fd()]).any(|number| (0..first).contains(&number)) {
        return Err(Fault::refusal("a descriptor of the plan has a number that is the payload's", b""));
    }
    Ok(())
}

/// The last check before the program gets this process.
///
/// Close-on-exec is not enough from here on: a path such as `/proc/self/fd/7/bin/sh` is walked before exec closes
/// anything (CVE-2024-21626). Only what no path leads through stays: the sync pipe and the socket that `start` connects to.
pub(crate) fn seal(context: &mut Context<'_>, listener: Option<Handle>) -> Result<(), Fault> {
    if let Some(path) = context.directory {
        return Err(directory::refused(path, sys::Errno::ACCESS));
    }
    check_numbers(context)?;
    if listener.is_some() {
        // Who waits for `start` can be told to end.
        signals::heed()?;
    }
    (context.root, context.procfs, context.covers) = (None, None, Covers::default());
    let listener = listener.map(|listener| context.descriptor(listener)).transpose()?;
    let mut keep = [context.sync.as_raw_fd(), listener.map_or(context.sync.as_raw_fd(), |fd| fd.as_raw_fd())];
    keep.sort_unstable();
    sys::descriptor::close_all_but(context.first_own(), &keep);
    directory::verify()
}
