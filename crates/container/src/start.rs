//! `start`: the program of a created container.

use crate::create::{address, poststart};
use crate::delete::end;
use crate::entry::{Entry, START_SOCKET};
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::observe::observe;
use crate::record::Stage;
use crate::status::Status;
use crate::store::Store;
use crate::tracing_file::traced;
use launch::{Attendant, Sentences, trace};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, unlinkat};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::path::Path;

/// Runs the program of a created container. It has been executed when this returns.
///
/// # Errors
/// Where the container is not created; where a startContainer hook or the execution of the program fails, or a
/// poststart hook (the container is then ended).
pub fn start(store: &Store, id: &ContainerId, trace: Option<&Path>) -> Result<()> {
    traced(trace, || start_created(store, id))
}

fn start_created(store: &Store, id: &ContainerId) -> Result<()> {
    let entry = store.get(id)?;
    entry.lock()?;
    let mut record = entry.record()?;
    match observe(&entry, &record)?.0 {
        Status::Created => {}
        Status::Stopped => return Err(Error::StartStopped),
        Status::Running => return Err(Error::StartRunning),
        other => return Err(Error::StartIn(other)),
    }
    if record.without_process {
        let spec = spec::parse_kept(&entry.config()?)?;
        spec::process(&spec)?;
    }
    trace::step("start", || wake(&entry)).map_err(|error| crate::died::explain(error, &record))?;
    record.stage = Stage::Running;
    entry.save(&record)?;
    if record.without_later_hooks {
        return Ok(());
    }
    let config = entry.config()?;
    // Only a config that names such hooks is worth parsing again.
    if !config.windows(11).any(|words| words == b"\"poststart\"") {
        return Ok(());
    }
    let spec = spec::parse_kept(&config)?;
    let hooks = spec.hooks().as_ref().and_then(|hooks| hooks.poststart().as_ref());
    poststart(hooks, &record).inspect_err(|_| {
        if let Err(error) = record.init().and_then(|init| end(&record, init.as_ref())) {
            tracing::warn!("after the hook failed: {error}");
        }
    })
}

/// Connects to init and hears what becomes of it: EOF after its announcement says that the program runs.
fn wake(entry: &Entry) -> Result<(), launch::Error> {
    let failed = |errno| launch::Error::Call { act: "connect to init", object: String::new(), errno };
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(failed)?;
    rustix::net::connect(&socket, &address(entry.dir()).map_err(failed)?).map_err(failed)?;
    launch::converse(socket.as_fd(), &Sentences::none(), &mut Nobody, false)?;
    unlinkat(entry.dir(), START_SOCKET, AtFlags::empty()).map_err(failed)
}

/// A started init asks for nothing more.
struct Nobody;

impl Attendant for Nobody {
    fn runtime_hooks(&mut self) -> Result<(), launch::Error> {
        Err(launch::Error::Garbled)
    }

    fn terminal(&mut self, _: OwnedFd) -> Result<(), launch::Error> {
        Err(launch::Error::Garbled)
    }

    fn seccomp_listener(&mut self, _: i32) -> Result<(), launch::Error> {
        Err(launch::Error::Garbled)
    }

    fn ready(&mut self) -> Result<(), launch::Error> {
        Err(launch::Error::Garbled)
    }
}
