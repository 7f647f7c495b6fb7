//! Making a container: `create`, and the first half of `run`.

use crate::entry::{Entry, START_SOCKET};
use crate::error::{Error, Result, attending, keeping};
use crate::handover;
use crate::hooks;
use crate::id::ContainerId;
use crate::process::Process;
use crate::record::{Record, Stage};
use crate::resctrl_groups;
use crate::state::{HookState, hook_state, hook_state_around_pid};
use crate::status::Status;
use crate::store::Store;
use crate::tracing_file::traced;
use launch::{Attendant, Born, Facts, Given, HasFilter, Host, Keep, trace};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, chmodat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use security::seccomp::Filter;
use spec::oci::{self, Spec};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
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
    /// `--systemd-cgroup`
    pub systemd_cgroup: bool,
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
    /// What is on record of it.
    pub(crate) record: Record,
    /// Its hooks poststop.
    pub(crate) poststop: Vec<oci::Hook>,
}

/// What is read of the bundle and of the host before anything is made.
#[derive(Debug)]
pub(crate) struct Loaded {
    bundle: PathBuf,
    rootfs: PathBuf,
    pub(crate) config: spec::Loaded,
    pub(crate) resctrl: Option<resctrl::Plan>,
    record: Record,
    facts: Facts,
    layout: cgroups::Layout,
    /// The state documents for hooks inside the container, around the pid: while it is created, and then.
    states: [(String, String); 2],
    passed: handover::Listening,
}

impl Container {
    /// Makes a container; with [`How::Created`] it waits for `start`, else its program runs when this returns.
    pub(crate) fn make(store: &Store, id: &ContainerId, request: &Request, how: How) -> Result<Self> {
        let loaded = trace::step("load", || load(id, request, how))?;
        let asked = loaded.asked(id, request, how);
        let (draft, cgroup) = trace::step("plan", || loaded.plan(&asked))?;
        check_terminal(&loaded.config.spec, request, how)?;
        if request.systemd_cgroup {
            cgroups::systemd::Unit::check()?;
        }
        handover::check_descriptors(request.preserve_fds)?;
        for warning in &loaded.config.warnings {
            tracing::warn!("{warning}");
        }
        let entry = store.create(id, loaded.facts.umask)?;
        let mut record = loaded.record.clone();
        record.own_pid_namespace = draft.own_pid_namespace();
        crate::cgroup::note(&mut record, &cgroup);
        let mut making = Making::new(&entry, &loaded, &cgroup, record, request, how);
        let looked = making.look().and_then(|()| if making.is_all_new() { Ok(()) } else { loaded.check(&asked) });
        if let Err(error) = looked {
            // What is in those groups is not ours: nothing of it may be taken back.
            entry.remove()?;
            return Err(error);
        }
        if let Err(error) = making.make(draft) {
            making.undo(&error);
            return Err(error);
        }
        let Making { process, terminal, record, .. } = making;
        let poststop = crate::poststop::of(&loaded.config.spec).cloned().unwrap_or_default();
        Ok(Container { process: process.ok_or(Error::NotRunning)?, terminal, record, poststop, entry })
    }
}

/// Reads the bundle, and of the host what a plan depends on.
pub(crate) fn load(id: &ContainerId, request: &Request, how: How) -> Result<Loaded> {
    let bundle = std::path::absolute(&request.bundle).map_err(|error| Error::std("find", &request.bundle, &error))?;
    let config = spec::load(&bundle)?;
    let spec = &*config.spec;
    if how != How::Created {
        spec::process(spec)?;
    }
    let rootfs = rootfs(spec, &bundle)?;
    let mut record = Record::new(id.as_str(), spec.version());
    record.bundle.clone_from(&bundle);
    record.rootfs.clone_from(&rootfs);
    record.annotations = spec.annotations().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    if !request.no_new_keyring {
        // Keyrings of a name are shared by all who may search them. Nobody can make one first of a name that has the time.
        record.session_keyring = format!("_ses.{id}.{}", record.created);
    }
    record.without_process = spec.process().is_none();
    record.without_later_hooks = !has_later_hooks(spec);
    let cgroups_path = spec.linux().as_ref().and_then(|linux| linux.cgroups_path().as_deref());
    Ok(Loaded {
        rootfs,
        resctrl: resctrl_groups::plan(id.as_str(), spec)?,
        facts: Facts::gather_for_create(spec),
        layout: cgroups::Layout::detect_for(cgroups_path).map_err(launch::Error::from)?,
        states: [Status::Creating, Status::Created].map(|status| hook_states(&record, status)),
        passed: handover::Listening::from_environment(),
        record,
        bundle,
        config,
    })
}

