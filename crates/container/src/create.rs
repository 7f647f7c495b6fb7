//! Making a container: `create`, and the first half of `run`.

use crate::entry::{Entry, START_SOCKET};
use crate::errno::code;
use crate::error::{Error, Result};
use crate::handover;
use crate::hooks;
use crate::id::ContainerId;
use crate::process::Process;
use crate::record::{Record, Stage};
use crate::state::{HookState, hook_state, hook_state_around_pid};
use crate::status::Status;
use crate::store::Store;
use crate::tracing_file::traced;
use launch::{Attendant, Born, Facts, Given, Sentences, trace};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, chmodat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use spec::oci::{self, Spec};
use std::path::{Path, PathBuf};

/// What was asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--bundle`
    pub bundle: PathBuf,
    /// `--console-socket`
    pub console_socket: Option<PathBuf>,
    /// `--pidfd-socket`
    pub pidfd_socket: Option<PathBuf>,
    /// `--pid-file`
    pub pid_file: Option<PathBuf>,
    /// `--no-pivot`
    pub no_pivot: bool,
    /// `--no-new-keyring`
    pub no_new_keyring: bool,
    /// `--preserve-fds`
    pub preserve_fds: u32,
    /// `--trace`
    pub trace: Option<PathBuf>,
}

/// Makes a container and leaves it waiting for `start`.
///
/// # Errors
/// Anything that is wrong with the bundle or that the host refuses; nothing is left behind then.
pub fn create(store: &Store, id: &ContainerId, request: &Request) -> Result<()> {
    traced(request.trace.as_deref(), || Container::make(store, id, request, How::Created).map(drop))
}

/// What becomes of the container that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It waits for `start`.
    Created,
    /// It runs in the background.
    Detached,
    /// It runs in the foreground.
    Foreground,
}

/// A container that has been made, locked.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) entry: Entry,
    pub(crate) process: Process,
    /// The terminal's master, where it stays with us.
    pub(crate) terminal: Option<OwnedFd>,
}

/// What is read and decided before anything is made.
pub(crate) struct Prepared {
    bundle: PathBuf,
    config: Vec<u8>,
    spec: Spec,
    pub(crate) plan: launch::Plan,
    pub(crate) cgroup: cgroups::Plan,
    record: Record,
}

impl Container {
    /// Makes a container; with [`How::Created`] it waits for `start`, else its program runs when this returns.
    pub(crate) fn make(store: &Store, id: &ContainerId, request: &Request, how: How) -> Result<Self> {
        let prepared = trace::step("plan", || prepare(id, request, how))?;
        check_terminal(&prepared.spec, request, how)?;
        handover::check_descriptors(request.preserve_fds)?;
        for warning in &prepared.plan.warnings {
            tracing::warn!("{warning}");
        }
        let entry = store.create(id)?;
        if let Err(error) = prepared.cgroup.check() {
            // What is in that cgroup is not ours: nothing of it may be taken back.
            entry.remove()?;
            return Err(launch::Error::from(error).into());
        }
        let made = Making { entry: &entry, prepared: &prepared, request, how }.make();
        match made {
            Ok((process, terminal)) => Ok(Container { entry, process, terminal }),
            Err(error) => {
                undo(&entry, &prepared);
                Err(error)
            }
        }
    }
}

/// Takes back all that was made. What can't be taken back is said and left for `delete --force`.
fn undo(entry: &Entry, prepared: &Prepared) {
    let mut hooks = |_: &Entry, record: &Record| crate::poststop::run(&prepared.spec, record);
    if let Err(error) = crate::delete::remove(entry, &prepared.record, &mut hooks) {
        tracing::warn!("{error}");
    }
}

