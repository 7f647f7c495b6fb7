//! A directory that goes with the test.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use container::{ContainerId, Entry, Record, Store};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        let name = format!("cofferdam-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn store(&self) -> Store {
        Store::open_or_create(&self.0.join("root")).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

pub fn id(text: &str) -> ContainerId {
    ContainerId::parse(text).unwrap()
}

/// A container with a record and no process.
pub fn container(store: &Store, name: &str) -> (Entry, Record) {
    let entry = store.create(&id(name), None).unwrap();
    let mut record = Record::new(name, "1.3.0");
    record.bundle = "/bundle".into();
    record.rootfs = "/bundle/rootfs".into();
    record.created = "2026-11-25T11:09:00.5Z".into();
    entry.save(&record).unwrap();
    entry.unlock().unwrap();
    (entry, record)
}

/// Says past the test runner's capture that the running test is skipped, and why; `hack/test` counts these lines.
pub fn say_skipped(reason: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {reason}\n", thread.name().unwrap_or("?"));
    rustix::io::write(rustix::stdio::stderr(), line.as_bytes()).unwrap();
}
