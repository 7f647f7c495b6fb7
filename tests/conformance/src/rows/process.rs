//! config.md, process: the terminal, the directory, the program, its environment and its resource limits.

use super::refused;
use crate::verdict::skip;
use harness::bundle::seen;
use harness::terminal::{Receiver, read_all};
use harness::{Bundle, host, programs};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

super::rows! { "process":
    "config.md, process" {
        no_terminal_unless_asked_for: "`terminal` defaults to false",
        a_terminal_is_on_the_standard_streams: "a pseudoterminal is duplicated on the three standard streams",
        the_console_has_its_size: "`consoleSize` is the terminal's",
        a_size_without_a_terminal_is_ignored: "`consoleSize` is ignored without `terminal`",
        a_size_has_height_and_width: "`consoleSize` needs both of its members",
        the_program_runs_in_its_directory: "`cwd` is the program's working directory",
        a_directory_is_required: "`cwd` is required, and absolute",
        what_is_no_directory_is_refused: "a `cwd` that can't be entered is an error",
        the_directory_is_inside_the_root: "no `cwd` leads out of the root",
        the_environment_is_as_given: "`env` is the program's environment, entry by entry",
        arguments_arrive_whole: "`args` is the program's argv, byte by byte",
        an_argument_is_required: "`args` has at least one entry",
        a_program_that_is_not_there_is_an_error: "what can't be executed is an error",
    }
    "config.md, process, args (execvp)" {
        the_program_is_searched_in_the_containers_path: "a name without a slash is searched in PATH of `env`",
        what_may_not_be_executed_is_passed_over: "the search goes on after what may not be executed",
        an_empty_entry_of_the_path_is_the_directory: "an empty entry of PATH is the working directory",
        a_path_begins_at_the_directory: "a name with a slash begins at the working directory",
        what_has_no_known_format_is_a_script: "what the kernel does not know is run by the shell",
    }
    "config.md, POSIX process" {
        resource_limits_are_exact: "getrlimit(2) gives `soft` and `hard`",
        every_limit_of_the_manual_is_known: "each type of getrlimit(2) can be limited",
        an_unknown_limit_is_refused: "a type that the kernel has not is an error",
        a_limit_is_whole: "`type`, `soft` and `hard` are required",
        a_limit_stands_once: "a type that stands twice is an error",
        a_limit_that_cannot_be_set_is_an_error: "a limit that can't be set is an error",
    }
}

fn no_terminal_unless_asked_for() {
    let mut bundle = Bundle::new();
    bundle.remove("/process/terminal");
    assert_eq!(bundle.probe(&[])["terminal"]["name"], Value::Null);
}

