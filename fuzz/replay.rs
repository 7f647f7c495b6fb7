//! What fuzzers found worth keeping, given again to what they tried: in plain tests.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Gives each file of a target's corpus to `one`. A file has a few kilobytes: none may take long.
pub(crate) fn replay(target: &str, one: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for file in fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        let data = fs::read(&path).unwrap();
        let start = Instant::now();
        one(&data);
        assert!(start.elapsed() < Duration::from_secs(2), "{}: {:?}", path.display(), start.elapsed());
        files += 1;
    }
    assert!(files > 0, "{target}");
}
