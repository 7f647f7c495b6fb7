//! The runtime under test.

use harness::programs;
use std::process::Command;
use std::sync::OnceLock;

/// Its name and version: "runc 1.1.5"; "cofferdam", of which there is only this one.
pub(crate) fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| if programs::is_cofferdam() { "cofferdam".to_owned() } else { stranger() })
}

/// The first line of `--version`, less what Debian adds: "runc version 1.1.5+ds1".
fn stranger() -> String {
    let said = Command::new(programs::runtime()).arg("--version").output().expect("--version");
    let said = String::from_utf8_lossy(&said.stdout);
    let mut words = said.lines().next().unwrap_or_default().split_whitespace();
    let name = words.next().unwrap_or("?");
    let version = words.nth(1).unwrap_or("?").split('+').next().unwrap_or("?");
    format!("{name} {version}")
}
