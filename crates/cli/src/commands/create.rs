//! `create`

use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::session::{Session, id, path};
use container::create::Request;
use std::path::PathBuf;

/// What `create` and `run` have in common.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Making {
    /// The bundle [default: the working directory]
    #[arg(long, short, value_name = "DIR")]
    bundle: Option<String>,
    /// Send the terminal's master to this unix socket
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<String>,
    /// Send a pidfd of the container's init to this unix socket
    #[arg(long, value_name = "SOCKET")]
    pidfd_socket: Option<String>,
    /// Write the process id of the container's init to this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<String>,
    /// Enter the root file system by mount(2) and chroot(2): for a host whose root is a ramdisk
    #[arg(long)]
    no_pivot: bool,
    /// Let the container have the caller's session keyring
    #[arg(long)]
    no_new_keyring: bool,
    /// Pass so many more descriptors, from 3 on (after those of LISTEN_FDS)
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    preserve_fds: u32,
    /// Write the time of each step to this file, as a trace that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<String>,
}

impl Making {
    /// What is asked of the runtime. Paths are seen from the caller's working directory.
    pub(super) fn request(&self, session: &Session) -> Result<Request, Failure> {
        Ok(Request {
            bundle: bundle(self.bundle.as_ref())?,
            console_socket: path(self.console_socket.as_ref()),
            pidfd_socket: path(self.pidfd_socket.as_ref()),
            pid_file: path(self.pid_file.as_ref()),
            systemd_cgroup: session.global().systemd_cgroup,
            no_pivot: self.no_pivot,
            no_new_keyring: self.no_new_keyring,
            preserve_fds: self.preserve_fds,
            trace: path(self.trace.as_ref()),
        })
    }
}

/// The bundle that is named, or the working directory.
pub(super) fn bundle(option: Option<&String>) -> Result<PathBuf, Failure> {
    let here = || std::env::current_dir().map_err(|error| Failure::of(&error).after("find the working directory"));
    path(option).map_or_else(here, Ok)
}

/// Makes a container that waits for `start`.
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    #[command(flatten)]
    making: Making,
    /// Accepted for callers of `run`: a created container is always detached
    #[arg(long, short, hide = true)]
    detach: bool,
}

impl Verb for Create {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let make = || {
            let (id, request) = (id(positional)?, self.making.request(session)?);
            Ok(container::create::create(&session.new_store()?, &id, &request)?)
        };
        let made: Result<(), Failure> = make();
        made.map_err(|failure| failure.after(format!("{} create failed", session.program)))?;
        Ok(0)
    }
}
