//! `exec`: one more process in a container.

use crate::cgroup::Cgroup;
use crate::entry::Entry;
use crate::error::{Error, Result, attending};
pub use crate::exec_process::{Request, Source};
use crate::handover;
use crate::id::ContainerId;
use crate::kept::{self, Known};
use crate::observe::observe;
use crate::process::Process;
use crate::record::Record;
use crate::resctrl_groups;
use crate::state::HookState;
use crate::status::Status;
use crate::store::Store;
use crate::terminal;
use crate::tracing_file::traced;
use launch::{Attendant, Born, Facts, Given, Host, Keep, trace};
use rustix::fd::OwnedFd;
use spec::oci;
use sys::namespace::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS,
};

/// All kinds of namespaces.
const KINDS: [u32; 8] = [
    CLONE_NEWUSER,
    CLONE_NEWNS,
    CLONE_NEWNET,
    CLONE_NEWIPC,
    CLONE_NEWUTS,
    CLONE_NEWCGROUP,
    CLONE_NEWPID,
    CLONE_NEWTIME,
];

/// Runs a process in a container: its exit status, or 0 as soon as it runs where detached.
///
/// # Errors
/// Where the container can't take it or it can't be made.
pub fn exec(store: &Store, id: &ContainerId, request: &Request) -> Result<i32> {
    let (process, terminal) = traced(request.trace.as_deref(), || begin(store, id, request))?;
    if request.detach {
        return Ok(0);
    }
    terminal::forward(&process, terminal)
}

/// Begins the process; the second is its terminal's master, where it stays with us.
fn begin(store: &Store, id: &ContainerId, request: &Request) -> Result<(Process, Option<OwnedFd>)> {
    let (entry, record, init) = trace::step("look", || look(store, id, request))?;
    let known = trace::step("load", || kept::read(&entry))?;
    let process = crate::exec_process::process(&known.spec, request)?;
    let terminal = process.terminal().unwrap_or(false);
    handover::check_console(terminal, request.console_socket.is_some(), request.detach)?;
    handover::check_descriptors(request.preserve_fds)?;
    if !request.detach {
        terminal::hold_signals()?;
    }
    let joining = Joining {
        entry: &entry,
        record: &record,
        init: &init,
        known: &known,
        process: &process,
        request,
        born: None,
        terminal: None,
    };
    let joined = joining.join()?;
    if !known.is_kept
        && let Err(error) = kept::keep(&entry, &known.spec)
    {
        tracing::debug!("nothing is kept for the next exec: {error}");
    }
    Ok(joined)
}

/// The container, which must be able to take one more process.
fn look(store: &Store, id: &ContainerId, request: &Request) -> Result<(Entry, Record, Process)> {
    let entry = store.get(id)?;
    let record = entry.record()?;
    match observe(&entry, &record)? {
        (Status::Stopped, _) | (_, None) => Err(Error::ExecStopped),
        (Status::Paused, _) if !request.ignore_paused => Err(Error::ExecPaused),
        (_, Some(init)) => Ok((entry, record, init)),
    }
}

/// The making of a process that joins.
struct Joining<'a> {
    entry: &'a Entry,
    record: &'a Record,
    init: &'a Process,
    known: &'a Known,
    process: &'a oci::Process,
    request: &'a Request,
    born: Option<Process>,
    /// The terminal's master, where it stays with us.
    terminal: Option<OwnedFd>,
}

impl<'a> Joining<'a> {
    fn join(mut self) -> Result<(Process, Option<OwnedFd>)> {
        let cgroup = Cgroup::of(self.record).entrance(&self.request.cgroup, self.init)?.confined();
        let kinds = self.kinds();
        let given = Given {
            cgroup_tasks: cgroup.tasks,
            cgroup: cgroup.directory,
            start_socket: None,
            init: Some(self.init.pidfd()),
        };
        let asked = self.asked();
        let (spec, process) = (&*self.known.spec, self.process);
        let draft = trace::step("plan", || {
            let facts = Facts::gather_for_exec(spec, process);
            launch::exec(spec, process, &asked, &facts, kinds, &given)
        })?;
        launch::walk(draft, given, &mut self).inspect_err(|_| {
            if let Some(file) = &self.request.pid_file {
                // An engine takes its presence for success.
                drop(std::fs::remove_file(file));
            }
        })?;
        Ok((self.born.ok_or(Error::ExecStopped)?, self.terminal))
    }

    fn born(&self) -> Result<&Process> {
        self.born.as_ref().ok_or(Error::ExecStopped)
    }

    fn seccomp_agent(&self, number: i32) -> Result<()> {
        let state = HookState::new(self.record, Status::Running, Some(self.init.pid()));
        handover::seccomp_listener(self.born()?, number, spec::seccomp(&self.known.spec), &state)
    }

    /// Notes what there is to be noted of a process that joins.
    fn note(&self, process: &Process) -> Result<()> {
        // It is our child, so it is born in our resctrl group, whatever cgroup it is born in.
        resctrl_groups::enter(self.record, process.pid())?;
        handover::announce(self.request.pidfd_socket.as_deref(), self.request.pid_file.as_deref(), process)
    }

    /// Which of init's namespaces are not ours, as far as it matters: to enter one's own again changes nothing, but a user
    /// namespace can't be, and what the config does not name we may share.
    fn kinds(&self) -> u32 {
        let wanted = namespaces::wanted(&self.known.spec);
        // What the link says, not what it leads to: for that the kernel makes an inode.
        let number = |path: String| rustix::fs::readlink(path, [0; 64]).ok();
        let differs = |kind: &&u32| {
            let name = namespaces::file(**kind);
            number(format!("/proc/{}/ns/{name}", self.init.pid())) != number(format!("/proc/self/ns/{name}"))
        };
        let named = |kind: &u32| *kind != CLONE_NEWUSER && wanted.has(*kind);
        KINDS.iter().filter(|kind| named(kind) || differs(kind)).fold(0, |kinds, kind| kinds | kind)
    }

    /// What is asked for beside the config.
    fn asked(&self) -> launch::Request<'a> {
        launch::Request {
            id: self.entry.id().as_str(),
            bundle: &self.record.bundle,
            rootfs: &self.record.rootfs,
            systemd_cgroup: false,
            no_pivot: false,
            session_keyring: Some(self.record.session_keyring.as_str()).filter(|name| !name.is_empty()),
            preserve_fds: self.request.preserve_fds,
            awaits_start: false,
            joins: true,
            filter: self.known,
            environment: Vec::new(),
            creating: ("", ""),
            created: ("", ""),
        }
    }
}

impl Host for Joining<'_> {
    /// Nothing is kept of a process that joins: its plan has no such step.
    fn keep(&mut self, _: Keep, _: &mut Given<'_>) -> Result<(), launch::Error> {
        Err(launch::Error::Garbled)
    }

    fn born(&mut self, born: &Born) -> Result<(), launch::Error> {
        let process = Process::of_born(born);
        let noted = self.note(&process).map_err(attending);
        self.born = Some(process);
        noted
    }
}

impl Attendant for Joining<'_> {
    fn runtime_hooks(&mut self) -> Result<(), launch::Error> {
        Ok(())
    }

    fn terminal(&mut self, master: OwnedFd) -> Result<(), launch::Error> {
        handover::terminal(self.request.console_socket.as_deref(), master, &mut self.terminal).map_err(attending)
    }

    fn seccomp_listener(&mut self, number: i32) -> Result<(), launch::Error> {
        self.seccomp_agent(number).map_err(attending)
    }

    fn ready(&mut self) -> Result<(), launch::Error> {
        Ok(())
    }
}
