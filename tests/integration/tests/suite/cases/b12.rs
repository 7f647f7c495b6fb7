//! B12: what is wrong with the terminal is known before anything is done; the pid file appears whole.

use harness::terminal::Receiver;
use harness::{Bundle, need_root};
use serde_json::json;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_terminal_without_a_console_socket_is_refused_before_anything_is_done() {
    need_root!();
    let mut bundle = Bundle::of_sleep().with("/process/terminal", json!(true));
    bundle.call(["create", "--pid-file", "p", bundle.id()]).fails().says("cannot allocate tty");
    assert!(!bundle.folder().join("p").exists());
    bundle.assert_nothing_left();
    bundle.call(["run", "--detach", bundle.id()]).fails().says("without setting console socket");
    bundle.assert_nothing_left();
    bundle.set("/process/terminal", json!(false));
    bundle.create().ok();
}

#[test]
fn a_console_socket_without_a_terminal_is_refused() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let _receiver = Receiver::listen(&bundle.folder().join("console"));
    let outcome = bundle.call(["create", "--pid-file", "p", "--console-socket", "console", bundle.id()]).fails();
    assert!(outcome.err.contains("console socket"), "{outcome}");
    assert!(!bundle.folder().join("p").exists());
    bundle.assert_nothing_left();
}

#[test]
fn a_console_socket_that_nobody_listens_to_is_refused() {
    need_root!();
    let bundle = Bundle::of_sleep().with("/process/terminal", json!(true));
    bundle.call(["create", "--pid-file", "p", "--console-socket", "missing", bundle.id()]).fails().says("missing");
    assert!(!bundle.folder().join("p").exists());
    bundle.assert_nothing_left();
}

#[test]
fn the_pid_file_is_whole_from_the_first_moment() {
    need_root!();
    let bundle = Bundle::of_sleep();
    let path = bundle.folder().join("p");
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !over.load(Ordering::Relaxed) {
                seen.extend(fs::read_to_string(&path).ok());
            }
            seen
        });
        for _ in 0..10 {
            bundle.call(["create", "--pid-file", "p", bundle.id()]).ok();
            let pid = bundle.pid().to_string();
            assert_eq!(fs::read_to_string(&path).unwrap(), pid);
            bundle.call(["delete", "--force", bundle.id()]).ok();
        }
        over.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert!(seen.iter().all(|text| text.parse::<u32>().is_ok_and(|pid| pid > 1)), "{seen:?}");
}

#[test]
fn a_pid_file_that_cannot_be_written_leaves_nothing() {
    need_root!();
    let bundle = Bundle::of_sleep();
    bundle.call(["create", "--pid-file", "/nonexistent/folder/p", bundle.id()]).fails().says("/nonexistent/folder");
    bundle.assert_nothing_left();
}
