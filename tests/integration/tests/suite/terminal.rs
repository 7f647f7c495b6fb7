//! Terminals: over the console socket, and of a foreground run.

use harness::terminal::{Receiver, read_all};
use harness::{Bundle, need_root};
use rustix::termios::{Winsize, tcgetattr, tcgetwinsize, tcsetwinsize};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;

fn with_terminal(script: &str) -> (Bundle, Receiver) {
    let bundle = Bundle::of_shell(script).with("/process/terminal", json!(true));
    let receiver = Receiver::listen(&bundle.folder().join("console"));
    (bundle, receiver)
}

#[test]
fn the_console_socket_gets_the_master() {
    need_root!();
    let (bundle, receiver) =
        with_terminal("tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three; read word; echo got $word");
    let master = receiver.create(&bundle);
    bundle.call(["start", bundle.id()]).ok();
    File::from(master.try_clone().unwrap()).write_all(b"hello\n").unwrap();
    let text = read_all(&master);
    assert!(text.contains("/dev/pts/0") || text.contains("/dev/console"), "{text}");
    assert!(text.contains("three") && text.contains("got hello"), "{text}");
}

#[test]
fn the_terminal_is_the_controlling_one_and_the_console() {
    need_root!();
    let (bundle, receiver) = with_terminal("exec /probe stat:/dev/console stat:/dev/pts/0");
    let master = receiver.create(&bundle);
    bundle.call(["start", bundle.id()]).ok();
    let text = read_all(&master);
    let seen: Value =
        serde_json::from_str(&text.replace("\r\n", "\n")).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(seen["stat"]["session"], 1, "{:#}", seen["stat"]);
    assert_ne!(seen["stat"]["terminal"], 0);
    let console = &seen["answers"]["stat:/dev/console"];
    assert_eq!((&console["kind"], &console["major"], &console["minor"]), (&json!("character"), &json!(136), &json!(0)));
    assert_eq!(seen["answers"]["stat:/dev/pts/0"]["inode"], console["inode"]);
    assert_eq!(seen["descriptors"].as_object().unwrap().len(), 3, "{}", seen["descriptors"]);
}

#[test]
fn the_size_is_set_before_the_program_begins() {
    need_root!();
    let (bundle, receiver) = with_terminal("stty size");
    let bundle = bundle.with("/process/consoleSize", json!({"height": 33, "width": 77}));
    let master = receiver.create(&bundle);
    assert_eq!(tcgetwinsize(&master).map(|size| (size.ws_row, size.ws_col)).unwrap(), (33, 77));
    bundle.call(["start", bundle.id()]).ok();
    assert_eq!(read_all(&master).trim(), "33 77");
}

#[test]
fn a_user_owns_the_terminal() {
    need_root!();
    let (bundle, receiver) = with_terminal("stat -c '%u %a' $(tty); echo again >$(tty)");
    let bundle = bundle.with("/process/user", json!({"uid": 1000, "gid": 1000}));
    let master = receiver.create(&bundle);
    bundle.call(["start", bundle.id()]).ok();
    let text = read_all(&master);
    assert!(text.starts_with("1000 ") && text.contains("again"), "{text}");
}

#[test]
fn exec_has_a_terminal_of_its_own() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let receiver = Receiver::listen(&bundle.folder().join("console"));
    let execing = bundle
        .call([
            "exec",
            "--tty",
            "--detach",
            "--console-socket",
            "console",
            bundle.id(),
            "sh",
            "-c",
            "sleep .3; tty; stty size",
        ])
        .begin();
    let (descriptors, _) = receiver.receive();
    execing.outcome().ok();
    tcsetwinsize(&descriptors[0], Winsize { ws_row: 20, ws_col: 30, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let text = read_all(&descriptors[0]);
    assert!(text.contains("/dev/pts/") && text.contains("20 30"), "{text}");
}

/// A terminal of ours around a foreground call.
fn in_terminal(bundle: &Bundle, arguments: &[&str], typed: &str) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let before = tcgetattr(open()).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 31, ws_col: 71, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut child = std::process::Command::new("setsid")
        .args(["--ctty", "--wait"])
        .arg(harness::programs::runtime())
        .arg("--root")
        .arg(bundle.state_folder())
        .args(arguments)
        .current_dir(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
        .stdin(open())
        .stdout(open())
        .stderr(open())
        .spawn()
        .unwrap();
    let reader = master.try_clone().unwrap();
    let text = std::thread::spawn(move || read_all(&reader));
    std::thread::sleep(std::time::Duration::from_millis(300));
    File::from(master.try_clone().unwrap()).write_all(typed.as_bytes()).unwrap();
    let status = child.wait().unwrap();
    let after = tcgetattr(open()).unwrap();
    assert_eq!(after.local_modes, before.local_modes, "the terminal stays raw");
    assert_eq!(after.output_modes, before.output_modes, "the terminal stays raw");
    let text = text.join().unwrap();
    assert!(status.success(), "{status}: {text}");
    text
}

#[test]
fn a_foreground_run_passes_the_terminal_on() {
    need_root!();
    let bundle = Bundle::of_shell("tty; stty size; read word; echo got $word").with("/process/terminal", json!(true));
    let text = in_terminal(&bundle, &["run", bundle.id()], "hello\r");
    assert!(text.contains("/dev/pts/0") || text.contains("/dev/console"), "{text}");
    assert!(text.contains("31 71") && text.contains("got hello"), "{text}");
    assert!(!text.contains("\r\r\n"), "both terminals add carriage returns: {text:?}");
    bundle.assert_nothing_left();
}

#[test]
fn a_foreground_exec_passes_the_terminal_on() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.up();
    let text = in_terminal(
        &bundle,
        &["exec", "-t", bundle.id(), "sh", "-c", "stty size; read word; echo got $word"],
        "hello\r",
    );
    assert!(text.contains("31 71") && text.contains("got hello"), "{text}");
}
