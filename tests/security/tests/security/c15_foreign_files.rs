//! SECURITY C15: nothing of an image is loaded or looked up by a process with rights of its own, but what must be:
//! `/etc/passwd`, and the program: CVE-2019-14271, CVE-2018-15664.
//!
//! Controls: the mutants `c15-`; runc 1.1.5 opens `/etc/group` and files of its procfs.

use harness::{Bundle, need_cofferdam, need_root, programs};
use serde_json::json;
use std::fs;
use std::process::Command;

/// A bundle full of what a C library would load.
fn trapped() -> Bundle {
    let bundle = Bundle::of_sleep();
    for path in [
        "etc/ld.so.preload",
        "etc/ld.so.cache",
        "etc/nsswitch.conf",
        "etc/localtime",
        "etc/host.conf",
        "lib/libnss_files.so.2",
        "lib/x86_64-linux-gnu/libnss_compat.so.2",
        "usr/lib/locale/locale-archive",
        "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
        "usr/share/zoneinfo/UTC",
    ] {
        let path = bundle.rootfs(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "/trap\n").unwrap();
    }
    bundle
}

/// The paths in the calls that strace wrote of a process between its last `after`, or its birth in the container, and
/// its last `execve`; none where it has none.
fn paths(text: &str, after: &str) -> Option<Vec<String>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("resumed>")).collect();
    let born_inside = !lines.iter().any(|line| line.starts_with("execveat("));
    let entered = lines.iter().rposition(|line| line.starts_with(after)).map(|at| at + 1);
    let begin = entered.or(born_inside.then_some(0))?;
    let end = lines.iter().rposition(|line| line.starts_with("execve("))?;
    let quoted = |line: &&str| {
        let path = line.split('"').nth(1)?;
        (!path.is_empty() && !["fsconfig(", "fsopen("].iter().any(|call| line.starts_with(call)))
            .then(|| path.trim_start_matches('/').to_owned())
    };
    Some(lines.get(begin..end).filter(|_| end > 0)?.iter().filter_map(quoted).collect())
}

/// What all processes of a call looked up after they were in the container.
#[track_caller]
fn looked_up(bundle: &Bundle, after: &str, arguments: &[&str]) -> Vec<String> {
    let prefix = bundle.folder().join("trace");
    let options = ["-ff", "-e", "trace=%file,setns,pivot_root", "-o", prefix.to_str().unwrap()];
    bundle.under_strace(&options, arguments.iter().copied()).ok();
    let files = fs::read_dir(bundle.folder()).unwrap().flatten().map(|entry| entry.path());
    let traces = files.filter(|path| path.to_string_lossy().contains("/trace."));
    let found: Vec<_> = traces.filter_map(|path| paths(&fs::read_to_string(path).unwrap(), after)).collect();
    assert!(!found.is_empty(), "no process came in");
    found.concat()
}

#[test]
fn exec_looks_up_the_user_and_the_program() {
    need_root!();
    need_cofferdam!("runc looks up more");
    let bundle = trapped();
    bundle.up();
    let found = looked_up(&bundle, "setns", &["exec", "--env", "PATH=/nowhere:/bin", bundle.id(), "true"]);
    let allowed = ["", "etc/passwd", "nowhere/true", "bin/true"];
    assert!(found.iter().all(|path| allowed.contains(&path.as_str())), "{found:?}");
    assert!(found.iter().any(|path| path == "etc/passwd"), "{found:?}");
}

#[test]
fn run_looks_up_what_the_config_names() {
    need_root!();
    need_cofferdam!("runc looks up more");
    let bundle = trapped().with("/process/args", json!(["true"]));
    let named: Vec<String> = ["maskedPaths", "readonlyPaths"]
        .iter()
        .flat_map(|list| bundle.config["linux"][list].as_array().unwrap())
        .map(|path| path.as_str().unwrap().trim_start_matches('/').to_owned())
        // In the mounts that they lie in.
        .flat_map(|path| [path.trim_start_matches("proc/").trim_start_matches("sys/").to_owned(), path])
        .chain(["etc/passwd", "bin/true", "proc", ".", ""].map(str::to_owned))
        .collect();
    let found = looked_up(&bundle, "pivot_root", &["run", bundle.id()]);
    assert!(found.iter().all(|path| named.contains(path)), "{found:?}");
}

#[test]
fn the_runtime_is_static() {
    need_root!();
    need_cofferdam!("Debian's runc is not");
    let runtime = programs::runtime();
    if !runtime.components().any(|part| part.as_os_str() == "release") {
        harness::skip!("only a release is static");
    }
    let told = Command::new("ldd").arg(&runtime).output().unwrap();
    let text = [told.stdout, told.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("not a dynamic executable") || text.contains("statically linked"), "{text}");
}
