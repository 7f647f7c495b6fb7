//! The order of everything that init does, on one page: this list *is* the order of events inside a container.
//!
//! Each group says why it stands where it stands. The steps themselves are described in [`plan::Step`].

use crate::descriptors::{Descriptor, Descriptors};
use crate::error::Error;
use crate::joining::{entered, entered_before, joins_by_birth, made_by_init};
use crate::request::{Facts, Request};
use namespaces::{Join, Wanted};
use plan::{Bytes, Hook, Step, Text, Texts, Writer};
use spec::oci::{self, Process, Spec};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use sys::namespace::{CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS};

/// CAP_SYS_ADMIN: what installing a filter needs without no-new-privileges.
const SYS_ADMIN: u64 = 1 << 21;

/// A plan under construction.
pub(crate) struct Order<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) request: &'a Request<'a>,
    pub(crate) facts: Facts,
    pub(crate) wanted: Wanted,
    pub(crate) steps: Writer,
    pub(crate) descriptors: Descriptors,
    pub(crate) warnings: Vec<String>,
}

impl Order<'_> {
    /// What init of a new container does while the runtime process works out the rest: what takes the kernel long.
    pub(crate) fn begin_create(&mut self, made_by_clone: u32) {
        self.signals();
        self.enter_by_birth(made_by_clone);
        self.push("", Step::NewSession);
        if self.wanted.makes(CLONE_NEWNET) {
            self.push("/linux/namespaces", Step::LoopbackUp);
        }
        self.push("", Step::ReceivePlan);
    }

    /// The rest; `awaits_devices` where the runtime process moves network devices in.
    pub(crate) fn end_create(&mut self, awaits_devices: bool) -> Result<(), Error> {
        self.enter()?;
        self.root(awaits_devices)?;
        self.system()?;
        if let Some(process) = self.spec.process() {
            self.process(process)?;
        } else {
            // Only `start` needs one, and says so.
            self.seal();
            self.wait(None, None);
        }
        self.last();
        Ok(())
    }

    /// What a process that joins a container, `exec`, does while the runtime process works out the rest. Which namespaces
    /// of `kinds` are entered then is what it returns.
    pub(crate) fn begin_exec(&mut self, kinds: u32) -> u32 {
        self.signals();
        let mut kinds = self.enter_unseen(kinds);
        if kinds & CLONE_NEWPID != 0 {
            let pid = Some(self.descriptors.add(Descriptor::Init));
            // Who is not root may enter the PID namespace only as somebody of the user namespace.
            let inside = !self.facts.root && kinds & CLONE_NEWUSER != 0;
            let user = inside.then(|| self.descriptors.add(Descriptor::Init));
            let cgroup = self.facts.cgroup_directory.then(|| self.descriptors.add(Descriptor::Cgroup));
            self.push("", Step::Reborn { pid, user, new: 0, cgroup });
            if inside {
                self.push("", Step::BecomeRoot);
            }
            kinds &= !(CLONE_NEWPID | if inside { CLONE_NEWUSER } else { 0 });
        }
        self.push("", Step::ReceivePlan);
        kinds
    }

    /// The rest: the namespaces of `kinds` that are still to be entered; `rooted` where a mount namespace is or was.
    pub(crate) fn end_exec(&mut self, process: &Process, kinds: u32, rooted: bool) -> Result<(), Error> {
        self.join_cgroups();
        self.cpus(process)?;
        // Our procfs is of the container's PID namespace by birth.
        if needs_procfs(self.spec, process, false) {
            self.push("", Step::Procfs);
        }
        self.enter_namespaces_of_init(kinds);
        if kinds & CLONE_NEWUSER != 0 {
            self.push("", Step::BecomeRoot);
        }
        if !rooted {
            self.open_root_by_path();
        }
        self.push("", Step::NewSession);
        if process.terminal().unwrap_or(false) {
            self.terminal(process, false);
        }
        self.keyring(process)?;
        self.process(process)?;
        self.last();
        Ok(())
    }

    /// Before the PID namespace: in there a container with CAP_SYS_PTRACE can look into whoever comes, and finds nothing
    /// of the host, neither its root nor its network. A user namespace keeps it from looking, and its rights are not
    /// enough to be born in the cgroup; nor is the view from a cgroup namespace. What is left to be entered.
    fn enter_unseen(&mut self, kinds: u32) -> u32 {
        if kinds & CLONE_NEWPID == 0 || kinds & CLONE_NEWUSER != 0 {
            return kinds;
        }
        let late = CLONE_NEWPID | CLONE_NEWCGROUP;
        self.enter_namespaces_of_init(kinds & !late);
        kinds & late
    }

    fn enter_namespaces_of_init(&mut self, kinds: u32) {
        if kinds != 0 {
            let process = self.descriptors.add(Descriptor::Init);
            self.push("", Step::EnterNamespacesOf { process, kinds });
        }
    }

    fn push(&mut self, place: &str, step: Step<'_>) {
        self.steps.push(place, step);
    }

    /// What our caller ignores says nothing of the container.
    fn signals(&mut self) {
        self.push("", Step::Signals { ignored: self.facts.ignored_signals });
    }

    fn join_cgroups(&mut self) {
        for number in 0..self.facts.cgroup_tasks {
            let tasks = self.descriptors.add(Descriptor::CgroupTasks(number));
            self.push("/linux/cgroupsPath", Step::JoinCgroup { tasks });
        }
    }

    /// What the runtime process may run on says nothing of the container: it gets the CPUs of its cgroup, or of those
    /// the ones that the config names for a process that joins.
    fn cpus(&mut self, process: &Process) -> Result<(), Error> {
        let list = process.exec_cpu_affinity().as_ref().and_then(|affinity| affinity.cpu_affinity_final().as_deref());
        let (place, list) = list.map_or(("", ""), |list| ("/process/execCPUAffinity/final", list));
        let mask = security::scheduling::cpus(place, list)?;
        self.push(place, Step::CpuAffinity { mask: Bytes(&mask) });
        Ok(())
    }

    /// What must be before there is a process in the container, where a PID or user namespace is joined; else the new
    /// namespaces that clone3 has not made. Nobody can see this process before.
    fn enter_by_birth(&mut self, made_by_clone: u32) {
        for join in entered_before(&self.wanted, self.facts.root).cloned().collect::<Vec<_>>() {
            self.enter_namespace(&join);
        }
        if joins_by_birth(&self.wanted) {
            let mut join = |kind| {
                let join = self.wanted.join(kind)?;
                Some(self.descriptors.add(Descriptor::Namespace(join.clone())))
            };
            let (pid, user) = (join(CLONE_NEWPID), join(CLONE_NEWUSER));
            let cgroup = self.facts.cgroup_directory.then(|| self.descriptors.add(Descriptor::Cgroup));
            self.push("/linux/namespaces", Step::Reborn { pid, user, new: made_by_clone, cgroup });
            self.push("", Step::AwaitWord);
            if user.is_some() || made_by_clone & CLONE_NEWUSER != 0 {
                self.push("/linux/namespaces", Step::BecomeRoot);
            }
        }
        let mut kinds = made_by_init(&self.wanted) & !made_by_clone;
        if self.wanted.makes(CLONE_NEWCGROUP) && !self.joins_cgroups() {
            kinds |= CLONE_NEWCGROUP;
        }
        if kinds != 0 {
            self.push("/linux/namespaces", Step::NewNamespaces { kinds });
        }
    }

    /// Whether it is not born in all of its cgroups.
    fn joins_cgroups(&self) -> bool {
        self.facts.cgroup_tasks != 0
    }

    /// Cgroups first, so that all that follows is accounted; then the namespaces that are joined, and the one whose root
    /// is where its maker is.
    fn enter(&mut self) -> Result<(), Error> {
        self.join_cgroups();
        self.push("", Step::CpuAffinity { mask: Bytes(&[]) });
        for join in entered(&self.wanted, self.facts.root).cloned().collect::<Vec<_>>() {
            self.enter_namespace(&join);
        }
        if self.wanted.makes(CLONE_NEWCGROUP) && self.joins_cgroups() {
            self.push("/linux/namespaces", Step::NewNamespaces { kinds: CLONE_NEWCGROUP });
        }
        let default = Process::default();
        // Of the namespaces that have been entered; the first to write to it is the keyring's label.
        if needs_procfs(self.spec, self.spec.process().as_ref().unwrap_or(&default), true) {
            self.push("", Step::Procfs);
        }
        if let Some(process) = self.spec.process() {
            self.keyring(process)?;
        }
        Ok(())
    }

    fn enter_namespace(&mut self, join: &Join) {
        let namespace = self.descriptors.add(Descriptor::Namespace(join.clone()));
        self.steps.push(&join.place, Step::EnterNamespace { namespace, kind: join.kind });
    }

    /// In the container's user namespace, where the name is looked for, and before anything of the config runs: no key
    /// of the caller's comes along.
    fn keyring(&mut self, process: &Process) -> Result<(), Error> {
        let Some(name) = self.request.session_keyring else { return Ok(()) };
        security::labels::push_selinux_keys(process, self.facts.lsm, &mut self.steps)?;
        let name = c(name);
        self.push("", Step::SessionKeyring { name: Text(&name) });
        Ok(())
    }

    /// The root file system: mounts in the config's order, then devices, then the hooks that want to see both before
    /// the old root is gone.
    fn root(&mut self, awaits_devices: bool) -> Result<(), Error> {
        let rootfs = self.facts.rootfs(self.request);
        rootfs::prepare(self.spec, &rootfs, &mut self.steps)?;
        let descriptors = &mut self.descriptors;
        let mut user_namespace = |namespace| descriptors.add(Descriptor::UserNamespace(namespace));
        rootfs::mounts(self.spec, &rootfs, &mut user_namespace, &mut self.steps)?;
        rootfs::devices(self.spec, &rootfs, &mut self.steps)?;
        if let Some(process) = self.spec.process().as_ref().filter(|process| process.terminal().unwrap_or(false)) {
            self.terminal(process, true);
        }
        let hooks = self.spec.hooks().as_ref();
        #[allow(deprecated)]
        let runtime = hooks.is_some_and(|hooks| {
            let any = |list: &Option<Vec<oci::Hook>>| list.as_ref().is_some_and(|list| !list.is_empty());
            any(hooks.prestart()) || any(hooks.create_runtime())
        });
        // Hooks and sysctls find the network devices there.
        if runtime || awaits_devices {
            self.push(if runtime { "/hooks" } else { "/linux/netDevices" }, Step::RuntimeHooks);
        }
        self.hooks("createContainer", hooks.and_then(|hooks| hooks.create_container().as_ref()));
        rootfs::pivot(self.spec, &rootfs, &mut self.steps);
        Ok(())
    }

    /// What is set of the new system as a whole: sysctls after the hooks of the runtime, which may have made the
    /// network devices that they are about; read-only last, so that nothing has to be written through it.
    fn system(&mut self) -> Result<(), Error> {
        if let Some(name) = self.spec.hostname().as_ref().filter(|name| !name.is_empty()) {
            let name = c(name);
            self.push("/hostname", Step::Hostname { name: Text(&name) });
        }
        if let Some(name) = self.spec.domainname().as_ref().filter(|name| !name.is_empty()) {
            let name = c(name);
            self.push("/domainname", Step::Domainname { name: Text(&name) });
        }
        if let Some(linux) = self.spec.linux() {
            security::sysctl::push_sysctls(linux, self.own_namespaces(), &mut self.steps)?;
        }
        let rootfs = self.facts.rootfs(self.request);
        rootfs::protect(self.spec, &rootfs, &mut self.steps)?;
        Ok(())
    }

    /// Which namespaces of its own the container may set sysctls of.
    fn own_namespaces(&self) -> security::sysctl::Own {
        let own = |kind| self.wanted.has(kind) && self.facts.shared_namespaces & kind == 0;
        security::sysctl::Own {
            ipc: own(CLONE_NEWIPC),
            network: own(CLONE_NEWNET),
            uts: own(CLONE_NEWUTS),
            user: own(CLONE_NEWUSER),
        }
    }

    fn terminal(&mut self, process: &Process, console: bool) {
        let size = process.console_size();
        let cells = |cells: u64| u16::try_from(cells).unwrap_or(u16::MAX);
        self.push(
            "/process/terminal",
            Step::Terminal {
                rows: size.as_ref().map_or(0, |size| cells(size.height())),
                columns: size.as_ref().map_or(0, |size| cells(size.width())),
                console,
                owner: process.user().uid(),
            },
        );
    }

    /// The process, from what needs most rights to what needs least. The user changes before the program is looked
    /// up, since it must be the user who may execute it.
    ///
    /// It is runc's order, but for three: labels, which take effect with the program, are written when nothing can be
    /// mounted over our procfs any more; descriptors are closed (and where the working directory is, is asked of the
    /// kernel) before a path of the image's is looked up, not after; and a filter comes after `start`, whether privileges
    /// can grow or not, so that it need not allow what only we call.
    fn process(&mut self, process: &Process) -> Result<(), Error> {
        let filter = self.filter()?;
        // What it notes takes it as long as we need for the rest. Who waits for `start` has all of it behind him.
        if !self.request.awaits_start && !notifies(filter.as_ref()) {
            // Of a process that joins all is noted already; but our procfs, if any, is to be closed by who has the time.
            let silent = self.request.joins && !needs_procfs(self.spec, process, false);
            self.push("", if silent { Step::Untie } else { Step::Ready });
        }
        // Labels, priorities and policies need rights that go with the user.
        security::labels::push_apparmor(process, self.facts.lsm, &mut self.steps)?;
        security::labels::push_selinux(process, self.facts.lsm, &mut self.steps)?;
        security::scheduling::push_scheduler(process, &mut self.steps)?;
        security::scheduling::push_io_priority(process, &mut self.steps)?;
        if let Some(linux) = self.spec.linux() {
            security::scheduling::push_memory_policy(linux, &mut self.steps)?;
            security::scheduling::push_personality(linux, &mut self.steps)?;
        }
        let user = process.user();
        if let Some(mask) = user.umask() {
            self.push("/process/user/umask", Step::Umask { mask: u16::try_from(mask & 0o777).unwrap_or(0o22) });
        } else {
            // runc and crun force it, and images rely on it.
            self.push("", Step::Umask { mask: 0o022 });
        }
        let no_new_privileges = process.no_new_privileges().unwrap_or(false);
        if no_new_privileges {
            // Nothing that follows gains privileges by executing; a filter may then be installed without any.
            self.push("/process/noNewPrivileges", Step::NoNewPrivileges);
        }
        // With root's rights: the directory may be closed to the user.
        let cwd = c(&process.cwd().to_string_lossy());
        self.push("/process/cwd", Step::WorkingDirectory { path: Text(&cwd), create: true });
        let (sets, warnings) = security::capabilities::capabilities(process, self.facts.capabilities);
        self.warnings.extend(warnings);
        // While there is CAP_SETPCAP.
        let drop = self.facts.bounding & !sets.bounding;
        self.push("/process/capabilities/bounding", Step::BoundingSet { drop });
        if !process.terminal().unwrap_or(false) {
            // While there is CAP_CHOWN.
            self.push("", Step::OwnStandardStreams { uid: user.uid(), gid: user.gid() });
        }
        // Groups before the user: they need CAP_SETGID, which goes with root. The home is read as root.
        self.groups(user)?;
        self.push("/process/env", Step::Home { uid: user.uid() });
        // As late as there are the rights to raise them: they are for the program, not for what we still do.
        security::limits::push_rlimits(process, &mut self.steps)?;
        // Who is that user in every way already need not become it.
        if self.facts.identity != Some((user.uid(), user.gid())) {
            self.push("", Step::KeepCapabilities);
            self.push("/process/user", Step::User { uid: user.uid(), gid: user.gid() });
        }
        // The sets as they will be, less what is ambient, where CAP_SYS_ADMIN stays for the filter's sake.
        let late = filter.is_some() && !no_new_privileges;
        let extra = if late { SYS_ADMIN } else { 0 };
        let first = Step::Capabilities {
            effective: sets.effective | extra,
            permitted: sets.permitted | extra,
            inheritable: sets.inheritable,
            ambient: if late { 0 } else { sets.ambient },
        };
        self.push("/process/capabilities", first);
        // Before the program is looked up: no path that leads through a descriptor of the host's may be found.
        self.seal();
        let arguments = list(process.args().iter().flatten());
        let environment = self.environment(process);
        self.push(
            "/process/args",
            Step::Program {
                arguments: Texts::new(&arguments).unwrap_or_default(),
                environment: Texts::new(&environment).unwrap_or_default(),
            },
        );
        self.wait(filter.as_ref(), late.then_some(sets));
        Ok(())
    }

    /// Who is not root may let setgroups(2) be only in a user namespace with more groups than his own: see
    /// [`namespaces::write`].
    fn groups(&mut self, user: &oci::User) -> Result<(), Error> {
        const PLACE: &str = "/process/user/additionalGids";
        let asked = user.additional_gids().iter().flatten();
        let groups: Vec<u8> = asked.flat_map(|gid| gid.to_le_bytes()).collect();
        let maps = self.spec.linux().as_ref().and_then(|linux| linux.gid_mappings().as_ref());
        match maps.map(Vec::as_slice) {
            Some([one]) if !self.facts.root && one.size() == 1 => {
                if groups.is_empty() {
                    Ok(())
                } else {
                    Err(Error::Groups { place: PLACE })
                }
            }
            // Those of a user namespace that is joined are not known.
            None if !self.facts.root && groups.is_empty() => Ok(()),
            _ => {
                self.push(PLACE, Step::Groups { ids: Bytes(&groups) });
                Ok(())
            }
        }
    }

    fn seal(&mut self) {
        let listener = self.request.awaits_start.then(|| self.descriptors.add(Descriptor::StartSocket));
        self.push("", Step::SealDescriptors { listener });
    }

    /// The filter is installed as late as can be, so that it need not allow what only we call; what notifies comes
    /// before `Ready`, while the runtime process is there to hand the descriptor on.
    fn wait(&mut self, filter: Option<&security::seccomp::Filter>, late: Option<security::capabilities::Sets>) {
        let notifies = notifies(filter);
        if notifies {
            self.seccomp(filter, late);
        }
        if notifies || self.request.awaits_start {
            self.push("", Step::Ready);
        }
        // That a container runs is on record before its program does. Who joins one is on no record.
        if !self.request.joins {
            self.push("", Step::AwaitWord);
        }
        if self.request.awaits_start {
            let listener = self.descriptors.add(Descriptor::StartSocket);
            self.push("", Step::AwaitStart { listener });
        }
        if !notifies {
            self.seccomp(filter, late);
        }
    }

    fn seccomp(&mut self, filter: Option<&security::seccomp::Filter>, late: Option<security::capabilities::Sets>) {
        let Some(filter) = filter else { return };
        filter.push(&mut self.steps);
        if let Some(sets) = late {
            self.push(
                "/process/capabilities",
                Step::Capabilities {
                    effective: sets.effective,
                    permitted: sets.permitted,
                    inheritable: sets.inheritable,
                    ambient: sets.ambient,
                },
            );
        }
    }

    fn filter(&mut self) -> Result<Option<security::seccomp::Filter>, Error> {
        let Some(mut filter) = self.request.filter.filter()? else { return Ok(None) };
        self.warnings.append(&mut filter.warnings);
        tracing::debug!("seccomp filter flags: {}", filter.flags);
        Ok(Some(filter))
    }

    /// The hooks that run as the program would, under its filter; then the program. All that is open is close-on-exec.
    fn last(&mut self) {
        let hooks = self.spec.hooks().as_ref().filter(|_| !self.request.joins);
        self.hooks("startContainer", hooks.and_then(|hooks| hooks.start_container().as_ref()));
        self.push("/process/args", Step::Exec);
    }

    /// What the program finds in its environment.
    fn environment(&self, process: &Process) -> Vec<u8> {
        list(process.env().iter().flatten().chain(&self.request.environment))
    }

    fn hooks(&mut self, kind: &str, hooks: Option<&Vec<oci::Hook>>) {
        let process = self.spec.process().as_ref();
        for (index, hook) in hooks.into_iter().flatten().enumerate() {
            let path = c(&hook.path().to_string_lossy());
            let arguments = hook.args().as_ref().map_or_else(
                || list([&hook.path().to_string_lossy().into_owned()]),
                |arguments| list(arguments.iter()),
            );
            let environment = match hook.env() {
                Some(environment) => list(environment.iter()),
                // A hook without an environment of its own inherits one: inside the container, the program's.
                None if kind == "startContainer" => {
                    process.map(|process| self.environment(process)).unwrap_or_default()
                }
                None => own_environment(),
            };
            let (before, after) = if kind == "startContainer" { self.request.created } else { self.request.creating };
            let kind_text = c(kind);
            let step = Step::Hook(Hook {
                kind: Text(&kind_text),
                index: u16::try_from(index).unwrap_or(u16::MAX),
                path: Text(&path),
                arguments: Texts::new(&arguments).unwrap_or_default(),
                environment: Texts::new(&environment).unwrap_or_default(),
                timeout: hook.timeout().and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0),
                state: (Bytes(before.as_bytes()), Bytes(after.as_bytes())),
            });
            self.push(&format!("/hooks/{kind}/{index}"), step);
        }
    }

    /// A container without a mount namespace is entered by its root alone.
    fn open_root_by_path(&mut self) {
        let path = c(&self.request.rootfs.to_string_lossy());
        self.push("/root/path", Step::OpenRoot { path: Text(&path), bind: false, private: false });
        self.push("/root/path", Step::Chroot);
    }
}

