//! A container's cgroup removed.

use crate::error::{Error, Result};
use crate::freeze::Events;
use crate::paths::Paths;
use crate::{file, pids, walk};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use sys::Errno;

/// How long processes that have been killed may take to go. It is long only on a machine that is all but stuck.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest pause between two tries where the kernel does not wake us.
const PAUSE: Duration = Duration::from_millis(20);

impl Paths {
    /// Removes the cgroup with all below it, waiting for processes that are on their way out, for ten seconds at
    /// most. What is gone already is no error.
    ///
    /// # Errors
    /// [`Error::Busy`] with those who stay.
    pub fn remove(&self) -> Result<()> {
        let mut end = None;
        let mut left = self.directories();
        let mut pause = Duration::from_micros(500);
        loop {
            let mut failed = None;
            left.retain(|path| match remove_one(path) {
                Ok(()) => false,
                Err(errno) => {
                    failed = Some(errno);
                    true
                }
            });
            let (Some(path), Some(errno)) = (left.first(), failed) else { return Ok(()) };
            let end = *end.get_or_insert_with(|| Instant::now() + PATIENCE);
            let waits = matches!(errno, Errno::BUSY | Errno::NOTEMPTY);
            if !waits || Instant::now() > end {
                return Err(Error::Busy { path: path.to_path_buf(), errno, pids: seen(path) });
            }
            self.await_exits(&left, end, pause);
            pause = PAUSE.min(pause * 2);
        }
    }

    /// Waits for the last process to leave, where the kernel tells (v2), else a moment.
    fn await_exits(&self, left: &[&Path], end: Instant, pause: Duration) {
        let told = self.unified().filter(|path| left.contains(path)).and_then(|path| Events::open(path).ok());
        let populated = told.as_ref().map(|events| {
            // Not longer than this: what is below may need another look.
            let soon = end.min(Instant::now() + PAUSE * 5);
            events.wait(soon, |text| file::value(text, "populated") == Some(0))
        });
        if !matches!(populated, Some(Ok(false))) {
            sleep(pause);
        }
    }
}

fn remove_one(path: &Path) -> std::result::Result<(), Errno> {
    match rustix::fs::rmdir(path) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(_) => walk::remove(path),
    }
}

fn seen(path: &Path) -> Vec<i32> {
    pids::all(path).unwrap_or_default().into_iter().filter(|pid| *pid > 0).collect()
}
