//! What init is to hold: named while planning; opened before the clone, or before it is sent with the plan.

use crate::error::Error;
use namespaces::{Join, Map};
use plan::Handle;
use rootfs::UserNamespace;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use serde::{Serialize, Serializer};
use std::collections::HashMap;
use sys::Errno;
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
    UserNamespace(#[serde(serialize_with = "user_namespace")] UserNamespace),
    /// The socket that `start` connects to.
    StartSocket,
    /// The pidfd of the container's init, whose namespaces are entered.
    Init,
    /// The v2 cgroup's directory.
    Cgroup,
}

/// As its maps, or as its path.
fn user_namespace<S: Serializer>(namespace: &UserNamespace, to: S) -> Result<S::Ok, S::Error> {
    match namespace {
        UserNamespace::Mapped { uids, gids } => Map::new(uids, gids).serialize(to),
        UserNamespace::Joined(path) => path.serialize(to),
    }
}

/// The list, by handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Descriptors {
    pub(crate) list: Vec<Descriptor>,
    /// The place of each in the list, by all that is in it.
    places: HashMap<String, usize>,
}

impl Descriptors {
    /// The handle of a descriptor; the same one twice is opened once.
    pub(crate) fn add(&mut self, descriptor: Descriptor) -> Handle {
        let place = *self.places.entry(format!("{descriptor:?}")).or_insert_with(|| {
            self.list.push(descriptor);
            self.list.len() - 1
        });
        Handle(u16::try_from(place).unwrap_or(u16::MAX))
    }
}

/// What is open already when init is made, or opened on the way by whoever keeps the container.
#[derive(Debug, Default)]
pub struct Given<'a> {
    /// The `tasks` files of the v1 cgroups, in the plan's order.
    pub cgroup_tasks: Vec<OwnedFd>,
    /// The v2 cgroup's directory.
    pub cgroup: Option<OwnedFd>,
    /// The socket that `start` connects to.
    pub start_socket: Option<OwnedFd>,
    /// The pidfd of the container's init.
    pub init: Option<BorrowedFd<'a>>,
}

impl Given<'_> {
    fn get(&self, descriptor: &Descriptor) -> Result<BorrowedFd<'_>, Error> {
        let (given, name) = match descriptor {
            Descriptor::CgroupTasks(number) => {
                (self.cgroup_tasks.get(*number).map(AsFd::as_fd), "the cgroup's tasks file")
            }
            Descriptor::StartSocket => (self.start_socket.as_ref().map(AsFd::as_fd), "the start socket"),
            Descriptor::Cgroup => (self.cgroup.as_ref().map(AsFd::as_fd), "the cgroup"),
            Descriptor::Init => (self.init, "the container's init"),
            Descriptor::Namespace(_) | Descriptor::UserNamespace(_) => (None, "a namespace"),
        };
        given.ok_or_else(|| Error::Call { act: "pass to init", object: name.into(), errno: Errno::BADF })
    }
}

/// What init is to hold, in the order of the plan's handles.
#[derive(Debug, Default)]
pub(crate) struct Held {
    all: Vec<(Descriptor, Option<OwnedFd>)>,
    /// How many of them init was born with.
    pub(crate) born: usize,
}

impl Held {
    /// Opens the next one; what is given must be there.
    pub(crate) fn open(&mut self, descriptor: &Descriptor, given: &Given<'_>) -> Result<(), Error> {
        let opened = match descriptor {
            Descriptor::Namespace(join) => Some(namespaces::open(join)?),
            Descriptor::UserNamespace(UserNamespace::Mapped { uids, gids }) => {
                Some(namespaces::holder("/mounts", &Map::new(uids, gids))?)
            }
            Descriptor::UserNamespace(UserNamespace::Joined(path)) => Some(namespaces::open(&Join {
                kind: CLONE_NEWUSER,
                path: path.clone(),
                place: "/linux/namespaces".into(),
            })?),
            there => given.get(there).map(|_| None)?,
        };
        self.all.push((descriptor.clone(), opened));
        Ok(())
    }

    /// All that init was not born with.
    pub(crate) fn added<'a>(&'a self, given: &'a Given<'_>) -> Result<Vec<BorrowedFd<'a>>, Error> {
        let one = |(descriptor, opened): &'a (Descriptor, Option<OwnedFd>)| match opened {
            Some(opened) => Ok(opened.as_fd()),
            None => given.get(descriptor),
        };
        self.all.iter().skip(self.born).map(one).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }
}

/// Their numbers, as the plan's header holds them.
pub(crate) fn numbers(held: &[BorrowedFd<'_>]) -> Vec<u8> {
    held.iter().flat_map(|descriptor| descriptor.as_raw_fd().to_le_bytes()).collect()
}