/// Whether the runtime process has to hand a descriptor on.
fn notifies(filter: Option<&security::seccomp::Filter>) -> bool {
    filter.is_some_and(|filter| filter.notify)
}

/// Whether something will be written to `/proc`: sysctls and labels.
fn needs_procfs(spec: &Spec, process: &Process, sysctls: bool) -> bool {
    let sysctls =
        sysctls && spec.linux().as_ref().is_some_and(|linux| linux.sysctl().as_ref().is_some_and(|s| !s.is_empty()));
    let set = |label: &Option<String>| label.as_ref().is_some_and(|label| !label.is_empty());
    sysctls || set(process.apparmor_profile()) || set(process.selinux_label())
}

/// A string for the kernel. That there is no NUL in the config has been checked; what has one ends there.
fn c(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

/// The runtime's own environment, whatever bytes it holds, in the form of [`list`].
fn own_environment() -> Vec<u8> {
    let pair = |(name, value): (OsString, OsString)| [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat();
    std::env::vars_os().flat_map(pair).collect()
}

/// Strings one after the other, each ended by NUL.
fn list<'s>(strings: impl IntoIterator<Item = &'s String>) -> Vec<u8> {
    strings.into_iter().flat_map(|text| c(text).into_bytes_with_nul()).collect()
}
