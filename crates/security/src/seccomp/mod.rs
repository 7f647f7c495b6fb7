//! Seccomp: `/linux/seccomp` becomes a program for the kernel's filter machine. See seccomp(2).
//!
//! Names and numbers of calls are libseccomp's; the program is our own. libseccomp takes 20 ms for an engine's
//! default profile and makes a program four times as long, which the kernel must try with every number each
//! time that it is installed; and where several rules of a call have conditions, libseccomp 2.5.4 does not
//! always do what they say. The tests run programs against what their sections say and against libseccomp's.

mod arch;
mod bpf;
mod calls;
mod decide;
#[cfg(any(test, fuzzing))]
pub mod fuzz_tests;
mod generate;
mod listener;
mod profile;

#[cfg(any(test, fuzzing))]
mod tests;

pub use arch::supported;
pub use listener::message;

use crate::Error;
use plan::{Bytes, Step, Writer};
use spec::oci::{LinuxSeccomp, LinuxSeccompFilterFlag as Flag};

/// A compiled section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// `struct sock_filter`s.
    pub program: Vec<u8>,
    /// `SECCOMP_FILTER_FLAG_*`, with that for a notify descriptor where there is one.
    pub flags: u32,
    /// Some calls are put to the agent that listens on the section's `listenerPath`.
    pub notify: bool,
    /// What a person should know: names of calls that mean nothing here.
    pub warnings: Vec<String>,
}

impl Filter {
    /// Adds the step that installs it.
    pub fn push(&self, to: &mut Writer) {
        let seccomp = plan::Seccomp { program: Bytes(&self.program), flags: self.flags, notify: self.notify };
        to.push("/linux/seccomp", Step::Seccomp(seccomp));
    }
}

/// Compiles a section.
///
/// # Errors
/// [`Error::Value`] for what is not allowed, and for a section that makes a longer program than the kernel takes.
pub fn compile(section: &LinuxSeccomp) -> Result<Filter, Error> {
    let (profile, unknown) = profile::read(section)?;
    let notify = profile.rules.iter().any(|rule| rule.action == profile::NOTIFY);
    check_listener(section, notify)?;
    let flags = flags(section, notify)?;
    let program = generate::generate(&profile).ok_or_else(|| {
        let why =
            format!("the filter would have more than {} instructions, the most that the kernel takes", bpf::LONGEST);
        Error::value("/linux/seccomp/syscalls", why)
    })?;
    let warnings = warnings(&unknown);
    Ok(Filter { program: bpf::bytes(&program), flags, notify, warnings })
}

/// A line for each name that means nothing here, but not more than a person reads.
fn warnings(unknown: &[&str]) -> Vec<String> {
    const MOST: usize = 16;
    let line = |name: &&str| format!("unknown seccomp syscall {name:?} ignored");
    let mut lines: Vec<_> = unknown.iter().take(MOST).map(line).collect();
    if unknown.len() > MOST {
        lines.push(format!("{} more unknown seccomp syscalls ignored", unknown.len() - MOST));
    }
    lines
}

/// Whether there is somebody to ask.
fn check_listener(section: &LinuxSeccomp, notify: bool) -> Result<(), Error> {
    let path = section.listener_path().as_ref().is_some_and(|path| !path.as_os_str().is_empty());
    if notify && !path {
        return Err(Error::value(
            "/linux/seccomp/listenerPath",
            "seccomp listenerPath is not set, but a rule has SCMP_ACT_NOTIFY",
        ));
    }
    if !path && section.listener_metadata().as_ref().is_some_and(|metadata| !metadata.is_empty()) {
        return Err(Error::value("/linux/seccomp/listenerMetadata", "there is no listenerPath to send it to"));
    }
    Ok(())
}

/// The flags of the section, as numbers. Without a list, the mitigation that costs most and helps least
/// against what a filter is for is left off, as in runc; an empty list means none.
fn flags(section: &LinuxSeccomp, notify: bool) -> Result<u32, Error> {
    const LOG: u32 = 2;
    const SPEC_ALLOW: u32 = 4;
    const NEW_LISTENER: u32 = 8;
    const WAIT_KILLABLE_RECV: u32 = 32;
    let mut flags = if notify { NEW_LISTENER } else { 0 };
    let Some(listed) = section.flags() else { return Ok(flags | SPEC_ALLOW) };
    for (index, flag) in listed.iter().enumerate() {
        flags |= match flag {
            // Init has one thread, so all of its threads have the filter.
            Flag::SeccompFilterFlagTsync => 0,
            Flag::SeccompFilterFlagLog => LOG,
            Flag::SeccompFilterFlagSpecAllow => SPEC_ALLOW,
            Flag::SeccompFilterFlagWaitKillableRecv if !notify => {
                let why = format!("{flag} means something only with a rule that has SCMP_ACT_NOTIFY");
                return Err(Error::value(format!("/linux/seccomp/flags/{index}"), why));
            }
            Flag::SeccompFilterFlagWaitKillableRecv => WAIT_KILLABLE_RECV,
        };
    }
    Ok(flags)
}
