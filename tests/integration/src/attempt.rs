//! Waiting for what happens in its own time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether `happened` comes true within `patience`.
pub fn until(patience: Duration, mut happened: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        if happened() {
            return true;
        }
        if begin.elapsed() > patience {
            return false;
        }
        sleep(Duration::from_millis(5));
    }
}

/// Fails the test unless `happened` comes true.
#[track_caller]
pub fn eventually(what: &str, happened: impl FnMut() -> bool) {
    assert!(until(PATIENCE, happened), "never: {what}");
}
