//! What was seen, a line of JSON each, for `hack/compare`.

use serde_json::Value;
use std::fs::File;
use std::io::Write as _;

/// Whether this run is for the pages.
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os("REPORT").is_some()
}

/// Adds a line to the file that `REPORT` names, if it does.
pub(crate) fn line(seen: &Value) {
    let Some(path) = std::env::var_os("REPORT") else { return };
    let mut file = File::options().create(true).append(true).open(path).expect("the report");
    file.write_all(format!("{seen}\n").as_bytes()).expect("the report");
}
