//! One call of the runtime.

use crate::attempt::PATIENCE;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A call being made up. What it prints goes to files, which, unlike pipes, no process left over keeps open.
#[derive(Debug)]
pub struct Call {
    command: Command,
    files: PathBuf,
    shown: String,
}

/// What came of a call.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status; 128 and the signal's number where one ended it.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it, or the container's program, printed on standard error.
    pub err: String,
    /// How long it took.
    pub took: Duration,
    shown: String,
}

/// A call under way.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub child: Child,
    files: PathBuf,
    shown: String,
    begin: Instant,
}

impl Call {
    /// Calls `program`; what it prints is kept in `folder`.
    pub fn new(program: &Path, folder: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let files = folder.join(format!("call-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Call { command, files, shown: program.display().to_string() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Its working directory.
    #[must_use]
    pub fn cwd(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Stdio>) -> Self {
        self.command.stdin(input);
        self
    }

    /// Text that it reads.
    #[must_use]
    pub fn input(self, text: &str) -> Self {
        let path = self.files.with_extension("in");
        fs::write(&path, text).expect("the input");
        self.stdin(File::open(path).expect("the input"))
    }

    /// Begins the call.
    #[track_caller]
    pub fn begin(mut self) -> Running {
        let file = |end: &str| File::create(self.files.with_extension(end)).expect("a file for the output");
        let (out, err) = (file("out"), file("err"));
        let begin = Instant::now();
        let child = self.command.stdout(out).stderr(err).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", self.shown));
        Running { child, files: self.files, shown: self.shown, begin }
    }

    /// Makes the call.
    #[track_caller]
    pub fn outcome(self) -> Outcome {
        self.begin().outcome()
    }

    /// Makes the call, which succeeds.
    #[track_caller]
    pub fn ok(self) -> Outcome {
        self.outcome().ok()
    }

    /// Makes the call, which fails.
    #[track_caller]
    pub fn fails(self) -> Outcome {
        self.outcome().fails()
    }
}

impl Running {
    /// Waits for its end.
    #[track_caller]
    pub fn outcome(mut self) -> Outcome {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("waiting") {
                break status;
            }
            if self.begin.elapsed() > PATIENCE {
                drop(self.child.kill());
                drop(self.child.wait());
                panic!("does not end: {}\n{}{}", self.shown, self.printed("out"), self.printed("err"));
            }
            sleep(Duration::from_millis(1));
        };
        let took = self.begin.elapsed();
        Outcome { code: code(status), out: self.printed("out"), err: self.printed("err"), took, shown: self.shown }
    }

    /// What it has printed so far.
    pub fn out(&self) -> String {
        self.printed("out")
    }

    fn printed(&self, end: &str) -> String {
        let bytes = fs::read(self.files.with_extension(end)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

impl Outcome {
    /// Fails the test unless the call succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.code == 0, "{self}");
        self
    }

    /// Fails the test unless the call failed, in words: no panic, no signal.
    #[track_caller]
    pub fn fails(self) -> Self {
        assert!(self.code != 0 && self.code < 128 || self.code == 255, "{self}");
        assert!(!self.err.trim().is_empty() && !self.err.contains("panicked at"), "{self}");
        self
    }

    /// Fails the test unless the error names `words`.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.err.contains(words), "no {words:?} in what {self}");
        self
    }

    /// Fails the test unless the exit status is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code == code, "not {code}: {self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} said with {}:\n{}{}", self.shown, self.code, self.out, self.err)
    }
}
