//! The runtimes that are compared, the floor among them, and what is asked of them.

use crate::bundle::Kind;
use crate::layout::Layout;
use crate::sample;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

    /// What figures call it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Step::Run => "run",
            Step::RunAfterPause => "idle",
            Step::Create => "create",
            Step::Start => "start",
            Step::State => "state",
            Step::Exec => "exec",
            Step::Kill => "kill",
            Step::Delete => "delete",
            Step::Version => "version",
        }
    }

    /// What the tables call it.
    pub(crate) fn title(self) -> &'static str {
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

    /// Whether the floor does it.
    pub(crate) fn has_floor(self) -> bool {
        matches!(self, Step::Run | Step::RunAfterPause | Step::Exec)
    }
}

/// The name of our own.
pub(crate) const OWN: &str = "cofferdam";
/// The name of the floor.
pub(crate) const FLOOR: &str = "floor";

/// A program that is measured.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) root: PathBuf,
    /// What the floor must be told, since it finds out nothing.
    floor: Option<Floor>,
}

#[derive(Debug)]
struct Floor {
    filter: PathBuf,
    rootfs: PathBuf,
    layout: Layout,
}

impl Runtime {
    /// A program whose state goes into a folder of its own in `state`, all beneath `folder`. That with the name of the
    /// floor is called as the floor is.
    pub(crate) fn new(name: &str, program: &Path, folder: &Path, layout: &Layout) -> Self {
        let floor = (name == FLOOR).then(|| Floor {
            filter: folder.join("filter"),
            rootfs: folder.join("rootfs"),
            layout: layout.clone(),
        });
        Runtime { name: name.to_owned(), program: program.to_owned(), root: folder.join("state").join(name), floor }
    }

    /// The floor has no containers.
    pub(crate) fn is_floor(&self) -> bool {
        self.floor.is_some()
    }

    /// The first line of `--version`.
    pub(crate) fn version(&self) -> io::Result<String> {
        let mut child = Command::new(&self.program).arg("--version").stdout(Stdio::piped()).spawn()?;
        if !sample::ends(&child, sample::PATIENCE)? {
            child.kill()?;
        }
        let said = child.wait_with_output()?.stdout;
        Ok(String::from_utf8_lossy(&said).lines().next().unwrap_or("no version").to_owned())
    }

    /// The command line of a step. The container's bundle is `bundle`; its id, the name of that folder.
    pub(crate) fn command(&self, step: Step, kind: Kind, bundle: &Path, options: &[&str]) -> Vec<OsString> {
        if let Some(floor) = &self.floor {
            return self.floor_command(floor, step, kind, bundle, options);
        }
        let id = bundle.file_name().unwrap_or_default();
        let (verb, rest): (&str, &[&str]) = match step {
            Step::Version => return vec![self.program.clone().into(), "--version".into()],
            Step::Run | Step::RunAfterPause => ("run", &[]),
            Step::Create => ("create", &[]),
            Step::Start => ("start", &[]),
            Step::State => ("state", &[]),
            Step::Exec => ("exec", &["true"]),
            Step::Kill => ("kill", &["KILL"]),
            Step::Delete => ("delete", &[]),
        };
        let mut line = self.verb(verb);
        line.extend(options.iter().map(OsString::from));
        if matches!(step, Step::Run | Step::RunAfterPause | Step::Create) {
            line.extend(["--bundle".into(), bundle.into()]);
        }
        if step == Step::Create {
            line.extend(["--pid-file".into(), bundle.join("pid").into()]);
        }
        line.push(id.into());
        line.extend(rest.iter().map(OsString::from));
        line
    }

    /// A command line up to its verb.
    pub(crate) fn verb(&self, verb: &str) -> Vec<OsString> {
        vec![self.program.clone().into(), "--root".into(), self.root.clone().into(), verb.into()]
    }

    fn floor_command(&self, floor: &Floor, step: Step, kind: Kind, bundle: &Path, options: &[&str]) -> Vec<OsString> {
        let (verb, object) = if step == Step::Exec {
            ("exec", fs::read_to_string(bundle.join("pid")).unwrap_or_default().trim().into())
        } else {
            ("run", floor.rootfs.clone().into())
        };
        let mut line: Vec<OsString> = vec![self.program.clone().into()];
        line.extend(options.iter().map(OsString::from));
        line.extend([verb, floor.layout.name, kind.name()].map(OsString::from));
        line.extend([bundle.file_name().unwrap_or_default().into(), floor.filter.clone().into(), object]);
        line.extend(floor.layout.hierarchies.iter().map(OsString::from));
        line
    }
}
