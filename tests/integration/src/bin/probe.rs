//! Prints, as JSON, what a process sees of itself. Arguments are further questions:
//! `stat:PATH`, `read:PATH`, `list:PATH`, `write:PATH=TEXT`, `open:PATH`, `label:PATH`.

use serde_json::{Map, Value, json};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

fn main() {
    // Before anything else is opened.
    let descriptors = descriptors();
    let mut seen = Map::new();
    seen.insert("descriptors".into(), descriptors);
    seen.insert("pid".into(), json!(std::process::id()));
    seen.insert("args".into(), json!(lines("/proc/self/cmdline", '\0')));
    seen.insert("env".into(), json!(lines("/proc/self/environ", '\0')));
    seen.insert("cwd".into(), json!(rustix::process::getcwd(Vec::new()).map(|path| text(path.as_bytes())).ok()));
    seen.insert("status".into(), status());
    seen.insert("mounts".into(), mounts());
    seen.insert("namespaces".into(), namespaces());
    seen.insert("limits".into(), limits());
    seen.insert("stat".into(), scheduling());
    seen.insert("cgroup".into(), json!(lines("/proc/self/cgroup", '\n')));
    seen.insert("root".into(), stat("/"));
    seen.insert("above".into(), stat("/.."));
    let name = rustix::system::uname();
    seen.insert("hostname".into(), json!(text(name.nodename().to_bytes())));
    seen.insert("domainname".into(), json!(text(name.domainname().to_bytes())));
    seen.insert("machine".into(), json!(text(name.machine().to_bytes())));
    seen.insert("terminal".into(), terminal());
    for file in ["oom_score_adj", "personality", "timens_offsets", "attr/current"] {
        seen.insert(file.into(), read(&format!("/proc/self/{file}")));
    }
    let questions = std::env::args().skip(1).map(|question| (question.clone(), answer(&question)));
    seen.insert("answers".into(), questions.collect());
    println!("{}", Value::Object(seen));
}

fn answer(question: &str) -> Value {
    match question.split_once(':') {
        Some(("stat", path)) => stat(path),
        Some(("read", path)) => read(path),
        Some(("list", path)) => list(path),
        Some(("label", path)) => label(path),
        Some(("open", path)) => error(fs::File::open(path).map(drop)),
        Some(("write", rest)) => {
            let (path, content) = rest.split_once('=').unwrap_or((rest, ""));
            error(fs::write(path, content))
        }
        _ => json!("unknown question"),
    }
}

/// "ok", or the error's text.
fn error(result: std::io::Result<()>) -> Value {
    match result {
        Ok(()) => json!("ok"),
        Err(error) => json!(error.to_string()),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(path: &str, separator: char) -> Vec<String> {
    let content = fs::read(path).unwrap_or_default();
    text(&content).split_terminator(separator).map(str::to_owned).collect()
}

fn read(path: &str) -> Value {
    match fs::read(path) {
        Ok(content) => json!(text(&content).trim_end()),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// The SELinux label of what is at a path.
fn label(path: &str) -> Value {
    let mut label = [0; 256];
    match rustix::fs::lgetxattr(path, "security.selinux", &mut label) {
        Ok(length) => json!(text(&label[..length]).trim_end_matches('\0')),
        Err(errno) => json!({"error": errno.to_string()}),
    }
}

fn list(path: &str) -> Value {
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut names: Vec<String> = entries.flatten().map(|entry| text(entry.file_name().as_bytes())).collect();
            names.sort();
            json!(names)
        }
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn stat(path: &str) -> Value {
    let Ok(found) = fs::symlink_metadata(path) else { return Value::Null };
    let kind = found.file_type();
    let kind = if kind.is_dir() {
        "directory"
    } else if kind.is_symlink() {
        "link"
    } else if kind.is_char_device() {
        "character"
    } else if kind.is_block_device() {
        "block"
    } else if kind.is_fifo() {
        "fifo"
    } else {
        "file"
    };
    let link = fs::read_link(path).ok().map(|link| text(link.as_os_str().as_bytes()));
    json!({
        "kind": kind, "mode": found.mode() & 0o7777, "uid": found.uid(), "gid": found.gid(), "link": link,
        "major": rustix::fs::major(found.rdev()), "minor": rustix::fs::minor(found.rdev()),
        "device": found.dev(), "inode": found.ino(), "size": found.size(),
    })
}

/// The open descriptors and what is behind them, less the one that lists them.
fn descriptors() -> Value {
    let entries: Vec<_> = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().collect();
    let found = entries.iter().filter_map(|entry| {
        let name = entry.file_name();
        let target =
            fs::read_link(OsStr::new("/proc/self/fd").to_str().map(|top| format!("{top}/{}", name.display()))?);
        // The listing's own descriptor is closed by now.
        Some((name.to_string_lossy().into_owned(), json!(text(target.ok()?.as_os_str().as_bytes()))))
    });
    found.filter(|(_, target)| !target.as_str().is_some_and(|target| target.ends_with("/fd"))).collect()
}

/// `/proc/self/status` by key.
fn status() -> Value {
    let pairs = lines("/proc/self/status", '\n');
    let split = pairs.iter().filter_map(|line| line.split_once(':'));
    split.map(|(key, value)| (key.to_owned(), json!(value.split_whitespace().collect::<Vec<_>>().join(" ")))).collect()
}

/// `/proc/self/mountinfo`, line by line. proc(5).
fn mounts() -> Value {
    let found = lines("/proc/self/mountinfo", '\n').into_iter().filter_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let system: Vec<&str> = system.split(' ').collect();
        Some(json!({
            "id": mount.first()?, "parent": mount.get(1)?, "device": mount.get(2)?, "root": mount.get(3)?,
            "target": mount.get(4)?, "options": mount.get(5)?, "propagation": mount.get(6..)?.join(" "),
            "kind": system.first()?, "source": system.get(1)?, "super": system.get(2)?,
        }))
    });
    found.collect()
}

fn namespaces() -> Value {
    let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
    let link = |kind: &str| fs::read_link(format!("/proc/self/ns/{kind}")).ok();
    kinds
        .iter()
        .map(|kind| ((*kind).to_owned(), json!(link(kind).map(|path| text(path.as_os_str().as_bytes())))))
        .collect()
}

/// `/proc/self/limits`: soft and hard by name.
fn limits() -> Value {
    let rows = lines("/proc/self/limits", '\n').into_iter().skip(1).filter_map(|line| {
        let (name, rest) = line.split_at_checked(26)?;
        let values: Vec<&str> = rest.split_whitespace().take(2).collect();
        Some((name.trim().trim_start_matches("Max ").to_owned(), json!(values)))
    });
    rows.collect()
}

/// Scheduling as `/proc/self/stat` tells: nice, real-time priority, policy.
fn scheduling() -> Value {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    // Field 3 of proc(5) is the first one here.
    let field = |number: usize| fields.get(number - 3).and_then(|value| value.parse::<i64>().ok());
    json!({"session": field(6), "terminal": field(7), "nice": field(19), "priority": field(40), "policy": field(41)})
}

fn terminal() -> Value {
    let stdin = std::io::stdin();
    let name = rustix::termios::ttyname(stdin.as_fd(), Vec::new()).ok();
    let size = rustix::termios::tcgetwinsize(stdin.as_fd()).ok();
    json!({
        "name": name.map(|name| text(name.to_bytes())),
        "rows": size.map(|size| size.ws_row), "columns": size.map(|size| size.ws_col),
    })
}
