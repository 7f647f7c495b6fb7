//! The init stage on plans written by hand: what it finds, refuses and says.

use crate::birth::{Born, Parents, give};
use crate::conversation::{Attendant, Pause, converse};
use crate::error::Error;
use crate::sentence::Sentences;
use plan::{Bytes, Header, Hook, Step, Text, Texts, Writer};
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{WaitOptions, geteuid, waitpid};
use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

struct Nobody;

impl Attendant for Nobody {
    fn runtime_hooks(&mut self) -> Result<(), Error> {
        Ok(())
    }
    fn terminal(&mut self, _: OwnedFd) -> Result<(), Error> {
        Ok(())
    }
    fn seccomp_listener(&mut self, _: i32) -> Result<(), Error> {
        Ok(())
    }
    fn ready(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn born(namespaces: u32, steps: &Writer) -> Born {
    let plan = steps.finish(Header::default());
    let parents = Parents {
        namespaces,
        cgroup: None,
        ids: None,
        time: None,
        waits: false,
        lends: true,
        preserved: 0,
        descriptors: Vec::new(),
        plan: &plan,
    };
    give(&parents).unwrap()
}

/// Runs a plan to its end: init's last word, or the exit status of the program.
fn run(steps: &Writer) -> Result<i32, String> {
    run_in(0, steps)
}

/// The same, in new namespaces.
pub(crate) fn run_in(namespaces: u32, steps: &Writer) -> Result<i32, String> {
    let init = born(namespaces, steps);
    let said = converse(init.sync.as_fd(), &Sentences::new(steps.steps()), &mut Nobody, false);
    let (_, status) = waitpid(Some(init.pid), WaitOptions::empty()).unwrap().unwrap();
    match said {
        Ok(pause) => {
            assert_eq!(pause, Pause::Executed);
            Ok(status.exit_status().unwrap())
        }
        Err(error) => {
            assert_eq!(status.exit_status(), Some(1));
            Err(error.to_string().replace("unable to start container process: ", ""))
        }
    }
}

fn list(strings: &[&str]) -> Vec<u8> {
    strings.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

/// The steps that end every plan.
pub(crate) fn program(steps: &mut Writer, arguments: &[&str], environment: &[&str]) {
    let (arguments, environment) = (list(arguments), list(environment));
    let (arguments, environment) = (Texts::new(&arguments).unwrap(), Texts::new(&environment).unwrap());
    steps.push("/process/args", Step::Program { arguments, environment });
    steps.push("", Step::SealDescriptors { listener: None });
    steps.push("", Step::Ready);
    steps.push("", Step::AwaitWord);
    steps.push("/process/args", Step::Exec);
}

fn run_program(arguments: &[&str], environment: &[&str]) -> Result<i32, String> {
    let mut steps = Writer::default();
    program(&mut steps, arguments, environment);
    run(&steps)
}

/// A directory that goes with the test.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cofferdam-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_program_is_found_or_missed_in_the_words_that_engines_know() {
    let place = Directory::new("program");
    let plain = place.file("plain", "", 0o644);
    let orphan = place.file("orphan", "#!/no/such\n", 0o755);
    let empty = place.file("empty", "", 0o755);
    let of = |name: &str, environment: &[&str]| run_program(&[name, "-c", "exit 7"], environment);
    assert_eq!(of("sh", &["PATH=/no/such:/bin"]), Ok(7));
    let missing = Err("exec: \"sh\": executable file not found in $PATH".to_owned());
    assert_eq!(of("sh", &[]), missing);
    assert_eq!(of("sh", &["PATH=/bin", "PATH=/no/such"]), missing);
    assert_eq!(of("/no", &[]), Err("exec: \"/no\": stat /no: no such file or directory".to_owned()));
    assert_eq!(of(&plain, &[]), Err(format!("exec: {plain:?}: permission denied")));
    assert_eq!(of("/tmp", &[]), Err("exec: \"/tmp\": is a directory".to_owned()));
    assert_eq!(of(&orphan, &[]), Err(format!("exec {orphan}: no such file or directory")));
    assert_eq!(of(&empty, &[]), Err(format!("exec {empty}: exec format error")));
}

#[test]
fn of_settings_with_one_name_the_last_counts_and_the_rest_keep_their_order() {
    let place = Directory::new("environment");
    let out = place.0.join("out");
    // Thousands are no matter, as a cluster's service variables may be.
    let many: Vec<String> = (0..20_000).map(|n| format!("V{}={n}", n % 15_000)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let before = Instant::now();
    assert_eq!(run_program(&["/bin/cp", "/proc/self/environ", out.to_str().unwrap()], &many), Ok(0));
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    let got = fs::read_to_string(&out).unwrap();
    let want: Vec<String> = (5_000..20_000).map(|n| format!("V{}={n}", n % 15_000)).collect();
    assert!(got.split_terminator('\0').eq(want.iter()), "{}", got.replace('\0', " "));
}

/// The `HOME` that user 1000 gets with that `/etc/passwd`.
fn home(root: &Path, environment: &[&str]) -> String {
    let mut steps = Writer::default();
    let path = CString::new(root.to_str().unwrap()).unwrap();
    steps.push("", Step::OpenRoot { path: Text(&path), bind: false, private: false });
    steps.push("", Step::Home { uid: 1000 });
    let out = root.join("out");
    program(&mut steps, &["/bin/sh", "-c", &format!("printf %s \"$HOME\" > {}", out.display())], environment);
    let before = Instant::now();
    assert_eq!(run(&steps), Ok(0));
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    fs::read_to_string(out).unwrap()
}

#[test]
fn home_is_what_passwd_says_whatever_the_image_brings() {
    if !geteuid().is_root() {
        return;
    }
    let place = Directory::new("home");
    let root = &place.0;
    let entry = "u:x:1000:1000:a user:/home/u:/bin/sh\n";
    assert_eq!(home(root, &[]), "/", "no passwd");
    let passwd = PathBuf::from(place.file("etc/passwd", entry, 0o644));
    assert_eq!(home(root, &[]), "/home/u");
    assert_eq!(home(root, &["HOME=/z"]), "/z");
    assert_eq!(home(root, &["HOME=/z", "HOME="]), "/home/u");
    for text in [
        format!("1000:x:0:0::/no:\n{}", entry.trim_end()),
        format!("{}\n{entry}", "a".repeat(1 << 20)),
        format!("{}{entry}", "other:x:1:1::/no:/bin/sh\n".repeat(1 << 20)),
    ] {
        fs::write(&passwd, text).unwrap();
        assert_eq!(home(root, &[]), "/home/u");
    }
    for length in 1000..1050 {
        fs::write(&passwd, format!("{}\n{entry}", "a".repeat(length))).unwrap();
        assert_eq!(home(root, &[]), "/home/u", "after a line of {length}");
    }
    fs::File::create(&passwd).unwrap().set_len(4 << 30).unwrap();
    assert_eq!(home(root, &[]), "/", "a file of 4 GiB");
    fs::remove_file(&passwd).unwrap();
    fs::create_dir(&passwd).unwrap();
    assert_eq!(home(root, &[]), "/", "a directory");
    fs::remove_dir(&passwd).unwrap();
    std::os::unix::fs::symlink("../../../../../../../etc/passwd", &passwd).unwrap();
    assert_eq!(home(root, &[]), "/", "a link out of the root");
}

fn hook(script: &str, timeout: u32) -> (Result<i32, String>, Duration) {
    let mut steps = Writer::default();
    let (arguments, path) = (list(&["sh", "-c", script]), c"/bin/sh");
    let hook = Hook {
        kind: Text(c"startContainer"),
        index: 2,
        path: Text(path),
        arguments: Texts::new(&arguments).unwrap(),
        environment: Texts::new(b"PATH=/bin:/usr/bin\0").unwrap(),
        timeout,
        state: (Bytes(b"{\"pid\":"), Bytes(b"}")),
    };
    steps.push("", Step::Hook(hook));
    program(&mut steps, &["/bin/true"], &[]);
    let before = Instant::now();
    (run(&steps), before.elapsed())
}

#[test]
fn a_hook_that_fails_tells_how_and_what_it_printed() {
    let failed = |script, timeout| {
        let (said, took) = hook(script, timeout);
        let said = said.unwrap_err();
        let about = "error during container init: error running startContainer hook #2: /bin/sh: ";
        (said.strip_prefix(about).unwrap_or(&said).to_owned(), took)
    };
    assert_eq!(hook("head -c 1000000 /dev/zero; exit 0", 0).0, Ok(0), "a chatty one is read to its end");
    assert_eq!(failed("echo O; echo E42 >&2; exit 3", 5).0, "exit status 3, stdout: O , stderr: E42");
    assert_eq!(failed("kill -SYS $$", 5).0, "signal: bad system call, stdout: , stderr:");
    assert!(failed("for i in $(seq 2000); do echo $i >&2; done; exit 1", 5).0.ends_with(" 1999 2000"));
    let (said, took) = failed("sleep 60 & sleep 61", 1);
    assert_eq!(said, "hook ran past specified timeout of 1.0s");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let (said, took) = failed("sleep 3 & exit 4", 2);
    assert!(said.starts_with("exit status 4"), "{said}");
    assert!(took < Duration::from_secs(1), "who still holds its streams is not waited for: {took:?}");
}

#[test]
fn init_ends_with_the_runtime_process() {
    let place = Directory::new("gone");
    let out = place.0.join("out");
    let mut steps = Writer::default();
    program(&mut steps, &["/bin/sh", "-c", &format!("echo ran > {}", out.display())], &[]);
    let init = born(0, &steps);
    // It is ready, and there is nobody to tell it to go on.
    drop(init.sync);
    let (_, status) = waitpid(Some(init.pid), WaitOptions::empty()).unwrap().unwrap();
    assert!(status.exit_status() != Some(0), "{status:?}");
    assert!(!out.exists());
}

#[test]
fn a_plan_that_is_none_is_refused() {
    let mut steps = Writer::default();
    steps.push("", Step::NewSession);
    assert_eq!(run(&steps), Err("error during container init: the plan has no end".to_owned()));
    steps.push("", Step::JoinCgroup { tasks: plan::Handle(3) });
    assert_eq!(run(&steps), Err("error during container init: the plan has no such descriptor".to_owned()));
    let mut steps = Writer::default();
    steps.push("", Step::User { uid: u32::MAX, gid: 0 });
    assert_eq!(run(&steps), Err("error during container init: setresuid 4294967295: invalid argument".to_owned()));
}
