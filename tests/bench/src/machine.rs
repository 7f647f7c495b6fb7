//! What a figure must be read with: the machine, the day, how busy it was.

use std::fs;
use std::process::Command;

/// The day, the kernel, the processors.
pub(crate) fn about() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown", |(_, name)| name);
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let date = said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
    format!("{date}, {count} processors ({model}), Linux {}", said("uname", &["-r"]))
}

/// The load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The load average of the last minute.
pub(crate) fn load_now() -> f64 {
    load().split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
