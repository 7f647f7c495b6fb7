//! The foreground with real processes, signals and terminals. A helper, this program again, runs a shell in the foreground as `run` and `exec` do, and ends with its status.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use container::{Process, signals, terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OutputModes, Winsize, tcgetattr, tcsetwinsize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = "COFFERDAM_TEST_SCRIPT";
const TERMINAL: &str = "COFFERDAM_TEST_TERMINAL";
const EARLY: &str = "COFFERDAM_TEST_EARLY";

/// Signals go to a process, whose threads must all hold them back: the harness has one too many.
fn main() {
    if let Some(script) = std::env::var_os(SCRIPT) {
        helper(&script);
    }
    let tests: [(&str, fn()); 10] = [
        ("the_exit_status_is_the_processs", the_exit_status_is_the_processs),
        ("orphans_do_not_stay_zombies", orphans_do_not_stay_zombies),
        ("signals_are_passed_on", signals_are_passed_on),
        ("a_signal_that_no_one_catches", a_signal_that_no_one_catches),
        ("an_early_signal_is_not_lost", an_early_signal_is_not_lost),
        ("open_input_keeps_nobody", open_input_keeps_nobody),
        ("no_output_of_a_terminal_is_lost", no_output_of_a_terminal_is_lost),
        ("input_without_a_terminal_reaches_one", input_without_a_terminal_reaches_one),
        ("a_reader_that_goes_away_hangs_up", a_reader_that_goes_away_hangs_up),
        ("a_terminal_in_a_terminal", a_terminal_in_a_terminal),
    ];
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let list = arguments.iter().any(|argument| argument == "--list");
    let filter: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in tests {
        if list {
            println!("{name}: test");
        } else if filter.is_empty() || filter.iter().any(|part| name.contains(*part)) {
            test();
            println!("test {name} ... ok");
        }
    }
}

/// Runs a shell in the foreground.
fn helper(script: &OsStr) -> ! {
    terminal::become_subreaper().unwrap();
    terminal::hold_signals().unwrap();
    if std::env::var_os(EARLY).is_some() {
        kill_process(rustix::process::getpid(), Signal::TERM).unwrap();
    }
    let mut shell = Command::new("sh");
    let mut master = None;
    if std::env::var_os(TERMINAL).is_some() {
        let (ours, theirs) = pty();
        terminal::prepare(ours.as_fd()).unwrap();
        let theirs = File::from(theirs);
        shell = Command::new("setsid");
        shell.args(["-c", "sh"]).stdin(theirs.try_clone().unwrap());
        shell.stdout(theirs.try_clone().unwrap()).stderr(theirs);
        master = Some(ours);
    }
    signals::release_in(shell.arg("-c").arg(script));
    let child = shell.spawn().unwrap();
    drop(shell);
    let pid = i32::try_from(child.id()).unwrap();
    let pidfd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    let status = terminal::forward(&Process::of_child(pid, pidfd), master).unwrap();
    std::process::exit(status);
}

fn pty() -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    (master, slave)
}

/// The helper with that script; `with` is a command that runs it.
fn command(with: &[&str], script: &str) -> Command {
    let mut words = with.iter().map(Into::into).chain([std::env::current_exe().unwrap().into_os_string()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env(SCRIPT, script).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn wait(child: &mut Child) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if since.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it never ends");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads until `text` has come.
fn read_until<R: Read + AsFd>(from: &mut R, text: &str) -> String {
    let mut all = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&all).contains(text) {
        let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&patience)).unwrap();
        assert_eq!(ready, 1, "no {text:?} in {:?}", String::from_utf8_lossy(&all));
        assert_eq!(from.read(&mut byte).unwrap_or(0), 1, "no {text:?} in {:?}", String::from_utf8_lossy(&all));
        all.push(byte[0]);
    }
    String::from_utf8(all).unwrap()
}

fn the_exit_status_is_the_processs() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -TERM $$", 143),
        ("for i in 1 2 3 4 5 6 7 8 9; do (exit 3) & done; exit 7", 7),
        // Orphans end before it and after it.
        ("(sh -c 'exit 3' & sleep 0.1 & exit 4); sleep 0.05; exit 8", 8),
    ] {
        let mut child = command(&[], script).spawn().unwrap();
        assert_eq!(wait(&mut child).code(), Some(code), "{script}");
    }
}

fn orphans_do_not_stay_zombies() {
    let script = "(sh -c 'exit 3' & exit 4); sleep 0.2; \
        for f in /proc/[0-9]*/stat; do { read -r pid name state parent rest <$f; } 2>/dev/null || continue; \
        [ \"$parent\" != $PPID ] || [ \"$state\" != Z ] || exit 9; done; exit 0";
    let mut child = command(&[], script).spawn().unwrap();
    assert_eq!(wait(&mut child).code(), Some(0));
}

