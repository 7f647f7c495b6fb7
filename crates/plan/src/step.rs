//! The steps of init. One variant is one thing done to the kernel, or to the container's root.

use crate::text::{Bytes, Text, Texts};
use serde::{Deserialize, Serialize};

/// A descriptor that the runtime process opens for init, by its place in the list of those that it was born with
/// ([`crate::Header::descriptors`]) and those that came with its plan ([`crate::ToInit::Plan`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle(pub u16);

/// A path inside the container: absolute, resolved beneath the root and never out of it.
pub type Inside<'a> = Text<'a>;

/// One step of init. Its fields are named after what the call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[serde(bound(deserialize = "'de: 'a"))]
#[allow(missing_docs, reason = "a field is named as the call's argument; the variant says the rest")]
pub enum Step<'a> {
    // ---- entering -------------------------------------------------------------------------------------
    /// Block no signal and ignore none: all that is in `ignored` (bit 0 is signal 1) may be ignored now, and would be by
    /// the program. sigprocmask(2), sigaction(2).
    Signals { ignored: u64 },
    /// Go on as another process: enter the PID namespace `pid` and the user namespace `user`, which take in or own
    /// only what is made from then on, and be in `new` namespaces and the v2 cgroup `cgroup`, a child of the runtime
    /// process. So what is seen in a joined PID namespace is init alone, never the runtime's own program. Until the runtime
    /// process knows of the new one (it says so, or sends the plan) nothing may be said: it would come in between.
    Reborn { pid: Option<Handle>, user: Option<Handle>, new: u32, cgroup: Option<Handle> },
    /// Move this process into a v1 cgroup: write "0" to its `tasks`, open for writing.
    JoinCgroup { tasks: Handle },
    /// Enter an existing namespace. `kind` is its `CLONE_NEW*` flag. setns(2).
    EnterNamespace { namespace: Handle, kind: u32 },
    /// Enter the namespaces (`CLONE_NEW*` in `kinds`) of the process behind a pidfd. setns(2), Linux 5.8.
    EnterNamespacesOf { process: Handle, kinds: u32 },
    /// Make new namespaces of those kinds. unshare(2).
    NewNamespaces { kinds: u32 },
    /// Become root of the user namespace: setresgid(0), setresuid(0).
    BecomeRoot,
    /// A session keyring of that name, which the payload may search but not change. keyctl(2).
    SessionKeyring { name: Text<'a> },
    /// Set `lo` up. netdevice(7).
    LoopbackUp,
    /// A session of our own. setsid(2).
    NewSession,
    /// Wait for the steps that follow ([`crate::ToInit::Plan`]): the runtime process works them out while this one makes
    /// namespaces, which takes long.
    ReceivePlan,

    // ---- the root file system ---------------------------------------------------------------------------
    /// Change the propagation (`MS_*`, with `MS_REC` where it is for all below) of `/` of the mount namespace.
    Propagation { flags: u32 },
    /// Make the mount that holds `path` (on the host) private, so that nothing mounted below it shows
    /// outside.
    ParentPrivate { path: Text<'a> },
    /// Open the root file system at `path` (on the host); all later steps work beneath that descriptor.
    /// With `bind` it is first made a mount of its own, as pivot_root(2) needs, and with `private` one that no
    /// mount of the host's comes into.
    OpenRoot { path: Text<'a>, bind: bool, private: bool },
    /// Mount a procfs of our own, attached nowhere, for all later writes to `/proc` (sysctls, labels):
    /// nothing in the container can be in its way. It comes before the mounts, while the
    /// host's `/proc` is still fully visible, as mounting one in a user namespace needs.
    Procfs,
    /// Mount a file system.
    Mount(Mount<'a>),
    /// Mount a part of the host's tree.
    Bind(Bind<'a>),
    /// Change what is mounted at `target`: the option `remount`.
    Remount { target: Inside<'a>, attributes: Attributes, options: Texts<'a>, bind: bool },
    /// Change the attributes of the mount at `target`.
    SetAttributes { target: Inside<'a>, attributes: Attributes },
    /// A device node, FIFO or, where `from_host`, a bind of the host's device node of that path.
    Device(Device<'a>),
    /// A symbolic link at `path` with the text `to`. Something that is there already is left alone, or with
    /// `replace` removed (if it is not a directory).
    Link { path: Inside<'a>, to: Text<'a>, replace: bool },
    /// A directory, made with its parents (mode 0755) where it is missing.
    Directory { path: Inside<'a> },
    /// A terminal: open `dev/pts/ptmx` beneath the root, make the peer the standard streams and controlling
    /// terminal, give the master to the runtime process ([`crate::FromInit::Terminal`]), mount the peer at
    /// `/dev/console` where `console`. `rows` and `columns` of 0 leave the size.
    Terminal { rows: u16, columns: u16, console: bool, owner: u32 },
    /// Tell the runtime process that namespaces and mounts are made and wait until it has moved the
    /// network devices and run the hooks prestart and createRuntime.
    RuntimeHooks,
    /// Run a hook in the container's namespaces.
    Hook(Hook<'a>),
    /// Make the opened root `/`. pivot_root(2), the old root detached.
    PivotRoot,
    /// Make the opened root `/` where pivot_root can't work (a ramdisk): mount(2) with `MS_MOVE`, chroot(2).
    MoveRoot,
    /// chroot(2) into the opened root: a container without a mount namespace.
    Chroot,
    /// Change the propagation of the container's `/`, after the pivot.
    RootPropagation { flags: u32 },
    /// Set the host name. sethostname(2).
    Hostname { name: Text<'a> },
    /// Set the NIS domain name. setdomainname(2).
    Domainname { name: Text<'a> },
    /// Write `value` to `/proc/sys/<path>`, through a procfs of our own.
    Sysctl { path: Text<'a>, value: Text<'a> },
    /// Make what is at `path` read-only, with all below it. Absent paths are skipped.
    ReadonlyPath { path: Inside<'a> },
    /// Hide what is at `path`: an empty read-only tmpfs over a directory, the null device over anything
    /// else. Absent paths are skipped. All directories share one tmpfs, labelled `context` where not empty.
    MaskPath { path: Inside<'a>, context: Text<'a> },
    /// Make `/` read-only.
    ReadonlyRoot,

    // ---- the process ------------------------------------------------------------------------------------
    /// The AppArmor profile that takes effect at exec.
    ApparmorProfile { profile: Text<'a> },
    /// The SELinux label that takes effect at exec.
    SelinuxLabel { label: Text<'a> },
    /// The SELinux label of keys made from now on (the session keyring).
    SelinuxKeyLabel { label: Text<'a> },
    /// A resource limit: `resource` is the kernel's `RLIMIT_*` number. prlimit(2).
    ResourceLimit { resource: u32, soft: u64, hard: u64 },
    /// sched_setattr(2).
    Scheduler(Scheduler),
    /// ioprio_set(2): `class` is `IOPRIO_CLASS_*`.
    IoPriority { class: u8, priority: u8 },
    /// set_mempolicy(2): mode with its flags, and the nodes as a mask, lowest first (little endian bytes).
    MemoryPolicy { mode: u32, nodes: Bytes<'a> },
    /// personality(2).
    Personality { domain: u32 },
    /// sched_setaffinity(2): the CPUs as a mask, lowest first. Empty: all that the cpuset allows.
    CpuAffinity { mask: Bytes<'a> },
    /// umask(2).
    Umask { mask: u16 },
    /// No new privileges from set-user-id files or file capabilities. prctl(2).
    NoNewPrivileges,
    /// Install a seccomp filter. seccomp(2).
    Seccomp(Seccomp<'a>),
    /// Drop these capabilities from the bounding set, up to the last one that the kernel knows. prctl(2).
    BoundingSet { drop: u64 },
    /// Keep the permitted set across the change of user. prctl(2).
    KeepCapabilities,
    /// Supplementary groups, as 32-bit little endian numbers. setgroups(2).
    Groups { ids: Bytes<'a> },
    /// setresgid(2), then setresuid(2).
    User { uid: u32, gid: u32 },
    /// Give the standard streams (not those on the null device) to that user, so that the payload may open
    /// `/dev/stdout`. A terminal keeps its group.
    OwnStandardStreams { uid: u32, gid: u32 },
    /// Set the three sets exactly, then the ambient one; an ambient capability that can't be raised is
    /// reported as a warning. capset(2).
    Capabilities { effective: u64, permitted: u64, inheritable: u64, ambient: u64 },
    /// Change to the working directory, made (with mode 0755) where it is missing and `create`, and check
    /// with the kernel that it is inside the root.
    WorkingDirectory { path: Inside<'a>, create: bool },
    /// Set `HOME` in the environment from the container's `/etc/passwd` (`/` where it does not name the user).
    Home { uid: u32 },
    /// The program and its arguments, and its environment. It is looked up here (in PATH of that
    /// environment), as the user that this process is now, so that what is missing is known at create.
    Program { arguments: Texts<'a>, environment: Texts<'a> },
    /// Check that no descriptor but the standard ones and those of the program stays open across exec, and the
    /// working directory is inside the root.
    SealDescriptors { listener: Option<Handle> },
    /// Tell the runtime process that all is set up that others could find half-made: it may note now that the container
    /// is there. Its end no longer is init's.
    Ready,
    /// Outlive the runtime process from here on, which has nothing to do any more but to wait for the program.
    Untie,
    /// Wait for its word to go on, which comes when it has noted what [`Step::Ready`] says; and after [`Step::Reborn`],
    /// where the new process is to be noted before it goes on, or to have its ids mapped in a new user namespace.
    AwaitWord,
    /// Wait until `cofferdam start` connects to the listening socket; later failures go to it.
    AwaitStart { listener: Handle },
    /// Become the program.
    Exec,
}

/// Flags of a mount that are not the file system's own. Both are `MOUNT_ATTR_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attributes {
    /// Set on the mount itself.
    pub set: u64,
    /// Cleared on the mount itself.
    pub clear: u64,
    /// Cleared too, unless a more privileged user namespace has locked one of them: then all of these stay.
    pub clear_unlocked: u64,
    /// Set on it and all below (`rro` and its kin).
    pub recursive_set: u64,
    /// Cleared on it and all below.
    pub recursive_clear: u64,
    /// `MS_PRIVATE` and its kin, with `MS_REC` for all below; more than one in order; 0 where none is asked.
    pub propagation: [u32; 2],
}

/// A file system of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Mount<'a> {
    /// The file system's name: `proc`, `tmpfs`, …
    pub kind: Text<'a>,
    /// Its source, as shown in mountinfo.
    pub source: Text<'a>,
    /// Where.
    pub target: Inside<'a>,
    /// The file system's options: `size=64m`, `ro`, each a flag or `key=value`.
    pub options: Texts<'a>,
    /// The mount's own flags.
    pub attributes: Attributes,
    /// Copy what is under the target into the new (tmp)fs.
    pub copy_up: bool,
    /// tmpfs without `mode=`: take the mode of the directory that it covers.
    pub keep_mode: bool,
    /// The target must be a plain directory, not a link (`/proc`, `/sys`).
    pub plain_target: bool,
    /// Masked or read-only paths lie in it: they are looked for in this mount, wherever its path leads by then.
    pub held: bool,
}

/// A part of the host's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Bind<'a> {
    /// Where it comes from.
    pub source: Source<'a>,
    /// Where it goes; made where missing, a directory or an empty file as the source is.
    pub target: Inside<'a>,
    /// With all mounts below.
    pub recursive: bool,
    /// The mount's flags.
    pub attributes: Attributes,
    /// User namespace for an idmapped mount, and whether all below is mapped too.
    pub id_map: Option<(Handle, bool)>,
    /// The target must be a plain directory, not a link.
    pub plain_target: bool,
    /// As that of [`Mount`].
    pub held: bool,
}

/// Where a bind comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum Source<'a> {
    /// A path on the host, opened by init in its own mount namespace.
    Path(Text<'a>),
    /// A path on the host that init may not reach in its user namespace: where it can't, the runtime process
    /// opens it as a detached tree and hands it over ([`crate::FromInit::Tree`]).
    Asked(Text<'a>),
}

/// A device node or FIFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Device<'a> {
    /// Where.
    pub path: Inside<'a>,
    /// `S_IFCHR`, `S_IFBLK` or `S_IFIFO` with the permission bits.
    pub mode: u32,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Owner inside the container.
    pub uid: u32,
    /// Group inside the container.
    pub gid: u32,
    /// Bind the host's node of the same path: mknod is not allowed in a user namespace.
    pub from_host: bool,
    /// Something else at the path is an error (a device that the config asks for); else it is left alone
    /// (a default device).
    pub exact: bool,
}

/// A hook that runs in the container's namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Hook<'a> {
    /// `createContainer` or `startContainer`.
    pub kind: Text<'a>,
    /// Its place in that list.
    pub index: u16,
    /// The program.
    pub path: Text<'a>,
    /// argv, argv\[0\] included.
    pub arguments: Texts<'a>,
    /// Its environment; absent: the payload's (startContainer) or the runtime's, written here by the planner.
    pub environment: Texts<'a>,
    /// Seconds; 0 for no limit.
    pub timeout: u32,
    /// The state document up to the value of `pid`, and from there on: init puts its own pid between.
    pub state: (Bytes<'a>, Bytes<'a>),
}

/// Arguments of sched_setattr(2), in the kernel's numbers and units (nanoseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduler {
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// For `SCHED_OTHER` and `SCHED_BATCH`.
    pub nice: i32,
    /// For `SCHED_FIFO` and `SCHED_RR`.
    pub priority: u32,
    /// For `SCHED_DEADLINE`.
    pub runtime: u64,
    /// For `SCHED_DEADLINE`.
    pub deadline: u64,
    /// For `SCHED_DEADLINE`.
    pub period: u64,
}

/// A compiled seccomp filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Seccomp<'a> {
    /// `struct sock_filter`s.
    pub program: Bytes<'a>,
    /// `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
    /// Get a notify descriptor and give it to the runtime process ([`crate::FromInit::SeccompListener`]).
    pub notify: bool,
}