/// What the probe sees on a terminal.
fn on_terminal(bundle: Bundle) -> Value {
    let bundle = bundle.with("/process/terminal", json!(true));
    let receiver = Receiver::listen(&bundle.folder().join("console"));
    let master = receiver.create(&bundle);
    bundle.call(["start", bundle.id()]).ok();
    let text = read_all(&master);
    serde_json::from_str(&text.replace("\r\n", "\n")).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn a_terminal_is_on_the_standard_streams() {
    let seen = on_terminal(Bundle::new());
    let name = seen["terminal"]["name"].as_str().expect("a terminal");
    assert!(name.starts_with("/dev/pts/") || name == "/dev/console", "{name}");
    for stream in ["0", "1", "2"] {
        assert_eq!(seen["descriptors"][stream], name, "{stream}");
    }
    assert_ne!(seen["stat"]["terminal"], 0, "it is not the controlling terminal");
}

fn the_console_has_its_size() {
    let seen = on_terminal(Bundle::new().with("/process/consoleSize", json!({"height": 33, "width": 77})));
    assert_eq!((&seen["terminal"]["rows"], &seen["terminal"]["columns"]), (&json!(33), &json!(77)));
}

fn a_size_without_a_terminal_is_ignored() {
    for terminal in [json!(false), Value::Null] {
        let bundle = Bundle::of_shell("true").with("/process/terminal", terminal);
        bundle.with("/process/consoleSize", json!({"height": 33, "width": 77})).run().ok();
    }
}

fn a_size_has_height_and_width() {
    for size in [json!({"height": 33}), json!({"width": 77})] {
        let bundle = Bundle::of_shell("true").with("/process/terminal", json!(true)).with("/process/consoleSize", size);
        let _receiver = Receiver::listen(&bundle.folder().join("console"));
        bundle.call(["create", "--console-socket", "console", bundle.id()]).fails();
        bundle.assert_nothing_left();
    }
}

fn the_program_runs_in_its_directory() {
    assert_eq!(Bundle::new().with("/process/cwd", json!("/home/u")).probe(&[])["cwd"], "/home/u");
}

fn a_directory_is_required() {
    let mut bundle = Bundle::of_shell("true");
    bundle.remove("/process/cwd");
    bundle.create().fails();
    for cwd in ["", "home/u", ".", "./home"] {
        refused(Bundle::of_shell("true"), "/process/cwd", json!(cwd));
    }
}

fn what_is_no_directory_is_refused() {
    for cwd in ["/probe", "/probe/below"] {
        refused(Bundle::of_shell("true"), "/process/cwd", json!(cwd));
    }
}

fn the_directory_is_inside_the_root() {
    let inside = |cwd: &str| {
        let outcome = Bundle::of_shell("pwd; ls -a ..").with("/process/cwd", json!(cwd)).run();
        // Refusing it is right, too.
        let outside = ["unreachable", "config.json", "rootfs"].iter().find(|word| outcome.out.contains(**word));
        assert!(outcome.code != 0 || outside.is_none(), "{cwd}: {outcome}");
    };
    for descriptor in 3..12 {
        inside(&format!("/proc/self/fd/{descriptor}"));
    }
    inside("/../..");
    inside("/proc/self/fd/7/../../..");
    let bundle = Bundle::of_shell("pwd").with("/process/cwd", json!("/link"));
    std::os::unix::fs::symlink("../../../tmp", bundle.rootfs("link")).expect("a link");
    assert_eq!(bundle.run().ok().out, "/tmp\n");
}

fn the_environment_is_as_given() {
    let environment = json!(["PATH=/bin", "HOME=/z", "EMPTY=", "SPACE=a b", "UTF8=hé", "TWICE==x", "lower=\n"]);
    assert_eq!(Bundle::new().with("/process/env", environment.clone()).probe(&[])["env"], environment);
}

fn arguments_arrive_whole() {
    let long = "x".repeat(100_000);
    let arguments = ["", "two words", "-x", "\\", "\"'$HOME`", "hé\n", &long];
    let seen = Bundle::new().probe(&arguments);
    assert_eq!(seen["args"].as_array().expect("a list")[1..], arguments.map(Value::from));
}

fn an_argument_is_required() {
    Bundle::of_shell("true").with("/process/args", json!([])).run().fails();
    let mut bundle = Bundle::of_shell("true");
    bundle.remove("/process/args");
    bundle.run().fails();
}

fn a_program_that_is_not_there_is_an_error() {
    for program in ["/nowhere", "nowhere", "/etc", "/etc/passwd", "/probe/below"] {
        let bundle = Bundle::new().with("/process/args", json!([program]));
        bundle.run().fails();
        bundle.assert_nothing_left();
    }
}

/// A bundle whose program, a copy of the probe, is in `folders`; `name` of it is called.
fn with_copies(folders: &[&str], name: &str) -> Bundle {
    let bundle = Bundle::new().with("/process/args", json!([name]));
    for folder in folders {
        fs::create_dir_all(bundle.rootfs(folder)).expect("a folder");
        programs::copy(&bundle.rootfs("probe"), &bundle.rootfs(&format!("{folder}/seeker")));
    }
    bundle
}

fn the_program_is_searched_in_the_containers_path() {
    let bundle = with_copies(&["first", "second"], "seeker");
    fs::remove_file(bundle.rootfs("first/seeker")).expect("a copy");
    let bundle = bundle.with("/process/env", json!(["PATH=/nowhere:/first:/second:/bin"]));
    assert_eq!(seen(&bundle.run().ok())["args"], json!(["seeker"]));
    with_copies(&["elsewhere"], "seeker").run().fails();
}

fn what_may_not_be_executed_is_passed_over() {
    let bundle = with_copies(&["first", "second"], "seeker");
    fs::set_permissions(bundle.rootfs("first/seeker"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let bundle = bundle.with("/process/env", json!(["PATH=/first:/second"]));
    seen(&bundle.run().ok());
}

fn an_empty_entry_of_the_path_is_the_directory() {
    for path in ["PATH=:/bin", "PATH=/bin:", "PATH=/bin::/sbin"] {
        let bundle = with_copies(&["work"], "seeker").with("/process/env", json!([path]));
        seen(&bundle.with("/process/cwd", json!("/work")).run().ok());
    }
}

fn a_path_begins_at_the_directory() {
    let bundle = with_copies(&["work/below"], "below/seeker").with("/process/cwd", json!("/work"));
    assert_eq!(seen(&bundle.run().ok())["args"], json!(["below/seeker"]));
}

fn what_has_no_known_format_is_a_script() {
    let bundle = Bundle::new().with("/process/args", json!(["/bare", "word"]));
    fs::write(bundle.rootfs("bare"), "echo script $1\n").expect("a script");
    fs::set_permissions(bundle.rootfs("bare"), fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(bundle.run().ok().out, "script word\n");
}

fn resource_limits_are_exact() {
    let limits = json!([
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_STACK", "soft": 8_388_608, "hard": u64::MAX},
    ]);
    let seen = Bundle::new().with("/process/rlimits", limits).probe(&[]);
    assert_eq!(seen["limits"]["open files"], json!(["100", "200"]));
    assert_eq!(seen["limits"]["core file size"], json!(["0", "0"]));
    assert_eq!(seen["limits"]["stack size"], json!(["8388608", "unlimited"]));
}

/// By name in getrlimit(2) and in `/proc/PID/limits`.
const LIMITS: [(&str, &str); 16] = [
    ("AS", "address space"),
    ("CORE", "core file size"),
    ("CPU", "cpu time"),
    ("DATA", "data size"),
    ("FSIZE", "file size"),
    ("LOCKS", "file locks"),
    ("MEMLOCK", "locked memory"),
    ("MSGQUEUE", "msgqueue size"),
    ("NICE", "nice priority"),
    ("NOFILE", "open files"),
    ("NPROC", "processes"),
    ("RSS", "resident set"),
    ("RTPRIO", "realtime priority"),
    ("RTTIME", "realtime timeout"),
    ("SIGPENDING", "pending signals"),
    ("STACK", "stack size"),
];

fn every_limit_of_the_manual_is_known() {
    // Below what any host gives, above what the probe needs.
    let few = |name: &str| match name {
        "NICE" | "RTPRIO" => 0,
        "NOFILE" | "NPROC" | "SIGPENDING" | "CPU" => 500,
        "AS" | "DATA" | "STACK" | "RSS" => 1 << 30,
        _ => 65_536,
    };
    let limits =
        LIMITS.map(|(name, _)| json!({"type": format!("RLIMIT_{name}"), "soft": few(name), "hard": few(name)}));
    let seen = Bundle::new().with("/process/rlimits", json!(limits)).probe(&[]);
    for (name, shown) in LIMITS {
        assert_eq!(seen["limits"][shown], json!([few(name).to_string(), few(name).to_string()]), "{name}");
    }
}

fn an_unknown_limit_is_refused() {
    for name in ["RLIMIT_X", "NOFILE", "rlimit_nofile", ""] {
        refused(Bundle::of_shell("true"), "/process/rlimits", json!([{"type": name, "soft": 1, "hard": 1}]));
    }
}

fn a_limit_is_whole() {
    for member in ["type", "soft", "hard"] {
        let mut limit = json!({"type": "RLIMIT_CORE", "soft": 1, "hard": 1});
        limit.as_object_mut().expect("an object").remove(member);
        refused(Bundle::of_shell("true"), "/process/rlimits", json!([limit]));
    }
}

fn a_limit_stands_once() {
    let limit = json!({"type": "RLIMIT_CORE", "soft": 1, "hard": 1});
    refused(Bundle::of_shell("true"), "/process/rlimits", json!([limit, limit]));
}

fn a_limit_that_cannot_be_set_is_an_error() {
    let limits = |soft: u64, hard: u64| json!([{"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}]);
    refused(Bundle::of_shell("true"), "/process/rlimits", limits(2, 1));
    // Nobody may have more than fs.nr_open.
    refused(Bundle::of_shell("true"), "/process/rlimits", limits(1024, u64::MAX));
    if host::has_capability(host::SYS_RESOURCE) {
        skip("a limit above one's own: root has CAP_SYS_RESOURCE here");
    }
    refused(Bundle::of_shell("true"), "/process/rlimits", limits(1024, (1 << 30) - 8));
}
