//! Which process `exec` runs: the command line over the container's own.

use crate::error::{Error, Result};
use spec::oci::{Capabilities, Capability, LinuxCapabilities, LinuxCapabilitiesBuilder, Process, Spec};
use std::path::PathBuf;

/// Where the process comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// `--process FILE`: a process object of the spec.
    File(PathBuf),
    /// The container's own process with other arguments.
    Arguments(Vec<String>),
}

/// What was asked for on the command line.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to run.
    pub process: Source,
    /// `--cwd`
    pub cwd: Option<String>,
    /// `--env`, each `NAME=VALUE`.
    pub env: Vec<String>,
    /// `--tty`
    pub tty: bool,
    /// `--user UID[:GID]`
    pub user: Option<String>,
    /// `--additional-gids`
    pub additional_gids: Vec<u32>,
    /// `--detach`
    pub detach: bool,
    /// `--pid-file`
    pub pid_file: Option<PathBuf>,
    /// `--console-socket`
    pub console_socket: Option<PathBuf>,
    /// `--pidfd-socket`
    pub pidfd_socket: Option<PathBuf>,
    /// `--process-label`
    pub process_label: Option<String>,
    /// `--apparmor`
    pub apparmor: Option<String>,
    /// `--no-new-privs`
    pub no_new_privs: bool,
    /// `--cap`
    pub caps: Vec<String>,
    /// `--preserve-fds`
    pub preserve_fds: u32,
    /// `--cgroup`
    pub cgroup: Vec<String>,
    /// `--ignore-paused`
    pub ignore_paused: bool,
    /// `--trace`
    pub trace: Option<PathBuf>,
}

/// The process that is asked for.
///
/// # Errors
/// Where the file can't be read or is wrong, or the container has no process to begin with.
pub(crate) fn process(spec: &Spec, request: &Request) -> Result<Process> {
    match &request.process {
        Source::File(file) => {
            let bytes = std::fs::read(file).map_err(|error| Error::std("read", file, &error))?;
            let (mut process, warnings) = spec::parse_process(&bytes)?;
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            if process.capabilities().is_none() {
                let own = spec.process().as_ref().and_then(|process| process.capabilities().clone());
                process.set_capabilities(own);
            }
            Ok(process)
        }
        Source::Arguments(arguments) => {
            let mut process = spec.process().clone().ok_or(Error::NoProcess)?;
            process.set_args(Some(arguments.clone()));
            adapt(&mut process, request)?;
            Ok(process)
        }
    }
}

fn adapt(process: &mut Process, request: &Request) -> Result<()> {
    process.set_terminal(Some(request.tty));
    if let Some(cwd) = &request.cwd {
        process.set_cwd(cwd.into());
    }
    let mut environment = process.env().clone().unwrap_or_default();
    environment.extend(request.env.iter().cloned());
    process.set_env(Some(environment));
    if let Some(label) = &request.process_label {
        process.set_selinux_label(Some(label.clone()));
    }
    if let Some(profile) = &request.apparmor {
        process.set_apparmor_profile(Some(profile.clone()));
    }
    if request.no_new_privs {
        process.set_no_new_privileges(Some(true));
    }
    let mut user = process.user().clone();
    if let Some(text) = &request.user {
        let (uid, gid) = ids(text).ok_or_else(|| Error::User(text.clone()))?;
        user.set_uid(uid);
        if let Some(gid) = gid {
            user.set_gid(gid);
        }
    }
    if !request.additional_gids.is_empty() {
        let mut groups = user.additional_gids().clone().unwrap_or_default();
        groups.extend(&request.additional_gids);
        user.set_additional_gids(Some(groups));
    }
    process.set_user(user);
    if !request.caps.is_empty() {
        process.set_capabilities(Some(with(process.capabilities().as_ref(), &request.caps)?));
    }
    Ok(())
}

/// `--cap` adds to what the process may have and has; to what its programs inherit only where it inherits anything at
/// all (CVE-2022-29162).
fn with(own: Option<&LinuxCapabilities>, added: &[String]) -> Result<LinuxCapabilities> {
    let added: Vec<Capability> = added
        .iter()
        .map(|name| serde_json::from_value(name.as_str().into()).map_err(|_| Error::UnknownCapability(name.clone())))
        .collect::<Result<_>>()?;
    let set = |own: Option<&Capabilities>, add: bool| {
        let mut set = own.cloned().unwrap_or_default();
        set.extend(added.iter().filter(|_| add).copied());
        set
    };
    let of = |get: fn(&LinuxCapabilities) -> &Option<Capabilities>| own.and_then(|own| get(own).as_ref());
    let inherits = of(LinuxCapabilities::inheritable).is_some_and(|set| !set.is_empty());
    LinuxCapabilitiesBuilder::default()
        .bounding(set(of(LinuxCapabilities::bounding), true))
        .effective(set(of(LinuxCapabilities::effective), true))
        .permitted(set(of(LinuxCapabilities::permitted), true))
        .inheritable(set(of(LinuxCapabilities::inheritable), false))
        .ambient(set(of(LinuxCapabilities::ambient), inherits))
        .build()
        .map_err(|_| Error::NoProcess)
}

/// `UID[:GID]`, plain decimal numbers: a name or a number too large must never end up as 0 (CVE-2026-30892).
fn ids(text: &str) -> Option<(u32, Option<u32>)> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
    // The largest is "no id" to the kernel.
    let id = |text: &str| number(text).filter(|id| *id != u32::MAX);
    match text.split_once(':') {
        None => Some((id(text)?, None)),
        Some((user, group)) => Some((id(user)?, Some(id(group)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::ids;

    #[test]
    fn only_plain_numbers_are_ids() {
        assert_eq!(ids("0"), Some((0, None)));
        assert_eq!(ids("65534:7"), Some((65534, Some(7))));
        assert_eq!(ids("01"), Some((1, None)));
        for text in [
            "",
            "-1",
            ":",
            "1:",
            ":1",
            "1:2:3",
            "+1",
            " 1",
            "0x1",
            "1e3",
            "\u{661}",
            "root",
            "4294967295",
            "4294967296",
        ] {
            assert_eq!(ids(text), None, "{text:?}");
        }
    }
}
