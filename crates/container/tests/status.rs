//! The status is the kernel's: a zombie has stopped, and a process with a number used again is not init.
#![allow(clippy::unwrap_used)]

mod scratch;

use container::{Process, Record, Stage, Status, observe};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use scratch::{Scratch, container, id};
use std::process::{Child, Command};
use std::time::Duration;

fn sleeper() -> (Child, Process) {
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::from_child(&child);
    let process = Process::of_child(pid.as_raw_nonzero().get(), pidfd_open(pid, PidfdFlags::empty()).unwrap());
    (child, process)
}

fn living(record: &mut Record, process: &Process) {
    record.set_init(process).unwrap();
    record.stage = Stage::Created;
}

#[test]
fn alive_then_zombie_then_gone() {
    live_and_die(false);
}

#[test]
fn the_same_where_the_pidfds_inode_tells() {
    if sleeper_is_unique() {
        live_and_die(true);
    } else {
        scratch::say_skipped("this kernel has no pidfs");
    }
}

fn sleeper_is_unique() -> bool {
    let (mut child, process) = sleeper();
    let (_, inode) = process.identity().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    inode != 0
}

fn live_and_die(of_this_boot: bool) {
    let scratch = Scratch::new();
    let (entry, mut record) = container(&scratch.store(), "a");
    record.of_this_boot = of_this_boot;
    let (mut child, process) = sleeper();
    record.set_init(&process).unwrap();
    assert_eq!(observe(&entry, &record).unwrap().0, Status::Creating);
    living(&mut record, &process);
    std::fs::write(entry.path().join("start.sock"), "").unwrap();
    assert_eq!(observe(&entry, &record).unwrap().0, Status::Created);
    std::fs::remove_file(entry.path().join("start.sock")).unwrap();
    let (status, init) = observe(&entry, &record).unwrap();
    assert_eq!(status, Status::Running);
    assert_eq!(init.unwrap().pid(), record.init_process_pid);

    assert!(!process.wait(Duration::from_millis(1)).unwrap());
    process.signal(9).unwrap();
    assert!(process.wait(Duration::from_secs(10)).unwrap());
    assert_eq!(observe(&entry, &record).unwrap().0, Status::Stopped, "a zombie");
    child.wait().unwrap();
    assert_eq!(observe(&entry, &record).unwrap().0, Status::Stopped, "gone");
    assert!(process.signal(0).is_err());
}

#[test]
fn a_number_used_again_is_not_init() {
    let scratch = Scratch::new();
    let (entry, mut record) = container(&scratch.store(), "a");
    let (mut child, process) = sleeper();
    living(&mut record, &process);
    let (start, inode) = process.identity().unwrap();
    let another_start = Record { init_process_start: start - 1, ..record.clone() };
    assert_eq!(observe(&entry, &another_start).unwrap().0, Status::Stopped);
    if inode != 0 {
        let another_inode = Record { init_process_inode: inode + 1, ..record.clone() };
        assert_eq!(observe(&entry, &another_inode).unwrap().0, Status::Stopped);
        let of_this_boot = Record { of_this_boot: true, ..another_inode };
        assert_eq!(observe(&entry, &of_this_boot).unwrap().0, Status::Stopped);
    }
    let unknown_inode = Record { init_process_inode: 0, ..record.clone() };
    assert_eq!(observe(&entry, &unknown_inode).unwrap().0, Status::Running);
    for pid in [-1, i32::MIN, i32::MAX] {
        let nobody = Record { init_process_pid: pid, ..record.clone() };
        assert_eq!(observe(&entry, &nobody).unwrap().0, Status::Stopped);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_a_process_the_lock_tells_whether_it_is_being_made() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let maker = store.create(&id("a"), None).unwrap();
    maker.save(&Record::new("a", "1.3.0")).unwrap();
    let entry = store.get(&id("a")).unwrap();
    let record = entry.record().unwrap();
    assert_eq!(observe(&entry, &record).unwrap().0, Status::Creating);
    drop(maker);
    // A child that another test is just making holds a copy of the lock until it is another program.
    let stopped = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        observe(&entry, &record).unwrap().0 == Status::Stopped
    });
    assert!(stopped, "{:?}", observe(&entry, &record).unwrap().0);
}