impl Loaded {
    /// Looks for all that the config may be refused for; else that is found when there is a process.
    fn check(&self, asked: &launch::Request<'_>) -> Result<()> {
        self.plan(asked)?.0.finish()?;
        Ok(())
    }

    /// What is asked for beside the config.
    pub(crate) fn asked<'a>(&'a self, id: &'a ContainerId, request: &Request, how: How) -> launch::Request<'a> {
        let [creating, created] = &self.states;
        launch::Request {
            id: id.as_str(),
            bundle: &self.bundle,
            rootfs: &self.rootfs,
            systemd_cgroup: request.systemd_cgroup,
            no_pivot: request.no_pivot,
            session_keyring: Some(self.record.session_keyring.as_str()).filter(|name| !name.is_empty()),
            preserve_fds: request.preserve_fds + self.passed.count,
            awaits_start: how == How::Created,
            joins: false,
            filter: self,
            environment: self.passed.environment(),
            creating: (&creating.0, &creating.1),
            created: (&created.0, &created.1),
        }
    }

    /// The plan, and that of the cgroup.
    pub(crate) fn plan<'a>(&'a self, asked: &'a launch::Request<'_>) -> Result<(launch::Draft<'a>, cgroups::Plan)> {
        let (draft, mut cgroup) = launch::create(&self.config.spec, asked, &self.facts, &self.layout)?;
        cgroup.umask = self.facts.umask;
        Ok((draft, cgroup))
    }
}

impl HasFilter for Loaded {
    fn filter(&self) -> Result<Option<Filter>, launch::Error> {
        let section = self.config.seccomp().map_err(|error| keeping(error.into()))?;
        Ok(section.as_deref().map(security::seccomp::compile).transpose()?)
    }
}

/// The state document for hooks inside the container, around the pid.
fn hook_states(record: &Record, status: Status) -> (String, String) {
    let (before, after) = hook_state_around_pid(record, status);
    (String::from_utf8_lossy(&before).into_owned(), String::from_utf8_lossy(&after).into_owned())
}

/// The root file system's directory, which must be there.
fn rootfs(spec: &Spec, bundle: &Path) -> Result<PathBuf> {
    let path = spec.root().as_ref().map(|root| bundle.join(root.path())).unwrap_or_default();
    let failed = |errno| Error::Rootfs { path: path.clone(), errno };
    // The kernel walks the path once, and says where that has led.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let found = rustix::fs::open(&path, flags, Mode::empty()).map_err(failed)?;
    let whole = rustix::fs::readlink(format!("/proc/self/fd/{}", found.as_raw_fd()), Vec::new()).map_err(failed)?;
    Ok(OsString::from_vec(whole.into_bytes()).into())
}

/// Whether the config names hooks that are run after the container is made.
fn has_later_hooks(spec: &Spec) -> bool {
    let some = |hooks: &Option<Vec<oci::Hook>>| hooks.as_ref().is_some_and(|hooks| !hooks.is_empty());
    spec.hooks().as_ref().is_some_and(|hooks| some(hooks.poststart()) || some(hooks.poststop()))
}

/// A terminal needs somebody who takes its other end.
fn check_terminal(spec: &Spec, request: &Request, how: How) -> Result<()> {
    let terminal = spec.process().as_ref().is_some_and(|process| process.terminal().unwrap_or(false));
    handover::check_console(terminal, request.console_socket.is_some(), how != How::Foreground)
}

