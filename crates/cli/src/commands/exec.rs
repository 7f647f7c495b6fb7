//! `exec`

use super::run::exit_status;
use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::session::{Session, given, id, path};
use container::exec::{Request, Source};

/// Runs another program in a container.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Exec {
    /// Send the terminal's master to this unix socket
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<String>,
    /// Send a pidfd of the process to this unix socket
    #[arg(long, value_name = "SOCKET")]
    pidfd_socket: Option<String>,
    /// The working directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// Add a variable to the environment
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Give it a terminal
    #[arg(long, short)]
    tty: bool,
    /// Run as this user
    #[arg(long, short, value_name = "UID[:GID]")]
    user: Option<String>,
    /// Add a supplementary group
    #[arg(long, short = 'g', value_name = "GID")]
    additional_gids: Vec<u32>,
    /// Read the process from this file; then most other options are ignored
    #[arg(long, short, value_name = "FILE")]
    process: Option<String>,
    /// Return when the program runs
    #[arg(long, short)]
    detach: bool,
    /// Write the process id to this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<String>,
    /// The SELinux label
    #[arg(long, value_name = "LABEL")]
    process_label: Option<String>,
    /// The AppArmor profile
    #[arg(long, value_name = "PROFILE")]
    apparmor: Option<String>,
    /// Let it gain no privileges by executing
    #[arg(long)]
    no_new_privs: bool,
    /// Add a capability
    #[arg(long, short, value_name = "CAP")]
    cap: Vec<String>,
    /// Pass so many more descriptors, from 3 on
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    preserve_fds: u32,
    /// Run in this cgroup below the container's
    #[arg(long, value_name = "[CONTROLLER[,CONTROLLER]:]PATH")]
    cgroup: Vec<String>,
    /// Run in a paused container too: the program waits until it is resumed
    #[arg(long)]
    ignore_paused: bool,
    /// Write the time of each step to this file, as a trace that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<String>,
}

impl Exec {
    fn request(self, arguments: &[String]) -> Request {
        let file = path(self.process.as_ref());
        let text = |value: Option<String>| given(value.as_deref()).map(str::to_owned);
        Request {
            process: file.map_or_else(|| Source::Arguments(arguments.to_vec()), Source::File),
            cwd: text(self.cwd),
            env: self.env,
            tty: self.tty,
            user: text(self.user),
            additional_gids: self.additional_gids,
            detach: self.detach,
            pid_file: path(self.pid_file.as_ref()),
            console_socket: path(self.console_socket.as_ref()),
            pidfd_socket: path(self.pidfd_socket.as_ref()),
            process_label: text(self.process_label),
            apparmor: text(self.apparmor),
            no_new_privs: self.no_new_privs,
            caps: self.cap,
            preserve_fds: self.preserve_fds,
            cgroup: self.cgroup,
            ignore_paused: self.ignore_paused,
            trace: path(self.trace.as_ref()),
        }
    }
}

impl Verb for Exec {
    /// 255 tells a program that could not be run from one that ended with 1.
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let run = || {
            let (store, id) = (session.store()?, id(positional)?);
            let request = self.request(positional.get(1..).unwrap_or_default());
            Ok(container::exec::exec(&store, &id, &request)?)
        };
        let status: Result<i32, Failure> = run();
        status.map(exit_status).map_err(|failure| failure.after("exec failed").status(255))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Order, split};
    use clap::{Args as _, Command, FromArgMatches as _};

    fn parsed(line: &str) -> (Request, Vec<String>) {
        let command = Exec::augment_args(Command::new("exec").no_binary_name(true).args_override_self(true));
        let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let found = split(&command, Order::First, &arguments).unwrap();
        let matches = command.try_get_matches_from(found.options).unwrap();
        let rest = found.rest.get(1..).unwrap_or_default();
        (Exec::from_arg_matches(&matches).unwrap().request(rest), found.rest)
    }

    #[test]
    fn lists_grow_and_other_options_are_overridden() {
        let line = "-e A=1,2 --env B=3 -env=C= -c CAP_A --cap CAP_B -g 5 -g=6 --cgroup a:/x --cgroup b:/y \
                    --cwd /a --cwd=/b --preserve-fds 1 --preserve-fds 3 -u 1 -user 0:5 -t --tty=false c ls -l --cwd /c";
        let (request, positional) = parsed(line);
        assert_eq!(request.env, ["A=1,2", "B=3", "C="]);
        assert_eq!(request.caps, ["CAP_A", "CAP_B"]);
        assert_eq!(request.additional_gids, [5, 6]);
        assert_eq!(request.cgroup, ["a:/x", "b:/y"]);
        assert_eq!(request.preserve_fds, 3);
        assert_eq!(request.user.as_deref(), Some("0:5"));
        assert!(!request.tty);
        assert_eq!(positional, ["c", "ls", "-l", "--cwd", "/c"]);
        assert!(matches!(request.process, Source::Arguments(arguments) if arguments == ["ls", "-l", "--cwd", "/c"]));
    }

    #[test]
    fn what_engines_pass() {
        let (request, positional) = parsed("--process /tmp/p --console-socket /tmp/s --detach --pid-file p.pid c");
        assert!(matches!(request.process, Source::File(path) if path == std::path::Path::new("/tmp/p")));
        assert_eq!(request.console_socket.as_deref(), Some(std::path::Path::new("/tmp/s")));
        // Seen from the caller's directory.
        assert!(request.pid_file.is_some_and(|path| path.is_absolute() && path.ends_with("p.pid")));
        assert!(request.detach);
        assert_eq!(positional, ["c"]);
        let (request, _) = parsed("--console-socket= --cwd= c sh");
        assert_eq!((request.console_socket, request.cwd), (None, None));
    }
}
