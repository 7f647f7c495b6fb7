//! strace(1) around a call of the runtime: which system calls it makes, and what comes of it where one of them
//! kills it or fails.

use crate::bundle::Bundle;
use crate::call::Call;
use crate::programs;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// One system call of a process: the `nth` of its name, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Which of that name.
    pub nth: usize,
    /// The line that strace wrote of it.
    pub line: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{} ({})", self.name, self.nth, self.line)
    }
}

/// The system calls in `run`, in order.
#[derive(Debug)]
pub struct Points {
    /// Of the runtime process.
    pub runtime: Vec<Point>,
    /// Of init, until it becomes the program.
    pub init: Vec<Point>,
    /// Of the program. It goes on with init's counts.
    pub program: Vec<Point>,
}

/// What changes nothing but the process itself.
const INWARD: &str = " access arch_prctl brk capget clock_gettime clock_nanosleep close close_range dup epoll_create1 \
    epoll_ctl execve faccessat faccessat2 fcntl fsconfig fsopen fstat fstatfs futex getcwd getdents64 getegid geteuid \
    getgid getpid getppid getrandom gettid getuid ioctl lseek madvise memfd_create mmap mprotect mremap munmap \
    newfstatat open_tree pidfd_open poll ppoll prctl pread64 prlimit64 read readlink readlinkat rseq rt_sigaction \
    rt_sigprocmask sched_getaffinity set_robust_list set_tid_address sigaltstack stat statfs statx umask uname ";

impl Point {
    /// Whether it may leave the host other than it was: what lies between two such calls is all the same to the
    /// host.
    pub fn acts(&self) -> bool {
        if self.name.starts_with("open") && self.name != "open_tree" {
            return self.line.contains("O_CREAT");
        }
        !INWARD.contains(&format!(" {} ", self.name))
    }
}

/// The system calls in what strace wrote of one process, in order.
fn points(text: &str) -> Vec<Point> {
    let mut counts = BTreeMap::new();
    let lines = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    lines
        .filter_map(|line| {
            let name = line.split_once('(')?.0;
            let nth = counts.entry(name).or_insert(0);
            *nth += 1;
            Some(Point { name: name.to_owned(), nth: *nth, line: line.chars().take(100).collect() })
        })
        .collect()
}

impl Bundle {
    /// A call of the runtime under strace with these options.
    pub fn under_strace<'a>(&self, options: &[&str], arguments: impl IntoIterator<Item = &'a str>) -> Call {
        let strace = programs::find("strace").expect("strace");
        let (runtime, root) = (programs::runtime(), self.state_folder());
        Call::new(&strace, self.folder())
            .args(options)
            .args([runtime.as_os_str(), "--root".as_ref(), root.as_os_str()])
            .args(arguments)
            .cwd(self.folder())
            .env("COFFERDAM_TEST", self.tag())
    }

    /// The system calls of the runtime process itself in a call, which succeeds.
    #[track_caller]
    pub fn points_of<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Vec<Point> {
        let file = self.folder().join("strace");
        self.under_strace(&["-o", file.to_str().expect("UTF-8")], arguments).ok();
        points(&fs::read_to_string(file).expect("strace's output"))
    }

    /// The system calls in `run`, which succeeds.
    #[track_caller]
    pub fn points_of_run(&self) -> Points {
        let prefix = self.folder().join("strace");
        self.under_strace(&["-ff", "-o", prefix.to_str().expect("UTF-8")], ["run", self.id()]).ok();
        let of = |path: PathBuf| points(&fs::read_to_string(path).unwrap_or_default());
        let files = fs::read_dir(self.folder()).expect("the bundle").flatten().map(|entry| entry.path());
        let all: Vec<_> = files.filter(|path| path.to_string_lossy().contains("/strace.")).map(of).collect();
        let with = |name: &str| all.iter().find(|points| points.iter().any(|point| point.name == name)).cloned();
        let runtime = with("clone3").expect("the runtime's calls");
        let mut init = with("pivot_root").expect("init's calls");
        let end = init.iter().rposition(|point| point.name == "execve").expect("init's program");
        let program = init.split_off(end);
        Points { runtime, init, program }
    }

    /// A call in which that system call kills the process that makes it, before it does anything; `follow` counts
    /// init's too.
    pub fn killed_at<'a>(&self, point: &Point, follow: bool, arguments: impl IntoIterator<Item = &'a str>) -> Call {
        self.injected(point, "signal=KILL", follow, arguments)
    }

    /// A call in which that system call fails with `errno`, in whichever process gets so far.
    pub fn failing_at<'a>(&self, point: &Point, errno: &str, arguments: impl IntoIterator<Item = &'a str>) -> Call {
        self.injected(point, &format!("error={errno}"), true, arguments)
    }

    fn injected<'a>(
        &self,
        point: &Point,
        what: &str,
        follow: bool,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Call {
        let Point { name, nth, .. } = point;
        let (trace, inject) = (format!("trace={name}"), format!("inject={name}:{what}:when={nth}"));
        let mut options = vec!["-o", "/dev/null", "-e", &trace, "-e", &inject];
        if follow {
            options.push("-f");
        }
        self.under_strace(&options, arguments)
    }
}
