//! `linux.seccomp`, as far as it needs no libseccomp.

use super::check::{Check, in_range};
use crate::error::{Fault, Quoted};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction as Action, LinuxSyscall};

/// The highest errno that a filter can return (`MAX_ERRNO`).
const ERRNO: u32 = 4095;

/// A system call has so many arguments.
const ARGUMENTS: usize = 6;

pub(crate) fn check(seccomp: &LinuxSeccomp) -> Check {
    let default = seccomp.default_action();
    if default == Action::ScmpActNotify {
        let rule = "SCMP_ACT_NOTIFY cannot be used as default action";
        return Err(Fault::new("/linux/seccomp/defaultAction", "\"SCMP_ACT_NOTIFY\"", rule));
    }
    errno(|| "/linux/seccomp/defaultErrnoRet".to_owned(), default, seccomp.default_errno_ret())?;
    let rules = seccomp.syscalls().as_deref().unwrap_or_default();
    for (i, rule) in rules.iter().enumerate() {
        syscall(rule, || format!("/linux/seccomp/syscalls/{i}"))?;
    }
    listener(seccomp, rules)
}

fn syscall(rule: &LinuxSyscall, pointer: impl Fn() -> String) -> Check {
    if rule.names().is_empty() {
        return Err(Fault::new(pointer() + "/names", "empty", "must name at least one system call"));
    }
    if rule.action() == Action::ScmpActNotify && rule.names().iter().any(|name| name == "write") {
        let rule = "SCMP_ACT_NOTIFY cannot be used for the write syscall";
        return Err(Fault::new(pointer() + "/action", "\"SCMP_ACT_NOTIFY\"", rule));
    }
    errno(|| pointer() + "/errnoRet", rule.action(), rule.errno_ret())?;
    for (i, argument) in rule.args().iter().flatten().enumerate() {
        in_range(|| format!("{}/args/{i}/index", pointer()), Some(argument.index()), 0..=ARGUMENTS - 1)?;
    }
    Ok(())
}

fn errno(pointer: impl Fn() -> String, action: Action, errno: Option<u32>) -> Check {
    if let Some(errno) = errno.filter(|_| !matches!(action, Action::ScmpActErrno | Action::ScmpActTrace)) {
        let rule = "is for the actions SCMP_ACT_ERRNO and SCMP_ACT_TRACE only";
        return Err(Fault::new(pointer(), errno, rule));
    }
    in_range(pointer, errno, 0..=if action == Action::ScmpActTrace { u32::from(u16::MAX) } else { ERRNO })
}

fn listener(seccomp: &LinuxSeccomp, rules: &[LinuxSyscall]) -> Check {
    let path = seccomp.listener_path().as_deref().filter(|path| !path.as_os_str().is_empty());
    let metadata = seccomp.listener_metadata().as_deref().unwrap_or_default();
    let Some(path) = path else {
        if !metadata.is_empty() {
            let rule = "must not be given without listenerPath";
            return Err(Fault::new("/linux/seccomp/listenerMetadata", Quoted(metadata), rule));
        }
        if rules.iter().any(|rule| rule.action() == Action::ScmpActNotify) {
            let rule = "seccomp listenerPath is not set, and a rule has the action SCMP_ACT_NOTIFY";
            return Err(Fault::missing("/linux/seccomp/listenerPath", rule));
        }
        return Ok(());
    };
    let found = path.to_string_lossy();
    if !path.is_absolute() && !found.starts_with('@') {
        let rule = "must be an absolute path, or the name of an abstract socket after @";
        return Err(Fault::new("/linux/seccomp/listenerPath", Quoted(&found), rule));
    }
    Ok(())
}
