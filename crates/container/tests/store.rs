//! The state directory: who gets an id, what is never followed, what is removed.
#![allow(clippy::unwrap_used)]

mod scratch;

use container::{Error, Record, Store, list};
use scratch::{Scratch, container, id};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_root_is_private_and_made_when_needed() {
    let scratch = Scratch::new();
    let root = scratch.path().join("a/b");
    let missing = Store::open(&root).unwrap();
    assert!(!missing.exists());
    assert!(matches!(missing.get(&id("x")), Err(Error::NotExist(_))));
    assert!(matches!(list(&missing), Err(Error::NoRoot(_))));
    Store::open_or_create(&root).unwrap();
    assert_eq!((mode(&root), mode(root.parent().unwrap())), (0o700, 0o700));
}

#[test]
fn the_root_of_the_host_is_refused() {
    for root in ["/", "//", "/.", "/..", "/tmp/..", "/tmp/../..", "../../../../../../../../../../.."] {
        assert!(matches!(Store::open(Path::new(root)), Err(Error::RootIsSlash)), "{root}");
        assert!(matches!(Store::open_or_create(Path::new(root)), Err(Error::RootIsSlash)), "{root}");
    }
}

#[test]
fn an_id_is_given_once() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let entry = store.create(&id("a"), None).unwrap();
    assert_eq!(mode(entry.path()), 0o711);
    let again = store.create(&id("a"), None).unwrap_err();
    assert!(again.to_string().starts_with("container with given ID already exists"), "{again}");
    entry.remove().unwrap();
    let gone = store.get(&id("a")).unwrap_err();
    assert!(gone.to_string().starts_with("container does not exist"), "{gone}");
    store.create(&id("a"), None).unwrap();
}

#[test]
fn an_id_longer_than_a_file_name_is_no_container() {
    let store = Scratch::new().store();
    let long = id(&"x".repeat(1000));
    assert!(matches!(store.get(&long), Err(Error::NotExist(_))));
}

/// C17: a link in the state directory leads nowhere.
#[test]
fn a_planted_link_is_not_followed() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let victim = scratch.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("state.json"), r#"{"version":1,"id":"link"}"#).unwrap();
    symlink(&victim, store.root().join("link")).unwrap();
    assert!(matches!(store.get(&id("link")), Err(Error::NotExist(_))));
    assert!(matches!(store.create(&id("link"), None), Err(Error::Exists(_))));
    let listed = list(&store).unwrap();
    assert!(listed.containers.is_empty() && listed.skipped.is_empty());
    // And none inside a container's own directory.
    let entry = store.create(&id("a"), None).unwrap();
    symlink(victim.join("state.json"), entry.path().join("state.json")).unwrap();
    symlink(victim.join("new"), entry.path().join("config.json")).unwrap();
    symlink(victim.join("state.json"), entry.path().join(".state.json")).unwrap();
    symlink(&victim, entry.path().join("dir")).unwrap();
    assert!(matches!(entry.record(), Err(Error::Io { .. })));
    assert!(entry.write_config(b"{}").is_err());
    assert!(entry.save(&Record::new("a", "1.3.0")).is_err());
    entry.remove().unwrap();
    assert!(!victim.join("new").exists());
    let kept = std::fs::read_to_string(victim.join("state.json")).unwrap();
    assert_eq!(kept, r#"{"version":1,"id":"link"}"#);
}

#[test]
fn what_is_removed_is_removed_whole() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (entry, _) = container(&store, "a");
    std::fs::create_dir_all(entry.path().join("notify/deep/er")).unwrap();
    std::fs::write(entry.path().join("notify/deep/file"), "x").unwrap();
    entry.remove().unwrap();
    assert!(!entry.path().exists() && entry.is_gone().unwrap());
    entry.remove().unwrap();
}

#[test]
fn config_is_kept_byte_for_byte() {
    let scratch = Scratch::new();
    let (entry, _) = container(&scratch.store(), "a");
    let bytes = b"{ \"a\":\t1 }\n\n";
    entry.write_config(bytes).unwrap();
    assert_eq!(entry.config().unwrap(), bytes);
}

#[test]
fn what_is_larger_than_any_config_is_refused() {
    let scratch = Scratch::new();
    let (entry, _) = container(&scratch.store(), "a");
    entry.write_config(b"{}").unwrap();
    let file = std::fs::File::options().write(true).open(entry.path().join("config.json")).unwrap();
    for (length, taken) in [(16 << 20, true), ((16 << 20) + 1, false), (20 << 20, false), (1 << 40, false)] {
        file.set_len(length).unwrap();
        assert_eq!(entry.config().is_ok(), taken, "{length}");
    }
}

#[test]
fn a_fifo_in_place_of_the_record_does_not_hang() {
    let scratch = Scratch::new();
    let entry = scratch.store().create(&id("a"), None).unwrap();
    let path = entry.path().join("state.json");
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    assert!(matches!(entry.record(), Err(Error::Torn { .. })));
}

#[test]
fn one_command_at_a_time() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let first = store.create(&id("a"), None).unwrap();
    let second = store.get(&id("a")).unwrap();
    assert!(second.is_busy().unwrap());
    first.unlock().unwrap();
    assert!(!second.is_busy().unwrap());
    second.lock().unwrap();
    assert!(first.is_busy().unwrap());
    drop(second);
    assert!(!first.is_busy().unwrap());
}

#[test]
fn who_waits_for_a_container_that_goes_is_told_so() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let deleting = store.create(&id("a"), None).unwrap();
    let waiting = store.get(&id("a")).unwrap();
    let waiter = std::thread::spawn(move || waiting.lock());
    std::thread::sleep(Duration::from_millis(20));
    assert!(!waiter.is_finished());
    deleting.remove().unwrap();
    drop(deleting);
    assert!(matches!(waiter.join().unwrap(), Err(Error::NotExist(_))));
}