fn signals_are_passed_on() {
    for (name, signal, code) in [
        ("TERM", Signal::TERM, 42),
        ("INT", Signal::INT, 42),
        ("HUP", Signal::HUP, 42),
        ("USR1", Signal::USR1, 42),
        ("TSTP", Signal::TSTP, 42),
        ("CONT", Signal::CONT, 42),
    ] {
        let script = format!("trap 'exit 42' {name}; echo ready; while :; do sleep 0.02; done");
        let mut child = command(&[], &script).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        read_until(&mut output, "ready");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(wait(&mut child).code(), Some(code), "{name}");
    }
}

fn a_signal_that_no_one_catches() {
    let mut child = command(&[], "echo ready; sleep 30").spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    read_until(&mut output, "ready");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = wait(&mut child);
    assert_eq!((status.code(), status.signal()), (Some(143), None));
}

/// It comes between the hold and the process.
fn an_early_signal_is_not_lost() {
    let mut child = command(&[], "sleep 30").env(EARLY, "1").spawn().unwrap();
    assert_eq!(wait(&mut child).code(), Some(143));
}

fn open_input_keeps_nobody() {
    for terminal in [false, true] {
        let mut command = command(&[], "exit 5");
        if terminal {
            command.env(TERMINAL, "1");
        }
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let _input = child.stdin.take();
        assert_eq!(wait(&mut child).code(), Some(5), "{terminal}");
    }
}

fn no_output_of_a_terminal_is_lost() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo the end";
    let mut child = command(&[], script).env(TERMINAL, "1").spawn().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(wait(&mut child).code(), Some(0));
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(lines.len(), 20_000);
    assert!(lines.iter().enumerate().all(|(i, line)| *line == format!("line {i}")));
    assert!(text.ends_with("the end\n"), "{:?}", &text[text.len() - 20..]);
    assert!(!text.contains('\r'));
}

fn input_without_a_terminal_reaches_one() {
    let mut child = command(&[], "read x; echo got $x").env(TERMINAL, "1").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let mut output = child.stdout.take().unwrap();
    read_until(&mut output, "got hello\n");
    assert_eq!(wait(&mut child).code(), Some(0));
}

fn a_reader_that_goes_away_hangs_up() {
    let mut child = command(&[], "trap 'exit 6' HUP; for i in $(seq 100000); do echo more; done")
        .env(TERMINAL, "1")
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    read_until(&mut output, "more");
    drop(output);
    // As a session leader it gets SIGHUP, or it sees its writes fail.
    assert_ne!(wait(&mut child).code(), Some(0));
}

/// A terminal of ours on both sides: size, keys, resizing, and all as before at the end.
fn a_terminal_in_a_terminal() {
    let (master, slave) = pty();
    let size = |rows, columns| Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size(37, 101)).unwrap();
    let before = tcgetattr(&slave).unwrap();
    let script = "trap 'stty size; exit 9' WINCH; stty size; trap 'echo interrupted' INT; echo ready; \
        until read x; do :; done; echo got $x; while :; do sleep 0.02; done";
    let ours = File::from(slave);
    let mut command = command(&["setsid", "-c"], script);
    command.env(TERMINAL, "1").stdin(ours.try_clone().unwrap());
    command.stdout(ours.try_clone().unwrap()).stderr(ours.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut screen = File::from(master);
    let text = read_until(&mut screen, "ready\r\n");
    assert!(text.contains("37 101\r\n"), "{text:?}");
    assert!(!text.contains("\r\r"), "{text:?}");
    let raw = tcgetattr(&ours).unwrap();
    assert!(!raw.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    assert!(raw.output_modes.contains(OutputModes::OPOST | OutputModes::ONLCR));
    // The interrupt key is the process's, not ours.
    screen.write_all(b"\x03").unwrap();
    read_until(&mut screen, "interrupted\r\n");
    screen.write_all(b"hello\r").unwrap();
    read_until(&mut screen, "got hello\r\n");
    tcsetwinsize(&screen, size(20, 60)).unwrap();
    read_until(&mut screen, "20 60\r\n");
    assert_eq!(wait(&mut child).code(), Some(9));
    let after = tcgetattr(&ours).unwrap();
    assert_eq!(format!("{:?}", after.local_modes), format!("{:?}", before.local_modes));
    assert_eq!(format!("{:?}", after.input_modes), format!("{:?}", before.input_modes));
}
