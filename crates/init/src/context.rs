//! What the walk over the steps carries from one to the next.

use crate::fault::Fault;
use crate::home::Home;
use crate::program::Program;
use crate::root::beneath;
use crate::root::covers::Covers;
use crate::root::place::Root;
use crate::signals;
use crate::times::Times;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use plan::Handle;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use sys::descriptor::{Descriptor, close_dropped};

/// How many mounts can be held; engines' configs need two.
const HELD: usize = 64;

/// How many descriptors a plan may have; each mount with ids mapped in a way of its own needs one.
const DESCRIPTORS: usize = 1024;

/// A mount of the config.
#[derive(Debug)]
pub(crate) struct Held<'p> {
    /// Where the config has it.
    pub target: &'p CStr,
    /// The mount itself, wherever it is by now.
    pub mount: Descriptor,
    /// A procfs or sysfs: nothing is made in it.
    pub finished: bool,
}

/// The state of the walk.
pub(crate) struct Context<'p> {
    /// The number of the step under way.
    pub step: u32,
    /// The sync pipe to the runtime process; from `Step::AwaitStart` on the connection of `cofferdam start`.
    pub sync: OwnedFd,
    /// Whether init dies with the runtime process: until `Step::Ready`.
    pub tethered: bool,
    /// Whether a user namespace of the container's was entered or made.
    pub user_namespace: bool,
    /// Whether mounts of this mount namespace may be shared, with the host's or among themselves.
    pub shared: bool,
    /// The root file system, from `Step::OpenRoot` on; after the pivot it is `/`.
    pub root: Option<Root<'p>>,
    /// The procfs of our own, from `Step::Procfs` on.
    pub procfs: Option<Descriptor>,
    /// The mounts that protected paths lie in, in their order.
    pub held: ArrayVec<Held<'p>, HELD>,
    /// What hides masked paths.
    pub covers: Covers,
    /// The numbers that handles stand for.
    pub descriptors: ArrayVec<RawFd, DESCRIPTORS>,
    /// How many descriptors after the standard ones belong to the payload.
    pub preserved: u32,
    /// A working directory that root could not enter, to be tried again as the container's user.
    pub directory: Option<&'p CStr>,
    /// What `Step::Home` found.
    pub home: Option<Home>,
    /// What `Step::Program` found.
    pub program: Option<Program<'p>>,
    /// The time at the end of each step, where the plan asks for it.
    pub times: Option<Times>,
}

impl<'p> Context<'p> {
    /// Before the first step.
    pub(crate) fn new(sync: OwnedFd) -> Self {
        Context {
            step: 0,
            sync,
            tethered: true,
            user_namespace: false,
            shared: true,
            root: None,
            procfs: None,
            held: ArrayVec::new(),
            covers: Covers::default(),
            descriptors: ArrayVec::new(),
            preserved: 0,
            directory: None,
            home: None,
            program: None,
            times: None,
        }
    }

    /// Before others do something, which may take long: they find no mount busy because of us, may change what is in the
    /// root, and can tell this process to end.
    pub(crate) fn yield_to_others(&mut self) -> Result<(), Fault> {
        if let Some(root) = &mut self.root {
            root.forget();
        }
        close_dropped();
        signals::heed()
    }

    /// Keeps a mount that protected paths lie in.
    pub(crate) fn hold(&mut self, held: Held<'p>) -> Result<(), Fault> {
        let words = "masked and read-only paths lie in more mounts than can be held: one more is";
        let full = |_| Fault::refusal(words, held.target.to_bytes());
        self.held.try_push(held).map_err(full)
    }

    /// Takes a descriptor, by its number, for the next handle.
    pub(crate) fn give(&mut self, number: RawFd) -> Result<(), Fault> {
        let full = |_| Fault::refusal("the plan has more descriptors than can be held", b"");
        self.descriptors.try_push(number).map_err(full)
    }

    /// The descriptor behind a handle.
    pub(crate) fn descriptor(&self, handle: Handle) -> Result<BorrowedFd<'static>, Fault> {
        match self.descriptors.get(usize::from(handle.0)) {
            Some(number) if *number >= 0 => Ok(sys::descriptor::borrow(*number)),
            _ => Err(Fault::refusal("the plan has no such descriptor", b"")),
        }
    }

    /// Closes the descriptor behind a handle, which is not used any more.
    pub(crate) fn close(&mut self, handle: Handle) {
        if let Some(number) = self.descriptors.get_mut(usize::from(handle.0)) {
            drop(sys::descriptor::own(core::mem::replace(number, -1)));
        }
    }

    /// The first number that a descriptor of ours may have: those before it are the payload's.
    pub(crate) fn first_own(&self) -> u32 {
        self.preserved.saturating_add(3)
    }

    /// The root file system's descriptor.
    pub(crate) fn root(&self) -> Result<BorrowedFd<'_>, Fault> {
        self.root.as_ref().map(AsFd::as_fd).ok_or_else(|| Fault::refusal("the root file system is not open", b""))
    }

    /// The root file system, to make things in.
    pub(crate) fn root_mut(&mut self) -> Result<&mut Root<'p>, Fault> {
        self.root.as_mut().ok_or_else(|| Fault::refusal("the root file system is not open", b""))
    }

    /// Does something beneath the root file system. A process that joins a container is in its mount namespace, and so its
    /// root, already.
    pub(crate) fn beneath<T>(&self, act: impl FnOnce(BorrowedFd<'_>) -> T) -> Result<T, Fault> {
        match &self.root {
            Some(root) => Ok(act(root.as_fd())),
            None => beneath::slash().map(|slash| act(slash.as_fd())).map_err(|errno| Fault::call("open", b"/", errno)),
        }
    }

    /// What `Step::Program` found.
    pub(crate) fn program(&self) -> Result<&Program<'p>, Fault> {
        self.program.as_ref().ok_or_else(|| Fault::refusal("there is no program", b""))
    }
}
