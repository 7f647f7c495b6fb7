//! Whether a cgroup is fit for a new container.

use crate::error::{Error, Result};
use crate::{file, pids};
use std::path::Path;
use sys::Errno;

/// Refuses a cgroup that somebody's processes are in. One that is not there is fine; whether it is.
pub(crate) fn empty(path: &Path) -> Result<bool> {
    let Some(found) = pids::all_of(path)? else { return Ok(false) };
    match found.len() {
        0 => Ok(true),
        count => {
            let pids = found.into_iter().filter(|pid| *pid > 0).collect();
            Err(Error::NotEmpty { count, pids, path: path.to_owned() })
        }
    }
}

/// Refuses a v1 freezer cgroup that is frozen, by itself or from above.
pub(crate) fn thawed(path: &Path) -> Result<()> {
    match file::read(&path.join("freezer.state")) {
        Ok(state) if state.trim() == "THAWED" => Ok(()),
        Ok(_) => Err(Error::Frozen { path: path.to_owned() }),
        Err(Errno::NOENT | Errno::NODEV) => Ok(()),
        Err(errno) => Err(Error::file("read", path.join("freezer.state"), errno)),
    }
}

/// The same of a v2 cgroup.
pub(crate) fn thawed_unified(path: &Path) -> Result<()> {
    match file::read(&path.join("cgroup.events")) {
        Ok(events) if file::value(&events, "frozen") == Some(1) => Err(Error::Frozen { path: path.to_owned() }),
        Ok(_) | Err(Errno::NOENT | Errno::NODEV) => Ok(()),
        Err(errno) => Err(Error::file("read", path.join("cgroup.events"), errno)),
    }
}

/// Refuses a v2 cgroup that takes no processes: one above it has processes of its own, or threads. Where `threads`
/// will do, it is made a cgroup of threads.
pub(crate) fn takes_processes(path: &Path, threads: bool) -> Result<()> {
    let kind = match file::read(&path.join("cgroup.type")) {
        Ok(kind) => kind,
        // Before Linux 4.14 there are no threads to tell.
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(Error::file("read", path.join("cgroup.type"), errno)),
    };
    let state = kind.trim();
    let refused = || Err(Error::Threaded { path: path.to_owned(), state: state.to_owned() });
    match state {
        "domain invalid" if threads => file::write(&path.join("cgroup.type"), "threaded").or_else(|_| refused()),
        "domain threaded" | "threaded" if threads => Ok(()),
        "domain" => Ok(()),
        _ => refused(),
    }
}
