//! The last step: becoming the container's program.

use crate::context::Context;
use crate::environment::Environment;
use crate::fault::Fault;
use crate::home::Home;
use crate::{conversation, death, program};
use core::convert::Infallible;
use plan::FromInit;
use rustix::fd::AsFd;
use sys::exec::exec_path;

/// Becomes the program.
#[inline(never)]
pub(crate) fn exec(context: &mut Context<'_>) -> Result<Infallible, Fault> {
    // A filter may be in force by now: no call that is not needed.
    if context.tethered {
        death::untie(context)?;
    }
    let program = context.program()?;
    let home = context.home.as_ref().map(Home::setting);
    let environment = Environment { settings: program.environment, home }.pointers()?;
    let arguments = program::arguments(program.arguments)?;
    let path = program.path()?;
    let path = program::text(&path);
    conversation::tell(context.sync.as_fd(), &FromInit::Executing)?;
    Err(Fault::call("exec", path.to_bytes(), exec_path(path, arguments, environment)))
}
