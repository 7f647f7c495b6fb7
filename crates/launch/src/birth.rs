//! Making the process that becomes init.
//!
//! One clone3 in the common case. The child runs a few lines of this program's memory where nobody else can look yet,
//! and becomes the init stage. Where a PID or user namespace is joined, it stays outside until then and lets the init
//! stage make the process that goes in ([`plan::Step::Reborn`]): this program is never seen inside.

use crate::conversation::receive_reborn;
use crate::error::Error;
use crate::sentence::Sentences;
use crate::stage;
use namespaces::{Map, Offsets};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::ffi::CString;
use std::sync::Arc;
use sys::Errno;
use sys::clone::Side;
use sys::descriptor::{Descriptor, close_dropped};
use sys::exec::Pointers;

/// The stack of a child that borrows our memory, in bytes. A message is its largest part.
const CHILD_STACK: usize = 32 << 10;

/// What a birth needs to know.
#[derive(Debug)]
pub(crate) struct Parents<'a> {
    /// The new namespaces: `CLONE_NEW*`.
    pub namespaces: u32,
    /// The v2 cgroup that it is born in.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// The id maps of its new user namespace.
    pub ids: Option<&'a Map>,
    /// The time namespace that it makes.
    pub time: Option<&'a Offsets>,
    /// Whether it waits for our word: [`Born::go_on`].
    pub waits: bool,
    /// Whether it may borrow our memory until it executes.
    pub lends: bool,
    /// How many descriptors from 3 on are the program's.
    pub preserved: u32,
    /// What init keeps open, in the order of the plan's handles.
    pub descriptors: Vec<BorrowedFd<'a>>,
    /// The plan's steps with their header.
    pub plan: &'a [u8],
}

/// A process that is about to become init.
#[derive(Debug)]
pub struct Born {
    /// Its id in our PID namespace.
    pub pid: Pid,
    /// The same, safe against reuse.
    pub pidfd: Arc<OwnedFd>,
    /// Our end of the sync pipe.
    pub sync: OwnedFd,
}

/// Makes the process.
pub(crate) fn give(parents: &Parents<'_>) -> Result<Born, Error> {
    let failed = |errno| Error::Call { act: "make the sync pipe", object: String::new(), errno };
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).map_err(failed)?;
    let (program, plan) = stage::program(parents.plan)?;
    let born = clone(parents, &Cradle { program: program.into(), plan, sync: theirs.into() });
    // Both at once.
    close_dropped();
    born.map(|(pid, pidfd)| Born { pid, pidfd: Arc::new(pidfd), sync: ours })
}

/// What the child has in its hands.
struct Cradle {
    program: Descriptor,
    plan: stage::Mapped,
    sync: Descriptor,
}

