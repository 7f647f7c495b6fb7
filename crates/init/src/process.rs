//! What the process may use, and how it runs: limits, priorities, labels, the filter.

use crate::context::Context;
use crate::conversation::{self, warn};
use crate::fault::Fault;
use crate::root::beneath;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use plan::{FromInit, Scheduler, Seccomp};
use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::write;
use rustix::thread::set_no_new_privs;
use sys::Errno;
use sys::seccomp::SECCOMP_FILTER_FLAG_NEW_LISTENER;

pub(crate) fn apparmor_profile(context: &Context<'_>, profile: &CStr) -> Result<(), Fault> {
    let mut text: ArrayVec<u8, 1024> = ArrayVec::new();
    let whole = text.try_extend_from_slice(b"exec ").and_then(|()| text.try_extend_from_slice(profile.to_bytes()));
    if whole.is_err() {
        return Err(Fault::call("apply apparmor profile", profile.to_bytes(), Errno::NAMETOOLONG));
    }
    let written = match write_proc(context, c"thread-self/attr/apparmor/exec", &text) {
        // Before Linux 5.8 there is one set of files for all modules.
        Err(Errno::NOENT) => write_proc(context, c"thread-self/attr/exec", &text),
        written => written,
    };
    written.map_err(|errno| Fault::call("apply apparmor profile", profile.to_bytes(), errno))
}

pub(crate) fn selinux_label(context: &Context<'_>, label: &CStr) -> Result<(), Fault> {
    write_proc(context, c"thread-self/attr/exec", label.to_bytes())
        .map_err(|errno| Fault::call("can't set process label", label.to_bytes(), errno))
}

pub(crate) fn selinux_key_label(context: &Context<'_>, label: &CStr) -> Result<(), Fault> {
    write_proc(context, c"thread-self/attr/keycreate", label.to_bytes())
        .map_err(|errno| Fault::call("can't set key label", label.to_bytes(), errno))
}

/// Writes to a file of the procfs of our own, in one call as those files need it.
fn write_proc(context: &Context<'_>, path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let procfs = context.procfs.as_ref().ok_or(Errno::NOENT)?;
    let file = beneath::open(procfs.as_fd(), path, OFlags::WRONLY | OFlags::NOFOLLOW)?;
    write(file, text).map(drop)
}

pub(crate) fn resource_limit(resource: u32, soft: u64, hard: u64) -> Result<(), Fault> {
    sys::process::set_limit(resource, soft, hard).map_err(|errno| Fault::call("setrlimit", b"", errno))
}

pub(crate) fn scheduler(scheduler: &Scheduler) -> Result<(), Fault> {
    let Scheduler { policy, flags, nice, priority, runtime, deadline, period } = *scheduler;
    let attributes =
        sys::schedule::Attributes { policy, flags, nice, priority, runtime, deadline, period, ..Default::default() };
    sys::schedule::set_attributes(attributes).map_err(|errno| Fault::call("error setting scheduler", b"", errno))
}

pub(crate) fn io_priority(class: u8, priority: u8) -> Result<(), Fault> {
    sys::schedule::set_io_priority(class, priority)
        .map_err(|errno| Fault::call("failed to set io priority", b"", errno))
}

pub(crate) fn memory_policy(mode: u32, nodes: &[u8]) -> Result<(), Fault> {
    sys::schedule::set_memory_policy(mode, nodes).map_err(|errno| Fault::call("set_mempolicy", b"", errno))
}

pub(crate) fn personality(domain: u32) -> Result<(), Fault> {
    sys::process::set_personality(domain).map_err(|errno| Fault::call("personality", b"", errno))
}

#[inline(never)]
pub(crate) fn cpu_affinity(context: &Context<'_>, mask: &[u8]) -> Result<(), Fault> {
    if !mask.is_empty() {
        return sys::schedule::set_affinity(mask).map_err(|errno| Fault::call("sched_setaffinity", b"", errno));
    }
    // The kernel takes those of the cpuset. A host that denies this leaves the caller's CPUs: no harm done.
    match sys::schedule::set_affinity(&[u8::MAX; 1024]) {
        Ok(()) => Ok(()),
        Err(errno) => warn(context.sync.as_fd(), context.step, &Fault::call("reset the CPU affinity", b"", errno)),
    }
}

pub(crate) fn umask(mask: u16) {
    rustix::process::umask(Mode::from_raw_mode(u32::from(mask)));
}

pub(crate) fn no_new_privileges() -> Result<(), Fault> {
    set_no_new_privs(true).map_err(|errno| Fault::call("prctl", b"PR_SET_NO_NEW_PRIVS", errno))
}

/// Installs a filter, and lets the runtime process take its notify descriptor.
pub(crate) fn seccomp(context: &Context<'_>, seccomp: &Seccomp<'_>) -> Result<(), Fault> {
    let flags = seccomp.flags | if seccomp.notify { SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    let listener = sys::seccomp::install(seccomp.program.0, flags)
        .map_err(|errno| Fault::call("unable to init seccomp", b"", errno))?;
    if let Some(listener) = listener {
        let sync = context.sync.as_fd();
        conversation::tell(sync, &FromInit::SeccompListener { descriptor: listener.as_raw_fd() })?;
        conversation::wait(sync)?;
    }
    Ok(())
}