/// The making of a container: what the runtime process does of its plan that is not the launch's.
struct Making<'a> {
    entry: &'a Entry,
    loaded: &'a Loaded,
    cgroup: &'a cgroups::Plan,
    request: &'a Request,
    how: How,
    /// All cgroups that are planned, less what can't be made, and whether none of them was there.
    planned: cgroups::Paths,
    new: bool,
    record: Record,
    /// The resctrl groups, once they are made.
    groups: Option<resctrl::Groups>,
    process: Option<Process>,
    /// The terminal's master, where it stays with us.
    terminal: Option<OwnedFd>,
    /// Whether the pid file is written.
    announced: bool,
}

impl<'a> Making<'a> {
    fn new(
        entry: &'a Entry,
        loaded: &'a Loaded,
        cgroup: &'a cgroups::Plan,
        record: Record,
        request: &'a Request,
        how: How,
    ) -> Self {
        Making {
            entry,
            loaded,
            cgroup,
            request,
            how,
            planned: record.cgroup_paths.clone(),
            new: false,
            record,
            groups: None,
            process: None,
            terminal: None,
            announced: false,
        }
    }

    /// Looks whether the groups that are to be made are fit, and notes what of them will be the container's.
    fn look(&mut self) -> Result<()> {
        self.new = !self.cgroup.check().map_err(launch::Error::from)?;
        if let Some(plan) = &self.loaded.resctrl {
            resctrl_groups::note(&mut self.record, &plan.look()?);
        }
        Ok(())
    }

    /// Whether nothing that somebody else has made will be changed.
    fn is_all_new(&self) -> bool {
        self.new && self.loaded.resctrl.is_none()
    }

    fn make(&mut self, draft: launch::Draft<'_>) -> Result<()> {
        let walked = launch::walk(draft, Given::default(), self);
        walked.map_err(|error| crate::died::explain(error, &self.as_planned()))
    }

    /// What is on record, with all cgroups that were planned: their making may have ended half-way.
    fn as_planned(&self) -> Record {
        Record { cgroup_paths: self.planned.clone(), ..self.record.clone() }
    }

    /// Takes back all that was made. What can't be taken back is said and left for `delete --force`.
    fn undo(&self, error: &Error) {
        if let Some(file) = self.request.pid_file.as_ref().filter(|_| self.announced) {
            // An engine takes its presence for success.
            drop(std::fs::remove_file(file));
        }
        if let Some(groups) = &self.groups {
            groups.abandon();
        }
        // Nobody but us has seen a container that its config did not allow.
        let hooks = crate::poststop::of(&self.loaded.config.spec).filter(|_| !error.is_late_refusal());
        let mut hooks = |_: &Entry, record: &Record| crate::poststop::run(hooks.map_or(&[][..], Vec::as_slice), record);
        if let Err(error) = crate::delete::remove(self.entry, &self.as_planned(), &mut hooks) {
            tracing::warn!("{error}");
        }
    }

    /// With the config, where what takes the container away has hooks to run; else that is kept while init is at work.
    fn save_state(&self) -> Result<()> {
        if !self.record.without_later_hooks {
            self.entry.write_config(&self.loaded.config.bytes)?;
        }
        self.entry.save(&self.record)
    }

    fn make_cgroups(&mut self, given: &mut Given<'_>) -> Result<(), cgroups::Error> {
        let cgroup = self.cgroup;
        if let (Some(_), Some(process)) = (&cgroup.unit, &self.process) {
            self.record.cgroup_paths = cgroup.create_around(process.pid())?;
            return Ok(());
        }
        // What was made is gone again; what somebody else has made meanwhile, and is in, is not to be taken back.
        let paths = cgroup.create().inspect_err(|_| self.planned = cgroups::Paths::default())?;
        let entrance = paths.entrance()?;
        (given.cgroup_tasks, given.cgroup) = (entrance.tasks, entrance.directory);
        self.record.cgroup_paths = paths;
        Ok(())
    }

    fn set_limits(&self) -> Result<(), cgroups::Error> {
        self.cgroup.limit(&self.record.cgroup_paths)
    }

    fn set_devices(&self, given: &Given<'_>) -> Result<(), cgroups::Error> {
        self.cgroup.confine(&self.record.cgroup_paths, given.cgroup.as_ref().map(AsFd::as_fd), self.new)
    }

