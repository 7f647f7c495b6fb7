//! The runtimes that are compared, and what is asked of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A call whose time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `run` of a program that ends at once.
    Run,
    /// The same after a pause: what one `docker run` sees.
    RunAfterPause,
    Create,
    Start,
    State,
    Exec,
    Kill,
    Delete,
    Version,
}

impl Step {
    /// All, in the order of a container's life.
    pub(crate) const ALL: [Step; 9] = [
        Step::Run,
        Step::RunAfterPause,
        Step::Create,
        Step::Start,
        Step::State,
        Step::Exec,
        Step::Kill,
        Step::Delete,
        Step::Version,
    ];

    /// What the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Run => "`run` of `true`",
            Step::RunAfterPause => "the same after 150 ms idle",
            Step::Create => "`create`",
            Step::Start => "`start`",
            Step::State => "`state`",
            Step::Exec => "`exec` of `true`",
            Step::Kill => "`kill` KILL",
            Step::Delete => "`delete`, stopped",
            Step::Version => "`--version`",
        }
    }

    /// Whether it is about the container that `create` made.
    pub(crate) fn needs_container(self) -> bool {
        matches!(self, Step::Start | Step::State | Step::Exec | Step::Kill | Step::Delete)
    }

    /// Whether Cofferdam writes a trace of it.
    pub(crate) fn is_traced(self) -> bool {
        !matches!(self, Step::State | Step::Kill | Step::Version)
    }
}

/// A runtime.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    /// The first line of `--version`.
    pub(crate) version: String,
    root: PathBuf,
}

impl Runtime {
    /// A runtime whose state goes into a folder of its own in `state`.
    pub(crate) fn new(name: &str, program: &Path, state: &Path) -> Self {
        let said = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        Runtime {
            name: name.to_owned(),
            program: program.to_owned(),
            version: said.lines().next().unwrap_or("no version").to_owned(),
            root: state.join(name),
        }
    }

    /// The command line of a step. The container's bundle is `bundle`; its id, the name of that folder.
    pub(crate) fn command(&self, step: Step, bundle: &Path, options: &[&str]) -> Vec<OsString> {
        let id = bundle.file_name().unwrap_or_default();
        let mut line: Vec<OsString> = vec![self.program.clone().into(), "--root".into(), self.root.clone().into()];
        let verb = match step {
            Step::Run | Step::RunAfterPause => "run",
            Step::Create => "create",
            Step::Start => "start",
            Step::State => "state",
            Step::Exec => "exec",
            Step::Kill => "kill",
            Step::Delete => "delete",
            Step::Version => return vec![self.program.clone().into(), "--version".into()],
        };
        line.push(verb.into());
        line.extend(options.iter().map(OsString::from));
        match step {
            Step::Run | Step::RunAfterPause => line.extend(["--bundle".into(), bundle.into()]),
            Step::Create => {
                line.extend(["--bundle".into(), bundle.into(), "--pid-file".into(), bundle.join("pid").into()]);
            }
            _ => {}
        }
        line.push(id.into());
        match step {
            Step::Exec => line.push("true".into()),
            Step::Kill => line.push("KILL".into()),
            _ => {}
        }
        line
    }
}