/// Reads the bundle and makes the plan.
pub(crate) fn prepare(id: &ContainerId, request: &Request, how: How) -> Result<Prepared> {
    let bundle = std::path::absolute(&request.bundle).map_err(|error| Error::std("find", &request.bundle, &error))?;
    let loaded = spec::load(&bundle)?;
    let spec = loaded.spec;
    let rootfs = rootfs(&spec, &bundle)?;
    let mut record = Record::new(id.as_str(), spec.version());
    record.bundle.clone_from(&bundle);
    record.rootfs.clone_from(&rootfs);
    record.annotations = spec.annotations().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let creating = hook_states(&record, Status::Creating);
    let created = hook_states(&record, Status::Created);
    let layout = cgroups::Layout::detect().map_err(launch::Error::from)?;
    let passed = handover::Listening::from_environment();
    let (mut plan, cgroup) = launch::create(
        &spec,
        &launch::Request {
            id: id.as_str(),
            bundle: &bundle,
            rootfs: &rootfs,
            no_pivot: request.no_pivot,
            no_new_keyring: request.no_new_keyring,
            preserve_fds: request.preserve_fds + passed.count,
            awaits_start: how == How::Created,
            runs_start_hooks: true,
            environment: passed.environment(),
            creating: (&creating.0, &creating.1),
            created: (&created.0, &created.1),
        },
        &Facts::gather(&spec),
        &layout,
    )?;
    plan.warnings.splice(0..0, loaded.warnings);
    record.own_pid_namespace = plan.has_pid_namespace();
    crate::cgroup::note(&mut record, &cgroup);
    Ok(Prepared { bundle, config: loaded.bytes, spec, plan, cgroup, record })
}

/// The state document for hooks inside the container, around the pid.
fn hook_states(record: &Record, status: Status) -> (String, String) {
    let (before, after) = hook_state_around_pid(record, status);
    (String::from_utf8_lossy(&before).into_owned(), String::from_utf8_lossy(&after).into_owned())
}

/// The root file system's directory, which must be there.
fn rootfs(spec: &Spec, bundle: &Path) -> Result<PathBuf> {
    let path = spec.root().as_ref().map(|root| bundle.join(root.path())).unwrap_or_default();
    let whole =
        std::fs::canonicalize(&path).map_err(|error| Error::Rootfs { path: path.clone(), errno: code(&error) })?;
    if whole.is_dir() { Ok(whole) } else { Err(Error::Rootfs { path, errno: rustix::io::Errno::NOTDIR }) }
}

/// A terminal needs somebody who takes its other end.
fn check_terminal(spec: &Spec, request: &Request, how: How) -> Result<()> {
    let terminal = spec.process().as_ref().is_some_and(|process| process.terminal().unwrap_or(false));
    handover::check_console(terminal, request.console_socket.is_some(), how != How::Foreground)
}

/// The making of a container.
struct Making<'a> {
    entry: &'a Entry,
    prepared: &'a Prepared,
    request: &'a Request,
    how: How,
}

impl Making<'_> {
    fn make(&self) -> Result<(Process, Option<OwnedFd>)> {
        let Prepared { plan, cgroup, config, .. } = self.prepared;
        trace::step("save-state", || {
            self.entry.write_config(config)?;
            self.entry.save(&self.prepared.record)
        })?;
        let listener = (self.how == How::Created).then(|| listen(self.entry)).transpose()?;
        let mut given = Given { start_socket: listener.as_ref().map(AsFd::as_fd), ..Given::default() };
        let mut record = self.prepared.record.clone();
        trace::step("cgroups", || {
            let paths = cgroup.create()?;
            cgroup.limit(&paths)?;
            let entrance = paths.entrance()?;
            (given.cgroup_tasks, given.cgroup) = (entrance.tasks, entrance.directory);
            record.cgroup_paths = paths.into();
            Ok::<_, cgroups::Error>(())
        })
        .map_err(launch::Error::from)?;
        let mut process = None;
        let born = launch::bear(plan, &given, &mut |born: &Born| {
            self.born(born, &mut record, &mut process).map_err(|error| launch::Error::Attendant(Box::new(error)))
        })?;
        let Some(process) = process else { return Err(Error::NotRunning) };
        let raised = self.raise(&born, &mut record, &process);
        if raised.is_err() {
            born.end();
        }
        raised.map(|terminal| (process, terminal))
    }

    /// As soon as there is a process, a later call must be able to find it.
    fn born(&self, born: &Born, record: &mut Record, process: &mut Option<Process>) -> Result<()> {
        let pidfd = born.pidfd.try_clone().map_err(|error| Error::std("copy", "pidfd", &error))?;
        tracing::debug!("init is born: process {}", born.pid.as_raw_nonzero());
        let made = Process::of_child(born.pid.as_raw_nonzero().get(), pidfd)?;
        record.set_init(&made);
        *process = Some(made);
        self.entry.save(record)
    }

    /// Answers init until the container is what it shall be.
    fn raise(&self, born: &Born, record: &mut Record, process: &Process) -> Result<Option<OwnedFd>> {
        let steps = Sentences::of(&self.prepared.plan);
        let mut host = Host { making: self, record, process, pidfd: &born.pidfd, terminal: None };
        let talk = |host: &mut Host<'_, '_>, until_ready| {
            trace::step("converse", || launch::converse(born.sync.as_fd(), &steps, host, until_ready))
        };
        talk(&mut host, true).map_err(|error| crate::died::explain(error, &self.prepared.record))?;
        if self.how != How::Created {
            talk(&mut host, false)?;
        }
        let terminal = host.terminal;
        if self.how != How::Created {
            record.stage = Stage::Running;
            self.entry.save(record)?;
            self.poststart(record)?;
        }
        Ok(terminal)
    }

    fn poststart(&self, record: &Record) -> Result<()> {
        let hooks = self.prepared.spec.hooks().as_ref().and_then(|hooks| hooks.poststart().as_ref());
        poststart(hooks, record)
    }
}