fn clone(parents: &Parents<'_>, cradle: &Cradle) -> Result<(Pid, OwnedFd), Error> {
    let new = parents.namespaces;
    // A child that needs nothing of us on its way borrows our memory: to copy it is a good part of the clone. It can't be
    // in another time namespace then.
    if parents.lends && !parents.waits && parents.time.is_none() {
        let mut stack = Vec::with_capacity(CHILD_STACK / size_of::<u128>());
        let child = |(parents, cradle): &(&Parents<'_>, &Cradle)| -> ! { become_init(parents, cradle) };
        match sys::clone::lend(u64::from(new), parents.cgroup, stack.spare_capacity_mut(), child, &(parents, cradle)) {
            Err(Errno::INVAL) => {}
            lent => return lent.map_err(|errno| cloning(new, errno)),
        }
    }
    match sys::clone::clone(u64::from(new), parents.cgroup).map_err(|errno| cloning(new, errno))? {
        Side::Child => become_init(parents, cradle),
        Side::Parent(pid, pidfd) => Ok((pid, pidfd)),
    }
}

fn cloning(new: u32, errno: Errno) -> Error {
    Error::Call { act: "clone3 init with the namespaces", object: format!("{new:#x}"), errno }
}

/// In the child: waits for its maps, passes on what it needs and becomes the init stage.
fn become_init(parents: &Parents<'_>, cradle: &Cradle) -> ! {
    tie(cradle);
    // Here, so that it belongs to the user namespace, and now, while its files in /proc are still ours.
    if let Some(Err((act, errno))) = parents.time.map(Offsets::enter) {
        lost(cradle, act, errno);
    }
    // One byte says that the maps are written, and that it is where it should be.
    if parents.waits && rustix::io::retry_on_intr(|| rustix::io::read(&cradle.sync, &mut [0_u8; 1])) != Ok(1) {
        sys::clone::exit(1);
    }
    if let Some(map) = parents.ids {
        if let Err(errno) = become_root(map) {
            lost(cradle, "become root of the user namespace", errno);
        }
        // A change of user undoes it.
        tie(cradle);
    }
    let preserved = (3..parents.preserved.saturating_add(3)).filter_map(|number| i32::try_from(number).ok());
    let ours = parents.descriptors.iter().copied().chain([cradle.sync.as_fd()]);
    let kept = ours.map(|descriptor| descriptor.as_raw_fd()).chain(preserved);
    for descriptor in kept.map(sys::descriptor::borrow) {
        if let Err(errno) = fcntl_setfd(descriptor, FdFlags::empty()) {
            lost(cradle, "keep a descriptor across exec", errno);
        }
    }
    unreadable();
    let errno = exec(cradle);
    lost(cradle, "execveat the init stage", errno)
}

/// Should the runtime process die, so shall its unfinished work.
fn tie(cradle: &Cradle) {
    if let Err(errno) = set_parent_process_death_signal(Some(Signal::KILL)) {
        lost(cradle, "tie init to the runtime process", errno);
    }
}

/// Gives up, until exec gives it back, the right to read what may not be read, so that the program starts as one
/// that can't be traced: see [`stage::program`]. Where it can't be given up there is nothing to protect either.
fn unreadable() {
    let rights = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    if let Ok(mut sets) = capabilities(None) {
        sets.effective.remove(rights);
        let _kept = set_capabilities(None, sets);
    }
}

/// Root of a user namespace whose maps are written; where 0 is not mapped, the first id that is, since who has none
/// can make no files, and the capabilities are kept across exec as ambient ones.
fn become_root(map: &Map) -> Result<(), Errno> {
    use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
    let root = |map: &str| Map::outside(map, 0).is_some();
    let id = |map: &str| if root(map) { 0 } else { Map::first(map).unwrap_or(0) };
    let (group, user) = (rustix::fs::Gid::from_raw(id(&map.groups)), rustix::fs::Uid::from_raw(id(&map.users)));
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    if root(&map.users) {
        return Ok(());
    }
    let mut sets = capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    for capability in sets.permitted.iter() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

fn exec(cradle: &Cradle) -> Errno {
    let digits = |number: usize| CString::new(number.to_string()).unwrap_or_default();
    let sync = digits(usize::try_from(cradle.sync.as_fd().as_raw_fd()).unwrap_or(usize::MAX));
    let (address, length) = (digits(cradle.plan.address), digits(cradle.plan.length));
    let (mut slots, mut none) = ([std::ptr::null(); 5], [std::ptr::null(); 1]);
    let mut arguments = Pointers::new(&mut slots);
    for text in [c"cofferdam-init", &sync, &address, &length] {
        if let Err(errno) = arguments.push(text) {
            return errno;
        }
    }
    sys::exec::exec_file(cradle.program.as_fd(), arguments, Pointers::new(&mut none))
}

/// The child can't go on: says why on the sync pipe and ends.
fn lost(cradle: &Cradle, act: &str, errno: Errno) -> ! {
    let failure = plan::Failure { step: u32::MAX, errno: errno.raw_os_error(), act, detail: plan::Bytes(b"") };
    let mut packet = [0_u8; plan::MESSAGE];
    if let Ok(bytes) = postcard::to_slice(&plan::FromInit::Failed(failure), &mut packet) {
        let _told = rustix::io::write(&cradle.sync, bytes);
    }
    sys::clone::exit(1)
}

impl Born {
    /// Takes over the process that goes on in the place of this one, which is still to be waited for.
    pub(crate) fn reborn(self, steps: &Sentences<'_>) -> Result<Self, Error> {
        let (pid, pidfd) = receive_reborn(self.sync.as_fd(), steps)?;
        Ok(Born { pid, pidfd: Arc::new(pidfd), sync: self.sync })
    }

    /// Lets a process go on that waits for our word, its ids mapped where its user namespace is new.
    pub(crate) fn go_on(&self, map: Option<&Map>) -> Result<(), Error> {
        if let Some(map) = map {
            namespaces::write(self.pid, map)?;
        }
        rustix::io::write(&self.sync, &[0]).map_err(|errno| Error::Call {
            act: "let init go on",
            object: String::new(),
            errno,
        })?;
        Ok(())
    }

    /// Ends the process and takes its leave.
    pub fn end(&self) {
        // It may have ended by itself, which is all that is wanted.
        let _sent = rustix::process::pidfd_send_signal(&*self.pidfd, Signal::KILL);
        let _ended = rustix::process::waitpid(Some(self.pid), rustix::process::WaitOptions::empty());
    }
}
