//! `run`: a container from its making to its end.

use crate::create::{Container, How, Request};
use crate::delete;
use crate::error::Result;
use crate::id::ContainerId;
use crate::store::Store;
use crate::terminal;
use crate::tracing_file::traced;

/// Makes a container and runs its program: its exit status, or 0 as soon as it runs where detached. In the foreground
/// the container is deleted at the end unless `keep`.
///
/// # Errors
/// As [`crate::create::create`], and what goes wrong at the end.
pub fn run(
    store: &Store,
    id: &ContainerId,
    request: &Request,
    detach: bool,
    keep: bool,
    no_subreaper: bool,
) -> Result<i32> {
    if !detach {
        terminal::hold_signals()?;
        if !no_subreaper {
            terminal::become_subreaper()?;
        }
    }
    let how = if detach { How::Detached } else { How::Foreground };
    let made = traced(request.trace.as_deref(), || Container::make(store, id, request, how))?;
    let Container { entry, process, terminal, record, poststop } = made;
    if detach {
        return Ok(0);
    }
    // Others may have it now.
    entry.unlock().ok();
    let status = match terminal::forward(&process, terminal) {
        Ok(status) if keep => return Ok(status),
        Ok(status) => status,
        Err(error) => {
            // Where we can't wait for it, nobody would.
            delete::delete(store, id, true, None).ok();
            return Err(error);
        }
    };
    delete::delete_ended(&entry, &record, &poststop)?;
    // Our own end follows, and closes them.
    std::mem::forget((entry, process));
    Ok(status)
}
