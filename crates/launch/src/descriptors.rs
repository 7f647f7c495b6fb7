//! What init is born holding: named while planning, opened just before the clone.

use crate::error::Error;
use namespaces::{Join, Map};
use plan::Handle;
use rootfs::UserNamespace;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use serde::Serialize;
use sys::namespace::CLONE_NEWUSER;

/// A descriptor to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Descriptor {
    /// The `tasks` file of the v1 cgroup of that number.
    CgroupTasks(usize),
    /// A namespace to join.
    Namespace(Join),
    /// A user namespace whose maps a mount takes over.
    #[serde(skip)]
    UserNamespace(UserNamespace),
    /// The socket that `start` connects to.
    StartSocket,
    /// The pidfd of the container's init, whose namespaces are entered.
    Init,
    /// Its PID namespace.
    PidNamespace,
    /// The v2 cgroup's directory.
    Cgroup,
}

/// The list, by handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Descriptors(pub(crate) Vec<Descriptor>);

impl Descriptors {
    /// The handle of a descriptor; the same one twice is opened once.
    pub(crate) fn add(&mut self, descriptor: Descriptor) -> Handle {
        let place = self.0.iter().position(|known| *known == descriptor).unwrap_or_else(|| {
            self.0.push(descriptor);
            self.0.len() - 1
        });
        Handle(u16::try_from(place).unwrap_or(u16::MAX))
    }
}

/// What is open already when init is made.
#[derive(Debug, Default)]
pub struct Given<'a> {
    /// The `tasks` files of the v1 cgroups, in the plan's order.
    pub cgroup_tasks: Vec<OwnedFd>,
    /// The v2 cgroup's directory.
    pub cgroup: Option<OwnedFd>,
    /// The socket that `start` connects to.
    pub start_socket: Option<BorrowedFd<'a>>,
    /// The pidfd of the container's init.
    pub init: Option<BorrowedFd<'a>>,
    /// Its PID namespace.
    pub pid_namespace: Option<BorrowedFd<'a>>,
}

/// An open descriptor of the list.
pub(crate) enum Open<'a> {
    Ours(OwnedFd),
    Given(BorrowedFd<'a>),
}

impl AsFd for Open<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Open::Ours(descriptor) => descriptor.as_fd(),
            Open::Given(descriptor) => *descriptor,
        }
    }
}

/// Opens the list.
pub(crate) fn open<'a>(list: &[Descriptor], given: &'a Given<'a>) -> Result<Vec<Open<'a>>, Error> {
    list.iter()
        .map(|descriptor| {
            Ok(match descriptor {
                Descriptor::Namespace(join) => Open::Ours(namespaces::open(join)?),
                Descriptor::UserNamespace(UserNamespace::Mapped { uids, gids }) => {
                    Open::Ours(namespaces::holder("/mounts", &Map::new(uids, gids))?)
                }
                Descriptor::UserNamespace(UserNamespace::Joined(path)) => Open::Ours(namespaces::open(&Join {
                    kind: CLONE_NEWUSER,
                    path: path.clone(),
                    place: "/linux/namespaces".into(),
                })?),
                Descriptor::CgroupTasks(number) => {
                    Open::Given(given.cgroup_tasks.get(*number).ok_or(missing("the cgroup's tasks file"))?.as_fd())
                }
                Descriptor::StartSocket => Open::Given(given.start_socket.ok_or(missing("the start socket"))?),
                Descriptor::PidNamespace => Open::Given(given.pid_namespace.ok_or(missing("the PID namespace"))?),
                Descriptor::Cgroup => Open::Given(given.cgroup.as_ref().ok_or(missing("the cgroup"))?.as_fd()),
                Descriptor::Init => Open::Given(given.init.ok_or(missing("the container's init"))?),
            })
        })
        .collect()
}

fn missing(object: &str) -> Error {
    Error::Call { act: "pass to init", object: object.into(), errno: sys::Errno::BADF }
}

/// Their numbers, as the plan's header holds them.
pub(crate) fn numbers(open: &[Open<'_>]) -> Vec<u8> {
    open.iter().flat_map(|descriptor| descriptor.as_fd().as_raw_fd().to_le_bytes()).collect()
}