    fn make_resctrl(&mut self) -> Result<()> {
        let (Some(plan), Some(mut groups)) = (&self.loaded.resctrl, resctrl_groups::of(&self.record)) else {
            return Ok(());
        };
        let made = plan.make(&mut groups);
        // What somebody else has made meanwhile is not to be removed.
        resctrl_groups::note(&mut self.record, &groups);
        made?;
        self.groups = Some(groups);
        Ok(())
    }

    fn enter_resctrl(&self) -> Result<()> {
        let pid = self.process()?.pid();
        Ok(self.groups.as_ref().map_or(Ok(()), |groups| groups.enter(pid))?)
    }

    fn poststart(&self) -> Result<()> {
        let hooks = self.loaded.config.spec.hooks().as_ref().and_then(|hooks| hooks.poststart().as_ref());
        poststart(hooks, &self.record)
    }

    /// As soon as there is a process, a later call must be able to find it.
    fn note(&mut self, born: &Born) -> Result<()> {
        self.record.set_init(self.process.insert(Process::of_born(born)))?;
        self.entry.save(&self.record)?;
        if self.record.without_later_hooks {
            self.entry.write_config(&self.loaded.config.bytes)?;
        }
        Ok(())
    }

    fn process(&self) -> Result<&Process> {
        self.process.as_ref().ok_or(Error::NotRunning)
    }

    fn hooks(&self) -> Result<()> {
        let Some(hooks) = self.loaded.config.spec.hooks() else { return Ok(()) };
        let state = hook_state(&self.record, Status::Creating, Some(self.process()?.pid()));
        let state = String::from_utf8_lossy(&state);
        let bundle = &self.loaded.bundle;
        #[allow(deprecated)]
        hooks::run("prestart", hooks.prestart().as_ref(), &state, bundle)?;
        Ok(hooks::run("createRuntime", hooks.create_runtime().as_ref(), &state, bundle)?)
    }

    fn seccomp_agent(&self, number: i32) -> Result<()> {
        let process = self.process()?;
        let state = HookState::new(&self.record, Status::Creating, Some(process.pid()));
        handover::seccomp_listener(process, number, self.loaded.config.seccomp()?.as_deref(), &state)
    }

    fn all_set(&mut self) -> Result<()> {
        self.record.stage = if self.how == How::Created { Stage::Created } else { Stage::Running };
        self.entry.save(&self.record)?;
        let (socket, file) = (self.request.pidfd_socket.as_deref(), self.request.pid_file.as_deref());
        self.announced = true;
        handover::announce(socket, file, self.process()?)
    }
}

impl Host for Making<'_> {
    fn keep(&mut self, what: Keep, given: &mut Given<'_>) -> Result<(), launch::Error> {
        let kept = match what {
            Keep::MakeCgroups => return Ok(self.make_cgroups(given)?),
            Keep::SetLimits => return Ok(self.set_limits()?),
            Keep::SetDevices => return Ok(self.set_devices(given)?),
            Keep::MakeResctrl => self.make_resctrl(),
            Keep::EnterResctrl => self.enter_resctrl(),
            Keep::SaveState => self.save_state(),
            Keep::Listen => listen(self.entry).map(|socket| given.start_socket = Some(socket)),
            Keep::Poststart => self.poststart(),
        };
        kept.map_err(keeping)
    }

    fn born(&mut self, born: &Born) -> Result<(), launch::Error> {
        self.note(born).map_err(attending)
    }
}

impl Attendant for Making<'_> {
    fn runtime_hooks(&mut self) -> Result<(), launch::Error> {
        trace::step("runtime-hooks", || self.hooks()).map_err(attending)
    }

    fn terminal(&mut self, master: OwnedFd) -> Result<(), launch::Error> {
        handover::terminal(self.request.console_socket.as_deref(), master, &mut self.terminal).map_err(attending)
    }

    fn seccomp_listener(&mut self, number: i32) -> Result<(), launch::Error> {
        self.seccomp_agent(number).map_err(attending)
    }

    fn ready(&mut self) -> Result<(), launch::Error> {
        trace::step("ready", || self.all_set()).map_err(attending)
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