/// Runs the hooks poststart.
pub(crate) fn poststart(hooks: Option<&Vec<oci::Hook>>, record: &Record) -> Result<()> {
    if hooks.is_none_or(Vec::is_empty) {
        return Ok(());
    }
    let state = hook_state(record, Status::Running, Some(record.init_process_pid));
    Ok(hooks::run("poststart", hooks, &String::from_utf8_lossy(&state), &record.bundle)?)
}

/// The socket that `start` connects to. Its directory is ours alone and so is it.
fn listen(entry: &Entry) -> Result<OwnedFd> {
    let failed = |errno: rustix::io::Errno| Error::io("listen at", entry.path().join(START_SOCKET), errno);
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(failed)?;
    rustix::net::bind(&socket, &address(entry.dir()).map_err(failed)?).map_err(failed)?;
    chmodat(entry.dir(), START_SOCKET, Mode::from_raw_mode(0o600), rustix::fs::AtFlags::empty()).map_err(failed)?;
    rustix::net::listen(&socket, 1).map_err(failed)?;
    Ok(socket)
}

/// The start socket's address, by descriptor: a socket's path may be no longer than 108 bytes.
pub(crate) fn address(directory: BorrowedFd<'_>) -> Result<SocketAddrUnix, rustix::io::Errno> {
    SocketAddrUnix::new(format!("/proc/self/fd/{}/{START_SOCKET}", directory.as_raw_fd()))
}

/// What the runtime process does when init asks for it.
struct Host<'a, 'm> {
    making: &'a Making<'m>,
    record: &'a mut Record,
    process: &'a Process,
    pidfd: &'a OwnedFd,
    terminal: Option<OwnedFd>,
}

impl Host<'_, '_> {
    fn hooks(&self) -> Result<()> {
        let Some(hooks) = self.making.prepared.spec.hooks() else { return Ok(()) };
        let state = hook_state(self.record, Status::Creating, Some(self.process.pid()));
        let state = String::from_utf8_lossy(&state);
        let bundle = &self.making.prepared.bundle;
        #[allow(deprecated)]
        hooks::run("prestart", hooks.prestart().as_ref(), &state, bundle)?;
        Ok(hooks::run("createRuntime", hooks.create_runtime().as_ref(), &state, bundle)?)
    }

    fn all_set(&mut self) -> Result<()> {
        let request = self.making.request;
        self.record.stage = Stage::Created;
        self.making.entry.save(self.record)?;
        let (socket, file) = (request.pidfd_socket.as_deref(), request.pid_file.as_deref());
        handover::announce(socket, file, self.pidfd.as_fd(), self.process.pid())
    }
}

impl Attendant for Host<'_, '_> {
    fn runtime_hooks(&mut self) -> Result<(), launch::Error> {
        trace::step("runtime-hooks", || self.hooks()).map_err(|error| launch::Error::Attendant(Box::new(error)))
    }

    fn terminal(&mut self, master: OwnedFd) -> Result<(), launch::Error> {
        handover::terminal(self.making.request.console_socket.as_deref(), master, &mut self.terminal)
            .map_err(|error| launch::Error::Attendant(Box::new(error)))
    }

    fn seccomp_listener(&mut self, number: i32) -> Result<(), launch::Error> {
        let (pid, spec) = (self.process.pid(), &self.making.prepared.spec);
        let state = HookState::new(self.record, Status::Creating, Some(pid));
        handover::seccomp_listener(self.pidfd, number, pid, spec, &state)
            .map_err(|error| launch::Error::Attendant(Box::new(error)))
    }

    fn ready(&mut self) -> Result<(), launch::Error> {
        trace::step("ready", || self.all_set()).map_err(|error| launch::Error::Attendant(Box::new(error)))
    }
}
