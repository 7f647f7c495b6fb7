//! Entering cgroups, namespaces, keyrings, sessions.

use crate::context::Context;
use crate::death;
use crate::fault::Fault;
use crate::number::decimal;
use core::ffi::CStr;
use plan::Handle;
use rustix::io::write;
use rustix::process::{Gid, Uid, setsid};
use rustix::thread::{Timespec, nanosleep, set_thread_res_gid, set_thread_res_uid};
use sys::Errno;
use sys::namespace::{CLONE_NEWTIME, CLONE_NEWUSER};

/// `KEY_USR_SEARCH` and `KEY_OTH_SEARCH` of linux/keyctl.h.
const USER_SEARCH: u32 = 0x0008_0000;
const OTHERS_SEARCH: u32 = 0x0000_0008;

/// How often a process that ends is waited for: some seconds, as it may have to wait for a processor.
const MOST_WAITS: u32 = 100_000;

pub(crate) fn join_cgroup(context: &Context<'_>, tasks: Handle) -> Result<(), Fault> {
    match write(context.descriptor(tasks)?, b"0") {
        Ok(_) => Ok(()),
        Err(errno) => Err(Fault::call("write to the cgroup's tasks", b"", errno)),
    }
}

/// Enters the namespaces of those kinds that `of`, a namespace or a pidfd, leads to.
pub(crate) fn enter(context: &mut Context<'_>, of: Handle, kinds: u32) -> Result<(), Fault> {
    let of = context.descriptor(of)?;
    let mut entering = sys::namespace::enter(of, kinds);
    for _ in 0..MOST_WAITS {
        // Who shares memory may enter no time namespace: the process before this one ([`crate::reborn`]) is on its way out.
        if entering != Err(Errno::USERS) || kinds & CLONE_NEWTIME == 0 {
            break;
        }
        let _interrupted = nanosleep(&Timespec { tv_sec: 0, tv_nsec: 50_000 });
        entering = sys::namespace::enter(of, kinds);
    }
    entering.map_err(|errno| Fault::call("setns", b"", errno))?;
    entered(context, kinds)
}

pub(crate) fn make(context: &mut Context<'_>, kinds: u32) -> Result<(), Fault> {
    sys::namespace::make(kinds).map_err(|errno| Fault::call("unshare", b"", errno))?;
    entered(context, kinds)
}

fn entered(context: &mut Context<'_>, kinds: u32) -> Result<(), Fault> {
    if kinds & CLONE_NEWUSER != 0 {
        context.user_namespace = true;
        death::guard(context)?;
    }
    Ok(())
}

pub(crate) fn become_root(context: &mut Context<'_>) -> Result<(), Fault> {
    context.user_namespace = true;
    match set_user(context, 0, 0) {
        // 0 is not mapped. The capabilities are there all the same.
        Err(fault) if fault.errno == Some(Errno::INVAL) => death::guard(context),
        set => set,
    }
}

/// Changes the real, effective and saved group and user.
pub(crate) fn set_user(context: &Context<'_>, uid: u32, gid: u32) -> Result<(), Fault> {
    // To the kernel -1 means "leave it": a user that nobody can be.
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Fault::call("setresuid", &decimal(u64::from(u32::MAX)), Errno::INVAL));
    }
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_res_gid(group, group, group)
        .map_err(|errno| Fault::call("setresgid", &decimal(u64::from(gid)), errno))?;
    set_thread_res_uid(user, user, user).map_err(|errno| Fault::call("setresuid", &decimal(u64::from(uid)), errno))?;
    death::guard(context)
}

pub(crate) fn session_keyring(context: &Context<'_>, name: &CStr) -> Result<(), Fault> {
    let keyring = match sys::keyring::join_session(name) {
        Ok(keyring) => keyring,
        // A kernel without keyrings has none to inherit either.
        Err(Errno::NOSYS) => return Ok(()),
        Err(errno) => return Err(Fault::call("unable to join session keyring", b"", errno)),
    };
    let search = if context.user_namespace { OTHERS_SEARCH } else { USER_SEARCH };
    sys::keyring::add_permissions(keyring, search)
        .map_err(|errno| Fault::call("unable to mod keyring permissions", b"", errno))
}

pub(crate) fn loopback_up() -> Result<(), Fault> {
    sys::network::set_loopback_up().map_err(|errno| Fault::call("set the device up", b"lo", errno))
}

pub(crate) fn new_session() -> Result<(), Fault> {
    match setsid() {
        Ok(_) => Ok(()),
        Err(errno) => Err(Fault::call("setsid", b"", errno)),
    }
}
