//! Races that are left to luck: somebody exchanges two files while something is done.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Exchanges two paths, again and again, while `during` runs. How often.
pub fn exchanging(one: &Path, other: &Path, during: impl FnOnce()) -> usize {
    let (ended, times) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("exchanged");
                times.fetch_add(1, Ordering::Relaxed);
            }
        });
        let done = catch_unwind(AssertUnwindSafe(during));
        ended.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| resume_unwind(panic));
    });
    times.into_inner()
}
