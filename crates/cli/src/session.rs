//! What all commands share: the options before the command, and what follows from them.

use crate::arguments::parse_boolean;
use crate::failure::Failure;
use crate::log::{Format, Log};
use clap::FromArgMatches as _;
use container::{ContainerId, Store};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where the state of containers is kept, if nothing else is asked for.
const ROOT: &str = "/run/cofferdam";

/// The options that stand before the command.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Global {
    /// Log what a developer wants to know, and where in the code a record comes from
    #[arg(long)]
    debug: bool,
    /// Append log records to this file [default: standard error]
    #[arg(long, value_name = "FILE")]
    log: Option<String>,
    /// The format of the log: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Keep the state of containers in this directory, best in a tmpfs [default: /run/cofferdam, or
    /// $XDG_RUNTIME_DIR/cofferdam for users other than root]
    #[arg(long, value_name = "DIR")]
    root: Option<String>,
    /// Let systemd make the cgroups: cgroupsPath is then slice:prefix:name
    #[arg(long)]
    pub(crate) systemd_cgroup: bool,
    /// Go on where cgroups may not be changed: true, false or auto [default: auto]
    #[arg(long, value_name = "WHETHER")]
    rootless: Option<String>,
    /// Print the version
    #[arg(long, short = 'v')]
    pub(crate) version: bool,
}

/// One call of the program.
#[derive(Debug)]
pub(crate) struct Session {
    /// The program's name, as it was called.
    pub(crate) program: String,
    global: Global,
}

impl Session {
    /// A call by that name with those options.
    pub(crate) fn new(program: String, matches: &clap::ArgMatches) -> Result<Self, Failure> {
        let global = Global::from_arg_matches(matches).map_err(Failure::new)?;
        if let Some(other) = global.rootless.as_deref()
            && !other.eq_ignore_ascii_case("auto")
            && parse_boolean(other).is_none()
        {
            let text = format!("invalid value {other:?} for flag -rootless: true, false and auto are known");
            return Err(Failure::new(text));
        }
        Ok(Session { program, global })
    }

    /// The options that stood before the command.
    pub(crate) fn global(&self) -> &Global {
        &self.global
    }

    /// The log that is asked for.
    ///
    /// # Errors
    /// An unknown format: said in the log that there is then.
    pub(crate) fn log(&self) -> (Log, Result<(), Failure>) {
        let path = given(self.global.log.as_deref()).filter(|path| *path != "/dev/stderr").map(absolute);
        let (format, result) = match self.global.log_format.as_deref() {
            None | Some("text" | "") => (Format::Text, Ok(())),
            Some("json") => (Format::Json, Ok(())),
            Some(other) => {
                (Format::Text, Err(Failure::new(format!("invalid log-format: {other}: text and json are known"))))
            }
        };
        (Log::new(path, format, self.global.debug), result)
    }

    /// The state directory, as it is.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.root()?)?)
    }

    /// The state directory, made where it is missing.
    pub(crate) fn new_store(&self) -> Result<Store, Failure> {
        let root = self.root()?;
        let store = Store::open_or_create(&root)?;
        if self.global.root.is_none() && root != Path::new(ROOT) {
            // The sticky bit keeps what cleans runtime directories of users away from ours.
            let sticky = std::fs::set_permissions(&root, Permissions::from_mode(0o1700));
            sticky.map_err(|error| Failure::of(&error).after(format!("change the mode of {}", root.display())))?;
        }
        Ok(store)
    }

    /// Whether the state directory is one that the caller names, and so expects to be there.
    pub(crate) fn names_root(&self) -> bool {
        self.global.root.is_some()
    }

    fn root(&self) -> Result<PathBuf, Failure> {
        match self.global.root.as_deref() {
            Some("") => Err(Failure::new("option --root must not be empty")),
            Some(root) => Ok(PathBuf::from(root)),
            None => Ok(default_root()),
        }
    }
}

/// `/run/cofferdam`; for those who are not (quite) root, a directory of their own.
fn default_root() -> PathBuf {
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    own.filter(|_| !is_root() || is_guest_root()).map_or_else(|| ROOT.into(), |dir| Path::new(&dir).join("cofferdam"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this root is an ordinary user's, by a user namespace; one who calls himself root does not want to
/// hear of it.
fn is_guest_root() -> bool {
    const ALL_IDS: [&str; 3] = ["0", "0", "4294967295"];
    std::env::var_os("USER").is_none_or(|user| user != "root")
        && std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.split_whitespace().eq(ALL_IDS))
}

/// The container's id, the first positional argument.
pub(crate) fn id(positional: &[String]) -> Result<ContainerId, Failure> {
    Ok(ContainerId::parse(positional.first().map_or("", String::as_str))?)
}

/// A value that is not empty: Go's programs take an empty one for none.
pub(crate) fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

/// A path that an option gives, seen from the caller's working directory.
pub(crate) fn path(value: Option<&String>) -> Option<PathBuf> {
    given(value.map(String::as_str)).map(absolute)
}

fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}
