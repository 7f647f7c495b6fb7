//! `exec`: one more process in a container.

use crate::cgroup::Cgroup;
use crate::entry::Entry;
use crate::error::{Error, Result};
pub use crate::exec_process::{Request, Source};
use crate::handover;
use crate::id::ContainerId;
use crate::observe::observe;
use crate::process::Process;
use crate::record::Record;
use crate::state::HookState;
use crate::status::Status;
use crate::store::Store;
use crate::terminal;
use crate::tracing_file::traced;
use launch::{Attendant, Born, Facts, Given, Sentences, trace};
use rustix::fd::{AsFd, OwnedFd};
use spec::oci::{self, Spec};
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
    let entry = store.get(id)?;
    let record = entry.record()?;
    let init = match observe(&entry, &record)? {
        (Status::Stopped, _) | (_, None) => return Err(Error::ExecStopped),
        (Status::Paused, _) if !request.ignore_paused => return Err(Error::ExecPaused),
        (_, Some(init)) => init,
    };
    let spec = spec::parse(entry.config()?)?.spec;
    let process = crate::exec_process::process(&spec, request)?;
    let terminal = process.terminal().unwrap_or(false);
    handover::check_console(terminal, request.console_socket.is_some(), request.detach)?;
    handover::check_descriptors(request.preserve_fds)?;
    if !request.detach {
        terminal::hold_signals()?;
    }
    let joining = Joining { entry: &entry, record: &record, init: &init, spec: &spec, process: &process, request };
    let (process, terminal) = traced(request.trace.as_deref(), || joining.join())?;
    if request.detach {
        return Ok(0);
    }
    terminal::forward(&process, terminal)
}

/// What a joining process needs.
struct Joining<'a> {
    entry: &'a Entry,
    record: &'a Record,
    init: &'a Process,
    spec: &'a Spec,
    process: &'a oci::Process,
    request: &'a Request,
}

impl Joining<'_> {
    fn join(&self) -> Result<(Process, Option<OwnedFd>)> {
        let cgroup = Cgroup::of(self.record).entrance(&self.request.cgroup, self.init)?;
        let given = Given {
            cgroup_tasks: cgroup.tasks,
            cgroup: cgroup.directory,
            start_socket: None,
            init: Some(self.init.pidfd()),
            pid_namespace: None,
        };
        let kinds = self.kinds();
        let pid_namespace = (kinds & CLONE_NEWPID != 0).then(|| self.pid_namespace()).transpose()?;
        let given = Given { pid_namespace: pid_namespace.as_ref().map(AsFd::as_fd), ..given };
        let plan = trace::step("plan", || self.plan(kinds, &given))?;
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        let mut process = None;
        let born = launch::bear(&plan, &given, &mut |born: &Born| {
            let of = |born: &Born| {
                tracing::debug!("init is born: process {}", born.pid.as_raw_nonzero());
                let pidfd = born.pidfd.try_clone().map_err(|error| Error::std("copy", "pidfd", &error))?;
                Process::of_child(born.pid.as_raw_nonzero().get(), pidfd)
            };
            process = Some(of(born).map_err(|error| launch::Error::Attendant(Box::new(error)))?);
            Ok(())
        })?;
        let Some(process) = process else { return Err(Error::ExecStopped) };
        let mut host = Host { joining: self, process: &process, pidfd: &born.pidfd, terminal: None };
        let steps = Sentences::of(&plan);
        let talk = trace::step("converse", || launch::converse(born.sync.as_fd(), &steps, &mut host, false));
        let terminal = host.terminal;
        match talk {
            Ok(_) => Ok((process, terminal)),
            Err(error) => {
                born.end();
                if let Some(file) = &self.request.pid_file {
                    // An engine takes its presence for success.
                    drop(std::fs::remove_file(file));
                }
                Err(error.into())
            }
        }
    }

    /// Which of init's namespaces are not ours.
    fn kinds(&self) -> u32 {
        let number = |path: String| rustix::fs::stat(path).ok().map(|file| file.st_ino);
        let differs = |kind: &&u32| {
            let name = namespaces::file(**kind);
            number(format!("/proc/{}/ns/{name}", self.init.pid())) != number(format!("/proc/self/ns/{name}"))
        };
        KINDS.iter().filter(differs).fold(0, |kinds, kind| kinds | kind)
    }

    fn pid_namespace(&self) -> Result<OwnedFd> {
        let path = format!("/proc/{}/ns/pid", self.init.pid());
        rustix::fs::open(&path, rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty())
            .map_err(|errno| Error::io("open", path, errno))
    }

    fn plan(&self, kinds: u32, given: &Given<'_>) -> Result<launch::Plan> {
        let request = launch::Request {
            id: self.entry.id().as_str(),
            bundle: &self.record.bundle,
            rootfs: &self.record.rootfs,
            no_pivot: false,
            no_new_keyring: true,
            preserve_fds: self.request.preserve_fds,
            awaits_start: false,
            runs_start_hooks: false,
            environment: Vec::new(),
            creating: ("", ""),
            created: ("", ""),
        };
        Ok(launch::exec(self.spec, self.process, &request, &Facts::gather(self.spec), kinds, given)?)
    }
}

/// What we do when the process asks for it.
struct Host<'a, 'j> {
    joining: &'a Joining<'j>,
    process: &'a Process,
    pidfd: &'a OwnedFd,
    terminal: Option<OwnedFd>,
}

impl Host<'_, '_> {
    fn all_set(&self) -> Result<()> {
        let request = self.joining.request;
        let (socket, file) = (request.pidfd_socket.as_deref(), request.pid_file.as_deref());
        handover::announce(socket, file, self.pidfd.as_fd(), self.process.pid())
    }
}

impl Attendant for Host<'_, '_> {
    fn runtime_hooks(&mut self) -> Result<(), launch::Error> {
        Ok(())
    }

    fn terminal(&mut self, master: OwnedFd) -> Result<(), launch::Error> {
        handover::terminal(self.joining.request.console_socket.as_deref(), master, &mut self.terminal)
            .map_err(|error| launch::Error::Attendant(Box::new(error)))
    }

    fn seccomp_listener(&mut self, number: i32) -> Result<(), launch::Error> {
        let Joining { spec, record, init, .. } = self.joining;
        let state = HookState::new(record, Status::Running, Some(init.pid()));
        handover::seccomp_listener(self.pidfd, number, self.process.pid(), spec, &state)
            .map_err(|error| launch::Error::Attendant(Box::new(error)))
    }

    fn ready(&mut self) -> Result<(), launch::Error> {
        self.all_set().map_err(|error| launch::Error::Attendant(Box::new(error)))
    }
}
