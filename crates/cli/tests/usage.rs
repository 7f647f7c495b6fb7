//! The binary's manners: help, version, exit statuses, and what it says when it is called wrongly. No container
//! is made, and nothing here needs root.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const COMMANDS: [&str; 16] = [
    "create", "delete", "events", "exec", "features", "kill", "list", "pause", "plan", "ps", "resume", "run", "spec",
    "start", "state", "update",
];

/// A directory that goes at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cofferdam-usage-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn cofferdam() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cofferdam"))
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    parts(cofferdam().args(arguments).output().unwrap())
}

fn parts(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_version_is_that_of_the_name_called() {
    use std::os::unix::process::CommandExt as _;
    let (_, text, _) = parts(cofferdam().arg0("/usr/bin/runc").arg("--version").output().unwrap());
    assert!(text.starts_with(concat!("runc version ", env!("CARGO_PKG_VERSION"), "\n")), "{text}");
}

#[test]
fn version_has_one_line_with_that_word() {
    for argument in ["--version", "-v", "-version", "--version=true"] {
        let (status, text, errors) = run(&[argument]);
        assert_eq!((status, errors.as_str()), (0, ""), "{argument}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.first().copied(), Some(concat!("cofferdam version ", env!("CARGO_PKG_VERSION"))));
        assert_eq!(lines.iter().filter(|line| line.contains("version")).count(), 1, "{text}");
        assert!(lines.contains(&"spec: 1.3.0"), "{text}");
        assert!(lines.iter().any(|line| line.starts_with("libseccomp: 2.")), "{text}");
    }
}

#[test]
fn help_on_the_program() {
    for arguments in [&[][..], &["-h"], &["--help"], &["help"], &["h"], &["--debug", "help"]] {
        let (status, text, errors) = run(arguments);
        assert_eq!((status, errors.as_str()), (0, ""), "{arguments:?}");
        assert!(text.starts_with("NAME:\n   cofferdam - Open Container Initiative runtime\n"), "{text}");
        for command in COMMANDS {
            assert!(text.contains(&format!("\n   {command} ")), "{command}");
        }
    }
}

/// The program goes by the name that it is called by.
#[test]
fn help_by_another_name() {
    let (_, text, _) = parts(cofferdam().arg0("/usr/sbin/runc").arg("-h").output().unwrap());
    assert!(text.starts_with("NAME:\n   runc - Open Container Initiative runtime\n"), "{text}");
    let (_, text, _) = parts(cofferdam().arg0("runc").args(["kill", "-h"]).output().unwrap());
    assert!(text.starts_with("NAME:\n   runc kill - "), "{text}");
}

#[test]
fn help_on_each_command() {
    for command in COMMANDS {
        for arguments in [&[command, "-h"][..], &[command, "--help"], &["help", command]] {
            let (status, text, errors) = run(arguments);
            assert_eq!((status, errors.as_str()), (0, ""), "{arguments:?}");
            let head = format!("NAME:\n   cofferdam {command} - ");
            assert!(text.starts_with(&head), "{text}");
            assert!(text.contains(&format!("\nUSAGE:\n   cofferdam {command} [options]")), "{text}");
        }
    }
}

#[test]
fn commands_that_are_not_there() {
    for arguments in [&["foo"][..], &["foo", "-h"], &["help", "foo"], &["checkpoint", "--help"], &["init"]] {
        let (status, text, errors) = run(arguments);
        assert_eq!((status, text.as_str()), (1, ""), "{arguments:?}");
        let topic = arguments.iter().find(|word| !word.starts_with('-') && **word != "help").unwrap();
        assert!(errors.contains(&format!("No help topic for '{topic}'")), "{errors}");
    }
}

#[test]
fn wrong_counts_of_arguments() {
    for (arguments, text) in [
        (&["create"][..], "\"create\" requires exactly 1 argument(s)"),
        (&["create", "a", "b"], "\"create\" requires exactly 1 argument(s)"),
        (&["run"], "\"run\" requires exactly 1 argument(s)"),
        (&["start", "a", "b"], "\"start\" requires exactly 1 argument(s)"),
        (&["state"], "\"state\" requires exactly 1 argument(s)"),
        (&["list", "a"], "\"list\" requires exactly 0 argument(s)"),
        (&["features", "a"], "\"features\" requires exactly 0 argument(s)"),
        (&["kill"], "\"kill\" requires a minimum of 1 argument(s)"),
        (&["kill", "a", "b", "c"], "\"kill\" requires a maximum of 2 argument(s)"),
        (&["exec"], "\"exec\" requires a minimum of 1 argument(s)"),
        (&["ps"], "\"ps\" requires a minimum of 1 argument(s)"),
    ] {
        let (status, help, errors) = run(arguments);
        assert_eq!(status, 1, "{arguments:?}");
        assert!(help.starts_with("Incorrect Usage.\n\nNAME:\n"), "{help}");
        assert!(errors.contains(&format!("cofferdam: {text}").replace('"', "\\\"")), "{errors}");
    }
}

#[test]
fn options_that_are_no_options() {
    for (arguments, text) in [
        (&["--foo"][..], "flag provided but not defined: -foo"),
        (&["--root"], "flag needs an argument: -root"),
        (&["create", "--foo", "c"], "flag provided but not defined: -foo"),
        (&["create", "c", "--bundle"], "flag needs an argument: -bundle"),
        (&["create", "--preserve-fds", "x", "c"], "invalid value \\\"x\\\" for flag -preserve-fds: "),
        (&["events", "--interval=5", "c"], "invalid value \\\"5\\\" for flag -interval: "),
        (&["update", "c", "--pids-limit", "many"], "invalid value \\\"many\\\" for flag -pids-limit: "),
        (&["run", "--detach=maybe", "c"], "invalid boolean value \\\"maybe\\\" for -detach: "),
    ] {
        let (status, help, errors) = run(arguments);
        assert_eq!(status, 1, "{arguments:?}");
        assert!(help.starts_with("Incorrect Usage: "), "{help}");
        assert!(help.contains("\n\nNAME:\n"), "{help}");
        assert!(errors.contains(text), "{errors}");
    }
}

#[test]
fn values_that_are_refused() {
    for (arguments, text) in [
        (&["--log-format", "xml", "list"][..], "invalid log-format: xml"),
        (&["--rootless", "maybe", "list"], "invalid value \"maybe\" for flag -rootless"),
        (&["--root", "/", "list"], "--root"),
        (&["--root", "/tmp/..", "list"], "--root"),
        (&["--root", "", "list"], "--root"),
        (&["list", "--format", "xml"], "invalid format option"),
        (&["run", "a/b"], "invalid container ID format"),
        (&["state", ".."], "invalid container ID format"),
        (&["events", "--interval", "0s", "c"], "must be greater than 0"),
    ] {
        let (status, help, errors) = run(arguments);
        assert_eq!((status, help.as_str()), (1, ""), "{arguments:?}");
        assert!(errors.replace('\\', "").contains(text), "{errors}");
    }
}

/// One record in the log, the same text on standard error, and 1, or 255 for exec.
#[test]
fn a_failing_call_says_so_once() {
    let scratch = Scratch::new("log");
    let root = scratch.path("state");
    for (arguments, status, text) in [
        (&["state", "c"][..], 1, "container does not exist"),
        (&["start", "c"], 1, "container does not exist"),
        (&["kill", "c", "9"], 1, "container does not exist"),
        (&["delete", "c"], 1, "container does not exist"),
        (&["pause", "c"], 1, "container does not exist"),
        (&["run", "-b", "/nonexistent", "c"], 1, "cofferdam run failed: JSON specification file config.json not found"),
        (&["create", "-b", "/nonexistent", "c"], 1, "cofferdam create failed: JSON specification file"),
        (&["exec", "c", "true"], 255, "exec failed: container does not exist"),
    ] {
        let log = scratch.path("log.json");
        let mut command = cofferdam();
        command.args(["--root", &root, "-log", &log, "--log-format=text", "-log-format", "json"]).args(arguments);
        let (code, output, errors) = parts(command.output().unwrap());
        assert_eq!((code, output.as_str()), (status, ""), "{arguments:?}");
        assert!(errors.starts_with(text) && errors.lines().count() == 1, "{errors}");
        let record: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&log).unwrap()).unwrap();
        assert_eq!(record["level"], "error");
        assert_eq!(record["msg"].as_str(), Some(errors.trim_end()));
        assert!(record["time"].as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z')));
        std::fs::remove_file(log).unwrap();
    }
}

/// Engines read the log to its end; it tells the place in the config, and is seen from the caller's directory.
#[test]
fn the_log_is_appended_to_and_tells_the_place() {
    let scratch = Scratch::new("pointer");
    let log = scratch.path("log.json");
    std::fs::write(scratch.path("config.json"), r#"{"ociVersion":"1.0.0","process":{"cwd":"relative"}}"#).unwrap();
    for records in 1..=2 {
        let mut command = cofferdam();
        command.current_dir(&scratch.0).args(["--root", &scratch.path("state")]);
        command.args(["--log", "log.json", "--log-format", "json", "create", "c"]);
        let (code, _, errors) = parts(command.output().unwrap());
        assert_eq!(code, 1);
        let text = std::fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().count(), records, "{text}");
        let record: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(record["msg"].as_str(), Some(errors.trim_end()));
        assert!(record["pointer"].as_str().is_some_and(|pointer| pointer.starts_with('/')), "{record}");
    }
    assert!(!Path::new(&scratch.path("state")).join("c").exists());
}

#[test]
fn calls_that_succeed_are_quiet_on_standard_error() {
    let scratch = Scratch::new("quiet");
    let root = scratch.path("state");
    std::fs::create_dir(&root).unwrap();
    for (arguments, output) in [
        (&["list"][..], "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"),
        (&["list", "-f", "json"], "null\n"),
        (&["list", "-q"], ""),
        (&["delete", "--force", "c"], ""),
    ] {
        let (status, text, errors) = run(&[&["--root", &root], arguments].concat());
        assert_eq!((status, text.as_str(), errors.as_str()), (0, output, ""), "{arguments:?}");
    }
    let (status, text, errors) = run(&["features"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["linux"].is_object());
}

#[test]
fn a_missing_root_is_an_error_only_where_it_is_named() {
    let scratch = Scratch::new("root");
    assert_eq!(run(&["--root", &scratch.path("missing"), "list"]).0, 1);
    let mut command = cofferdam();
    command.env_remove("USER").env("XDG_RUNTIME_DIR", &scratch.0).arg("list");
    assert_eq!(parts(command.output().unwrap()).0, 0);
}

#[test]
fn spec_writes_a_config_once() {
    let scratch = Scratch::new("spec");
    let bundle = scratch.path("");
    assert_eq!(run(&["spec", "--bundle", &bundle]), (0, String::new(), String::new()));
    let config = std::fs::read_to_string(scratch.path("config.json")).unwrap();
    assert!(config.starts_with("{\n\t\"ociVersion\""), "{config}");
    let (status, _, errors) = run(&["spec", "-b", &bundle]);
    assert_eq!(status, 1);
    assert!(errors.contains("File config.json exists. Remove it first"), "{errors}");
}
