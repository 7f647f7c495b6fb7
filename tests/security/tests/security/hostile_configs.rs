//! Configs that are made to hurt: each ends in a clean error at once and without much memory, or in the container that
//! it asks for; nothing of the host changes.
//!
//! That the error names the right place is tested with the rules (`crates/spec/tests/rules/hostile.rs`, and
//! `suite/errors.rs`); here it is the whole runtime, with time and memory.

use harness::{Bundle, Call, Outcome, need_cofferdam, need_root, programs};
use rig::Canary;
use rig::host_print::assert_nothing_left;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What must come of a config.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    /// In an error.
    Refused,
    /// In a container that ran.
    Starts,
    /// As the kernel decides.
    Either,
}
use Ends::{Either, Refused, Starts};

/// The most memory, in KiB; of a build without optimisation, some is the program itself.
const MEMORY: u64 = if cfg!(debug_assertions) { 72 << 10 } else { 64 << 10 };

/// The longest line of an error, in bytes: a message of 4000 letters, and what the log puts around it.
const MESSAGE: usize = 4000 + 512;

/// The most processor time, in milliseconds; builds without optimisation take several times as long.
const TIME: u64 = if cfg!(debug_assertions) { 5000 } else { 1000 };

fn measured(bundle: &Bundle) -> (Outcome, u64, u64) {
    let program = measure();
    let file = bundle.folder().join("measured");
    let outcome = Call::new(&program, bundle.folder())
        .args([file.as_os_str(), programs::runtime().as_os_str(), "--root".as_ref(), bundle.state_folder().as_os_str()])
        .args(["run", bundle.id()])
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
        .outcome();
    let text = fs::read_to_string(&file).unwrap();
    let (memory, time) = text.trim().split_once(' ').unwrap();
    (outcome, memory.parse().unwrap(), time.parse().unwrap())
}

fn measure() -> PathBuf {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    MADE.get_or_init(|| programs::compiled("security-measure", include_str!("../../src/measure.c"))).clone()
}

/// What is wrong with how the bundle ended; None where all is well.
fn fault(bundle: &Bundle, ends: Ends) -> Option<String> {
    let (outcome, memory, time) = measured(bundle);
    let started = outcome.code == 0;
    let error = outcome.err.trim_end_matches('\n');
    let fault = if ends == Refused && started || ends == Starts && !started {
        "it ended otherwise"
    } else if !started && (outcome.code > 127 && outcome.code != 255 || error.is_empty()) {
        "no clean error"
    } else if error.len() >= MESSAGE
        || error.lines().any(|line| line.contains(char::is_control))
        || !started && error.contains('\n')
    {
        "its error is long, or not of one line"
    } else if memory >= MEMORY {
        "it took too much memory"
    } else if time >= TIME {
        "it took too long"
    } else {
        let gone = harness::until(std::time::Duration::from_secs(2), || bundle.footprint().is_empty());
        // So that the next row finds the id free.
        drop(bundle.call(["delete", "--force", bundle.id()]).outcome());
        return (!gone).then(|| format!("it left something: {:?}", bundle.footprint()));
    };
    let shown: String = error.chars().take(600).collect();
    Some(format!("{fault} ({ends:?}): exit status {}, {memory} KiB, {time} ms: {shown}", outcome.code))
}

/// Makes a bundle of each row, and says what is wrong with which.
#[track_caller]
fn each<T>(rows: impl IntoIterator<Item = (String, T, Ends)>, apply: impl Fn(&mut Bundle, T)) {
    let canary = Canary::new();
    let mut faults = Vec::new();
    let mut bundle = Bundle::new();
    let base = bundle.config.clone();
    let file = bundle.folder().join("config.json");
    for (name, what, ends) in rows {
        drop(fs::remove_file(&file).or_else(|_| fs::remove_dir(&file)));
        bundle.config = base.clone();
        bundle.set("/process/args", json!(["/bin/true"]));
        apply(&mut bundle, what);
        println!("{name}");
        faults.extend(fault(&bundle, ends).map(|fault| format!("{name}: {fault}")));
        canary.assert_same();
        if faults.is_empty() {
            assert_nothing_left(&bundle);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn long(count: usize) -> String {
    "x".repeat(count)
}

fn many(count: usize, item: impl Fn(usize) -> Value) -> Value {
    Value::Array((0..count).map(item).collect())
}

/// Places of the config, with what is put there as JSON text.
#[rustfmt::skip]
const VALUES: &[(&str, &str, Ends)] = &[
    ("/process/env", r#"["PATH=/bin", "NAME"]"#, Either), ("/process/env", r#"["=value"]"#, Either), ("/process/env", r#"[""]"#, Either),
    ("/process/env", r#"["A=1", "A=2", "PATH=/bin", "PATH=/x"]"#, Either), ("/process/env", r#"["A=\u0000B=1"]"#, Refused),
    ("/process/args", r#"["/bin/true\u0000x"]"#, Refused), ("/process/args", r#"[""]"#, Refused), ("/process/args", "[]", Refused),
    ("/process/cwd", r#""a\nb""#, Refused), ("/process/cwd", r#""/a\nb""#, Either), ("/process/cwd", r#""/proc/self/fd/7""#, Refused),
    ("/process/user/uid", "-1", Refused), ("/process/user/uid", "2147483648", Starts), ("/process/user/uid", "4294967295", Refused),
    ("/process/user/uid", "4294967296", Refused), ("/process/user/uid", "1e3", Refused), ("/process/user/uid", "1.0", Refused),
    ("/process/user/additionalGids", "[4294967295]", Refused), ("/process/user/umask", "4294967295", Either),
    ("/process/rlimits", r#"[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 10}]"#, Refused),
    ("/process/rlimits", r#"[{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]"#, Refused),
    ("/process/rlimits", r#"[{"type": "RLIMIT_CORE", "soft": 18446744073709551616, "hard": 0}]"#, Refused),
    ("/process/rlimits", r#"[{"type": "RLIMIT_NOFILE", "soft": 0, "hard": 0}]"#, Either),
    ("/process/oomScoreAdj", "-1001", Refused), ("/process/oomScoreAdj", "1e9", Refused),
    ("/linux/resources/memory", r#"{"limit": 9223372036854775807}"#, Either), ("/linux/resources/memory", r#"{"limit": 9223372036854775808}"#, Refused),
    ("/linux/resources/memory", r#"{"limit": 18446744073709551616}"#, Refused), ("/linux/resources/memory", r#"{"limit": 0}"#, Either),
    ("/linux/resources/memory", r#"{"limit": 1}"#, Refused), ("/linux/resources/memory", r#"{"limit": -2}"#, Refused),
    ("/linux/resources/cpu", r#"{"shares": 0}"#, Starts), ("/linux/resources/cpu", r#"{"shares": 1}"#, Either),
    ("/linux/resources/cpu", r#"{"shares": 1048576}"#, Either), ("/linux/resources/cpu", r#"{"shares": 18446744073709551615}"#, Either),
    ("/linux/resources/cpu", r#"{"quota": -1}"#, Starts), ("/linux/resources/cpu", r#"{"quota": 0}"#, Either),
    ("/linux/resources/cpu", r#"{"quota": 1}"#, Refused), ("/linux/resources/cpu", r#"{"quota": 10000, "period": 0}"#, Either),
    ("/linux/resources/cpu", r#"{"cpus": "0-99999999"}"#, Refused), ("/linux/resources/cpu", r#"{"cpus": "/../x"}"#, Refused),
    ("/linux/resources/pids", r#"{"limit": -9223372036854775808}"#, Either), ("/linux/resources/pids", r#"{"limit": 9223372036854775807}"#, Either),
    ("/linux/resources/unified", r#"{"../cgroup.procs": "1"}"#, Refused), ("/linux/resources/unified", r#"{"a/b": "1"}"#, Refused),
    ("/linux/devices", r#"[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 4095}]"#, Either),
    ("/linux/devices", r#"[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 4096}]"#, Either),
    ("/linux/devices", r#"[{"path": "/dev/x", "type": "c", "major": -1, "minor": 3}]"#, Refused),
    ("/linux/devices", r#"[{"path": "/dev/x", "type": "c", "major": 1, "minor": 4294967296}]"#, Refused),
    ("/linux/devices", r#"[{"path": "/../../dev/x", "type": "c", "major": 1, "minor": 3}]"#, Either),
    ("/linux/devices", r#"[{"path": "", "type": "c", "major": 1, "minor": 3}]"#, Refused), ("/linux/devices", r#"[{"path": "/", "type": "c", "major": 1, "minor": 3}]"#, Refused),
    ("/hostname", r#""xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#, Refused), ("/hostname", r#""a\u0000b""#, Refused),
    ("/mounts/-", r#"{"destination": "", "type": "tmpfs"}"#, Refused), ("/mounts/-", r#"{"destination": "relative", "type": "tmpfs", "source": "t"}"#, Either),
    ("/mounts/-", r#"{"destination": "/", "type": "tmpfs", "source": "t"}"#, Refused), ("/mounts/-", r#"{"destination": "/..", "type": "tmpfs", "source": "t"}"#, Refused),
    ("/mounts/-", r#"{"destination": "/proc/self", "type": "tmpfs", "source": "t"}"#, Refused), ("/mounts/-", r#"{"destination": "/proc/self/fd", "type": "tmpfs", "source": "t"}"#, Refused),
    ("/mounts/-", r#"{"destination": "/x", "type": "tmpfs", "source": "t", "options": ["nosuchoption"]}"#, Refused),
    ("/mounts/-", r#"{"destination": "/x", "type": "nosuchtype", "source": "t"}"#, Refused),
    ("/mounts/-", r#"{"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size=1,mode=4777,uid=0"]}"#, Either),
    ("/mounts/-", r#"{"destination": "/x", "type": "bind", "source": "/nosuch/source", "options": ["bind"]}"#, Refused),
    ("/linux/namespaces/-", r#"{"type": "pid"}"#, Refused), ("/linux/namespaces/-", r#"{"type": "cgroup", "path": "/proc/self/ns/net"}"#, Refused),
    ("/linux/namespaces/-", r#"{"type": "cgroup", "path": "/etc/passwd"}"#, Refused), ("/linux/namespaces/-", r#"{"type": "cgroup", "path": "FIFO"}"#, Refused),
    ("/linux/namespaces/-", r#"{"type": "cgroup", "path": "/dev/zero"}"#, Refused), ("/linux/namespaces/-", r#"{"type": "cgroup", "path": "/proc/self/ns"}"#, Refused),
    ("/linux/namespaces/-", r#"{"type": "user", "path": "/proc/self/ns/user"}"#, Refused),
    ("/hooks", r#"{"prestart": [{"path": "/nosuch/hook"}]}"#, Refused), ("/hooks", r#"{"createContainer": [{"path": ""}]}"#, Refused),
    ("/hooks", r#"{"createRuntime": [{"path": "/bin/true", "timeout": 0}]}"#, Refused), ("/hooks", r#"{"createRuntime": [{"path": "/bin/true", "timeout": -1}]}"#, Refused),
    ("/hooks", r#"{"startContainer": [{"path": "/bin/sleep", "args": ["sleep", "20"], "timeout": 1}]}"#, Refused),
    ("/linux/seccomp", r#"{"defaultAction": "SCMP_ACT_NOSUCH"}"#, Refused), ("/linux/seccomp", r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NOSUCH"]}"#, Refused),
    ("/linux/seccomp", r#"{"defaultAction": "SCMP_ACT_KILL_PROCESS"}"#, Refused), ("/linux/seccomp", r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4294967295}"#, Refused),
    ("/ociVersion", r#""9.9.9""#, Refused), ("/ociVersion", r#""""#, Refused), ("/ociVersion", r#""1.0.2\n""#, Refused), ("/ociVersion", "null", Refused),
    ("/linux/cgroupsPath", r#""../../x""#, Either), ("/linux/cgroupsPath", r#""/a:b:c""#, Either), ("/linux/cgroupsPath", r#""/a\u0000b""#, Refused),
    ("/linux/sysctl", r#"{"net/../kernel/panic": "1"}"#, Refused), ("/linux/sysctl", r#"{"net.core.somaxconn": "x"}"#, Refused),
    ("/linux/rootfsPropagation", r#""rshared\u0000""#, Refused), ("/root/path", r#""/""#, Either), ("/root/path", r#""""#, Refused), ("/root/path", r#""/dev/zero""#, Refused),
    ("/linux/maskedPaths", r#"["/../../etc", "//", "/"]"#, Either), ("/linux/readonlyPaths", r#"["/../..", "/proc/self/root"]"#, Either),
    ("/process/capabilities", r#"{"bounding": ["CAP_NOSUCH", "cap_chown", ""]}"#, Either), ("/process/apparmorProfile", r#""a b\nc""#, Refused),
    ("/process/consoleSize", r#"{"height": 18446744073709551615, "width": 18446744073709551615}"#, Either),
    ("/linux/personality", r#"{"domain": "LINUX", "flags": ["X"]}"#, Refused), ("/linux/timeOffsets", r#"{"boottime": {"secs": 9223372036854775807}}"#, Refused),
    ("/linux/intelRdt", r#"{"closID": "../../x", "l3CacheSchema": "L3:0=f"}"#, Refused),
    ("/annotations", r#"{"": "x"}"#, Either), ("/annotations", r#"{"a": 1}"#, Refused), ("/process", "[]", Refused), ("/linux", "7", Refused), ("/mounts", "{}", Refused),
];

#[test]
fn values() {
    need_root!();
    need_cofferdam!("Debian's runc takes many wrong values, and panics at some");
    let rows = VALUES.iter().map(|(pointer, text, ends)| (format!("{pointer} = {text}"), (*pointer, *text), *ends));
    each(rows, |bundle, (pointer, text)| {
        let fifo = bundle.folder().join("fifo");
        if !fifo.exists() {
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        }
        let text = text.replace("FIFO", fifo.to_str().unwrap());
        // What JSON's own numbers can't say goes into the text.
        if serde_json::from_str::<Value>(&text).is_ok_and(|value| value.to_string().len() <= text.len() + 8)
            && !text.contains('e')
        {
            bundle.set(pointer, serde_json::from_str(&text).unwrap());
            return;
        }
        bundle.set(pointer, json!("THE-VALUE"));
        let file = bundle.folder().join("config.json");
        let config = fs::read_to_string(&file).unwrap().replace("\"THE-VALUE\"", &text);
        fs::write(&file, config).unwrap();
    });
}

/// A name, what is put where, and how it ends.
type Row = (&'static str, Vec<(&'static str, Value)>, Ends);

/// Texts that are too long.
fn long_texts() -> Vec<Row> {
    vec![
        ("an argument of 10 MB", vec![("/process/args", json!(["/bin/true", long(10 << 20)]))], Refused),
        ("an environment variable of 10 MB", vec![("/process/env/-", json!(format!("A={}", long(10 << 20))))], Refused),
        ("a hostname of 10 MB", vec![("/hostname", json!(long(10 << 20)))], Refused),
        ("a working directory of 10 MB", vec![("/process/cwd", json!(format!("/{}", long(10 << 20))))], Refused),
        (
            "a mount's destination of 10 MB",
            vec![("/mounts/-", json!({"destination": format!("/{}", long(10 << 20)), "type": "tmpfs", "source": "t"}))],
            Refused,
        ),
        ("annotations of 1 MB", vec![("/annotations", json!({"a": long(1 << 20)}))], Starts),
    ]
}

/// Lists that are too long.
fn many_entries() -> Vec<Row> {
    let rule = json!({"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "op": "SCMP_CMP_GT", "value": 1}]});
    vec![
        (
            "100,000 arguments",
            vec![("/process/args", many(100_000, |at| json!(if at == 0 { "/bin/true" } else { "a" })))],
            Either,
        ),
        (
            "100,000 environment variables",
            vec![("/process/env", many(100_000, |at| json!(format!("A{at}=b"))))],
            Either,
        ),
        (
            "100,000 mounts",
            vec![(
                "/mounts",
                many(
                    100_000,
                    |_| json!({"destination": "/m", "type": "bind", "source": "/nosuch", "options": ["bind"]}),
                ),
            )],
            Refused,
        ),
        ("100,000 masked paths", vec![("/linux/maskedPaths", many(100_000, |at| json!(format!("/m{at}"))))], Either),
        ("100,000 groups", vec![("/process/user/additionalGids", many(100_000, |at| json!(at)))], Refused),
        (
            "100,000 devices",
            vec![(
                "/linux/devices",
                many(100_000, |at| json!({"path": format!("/dev/d{}", at % 7), "type": "u", "major": 1})),
            )],
            Refused,
        ),
        (
            "100,000 hooks",
            vec![("/hooks", json!({"createContainer": many(100_000, |_| json!({"path": "/nosuch"}))}))],
            Refused,
        ),
        (
            "5,000 rules of seccomp",
            vec![(
                "/linux/seccomp",
                json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": many(5000, |_| rule.clone())}),
            )],
            Either,
        ),
    ]
}

/// Mappings that no kernel takes.
fn id_mappings() -> Vec<Row> {
    let lines = |count: u64| -> Vec<Value> {
        (0..count).map(|at| json!({"containerID": at * 2, "hostID": 100_000 + at * 2, "size": 1})).collect()
    };
    let overlapping =
        json!([{"containerID": 0, "hostID": 100_000, "size": 10}, {"containerID": 5, "hostID": 200_000, "size": 10}]);
    vec![
        (
            "4,000 id mappings",
            vec![
                ("/linux/namespaces/-", json!({"type": "user"})),
                ("/linux/uidMappings", json!(lines(4000))),
                ("/linux/gidMappings", json!(lines(4000))),
            ],
            Refused,
        ),
        (
            "overlapping id mappings",
            vec![
                ("/linux/namespaces/-", json!({"type": "user"})),
                ("/linux/uidMappings", overlapping.clone()),
                ("/linux/gidMappings", overlapping),
            ],
            Refused,
        ),
        (
            "empty id mappings",
            vec![
                ("/linux/namespaces/-", json!({"type": "user"})),
                ("/linux/uidMappings", json!([])),
                ("/linux/gidMappings", json!([])),
            ],
            Refused,
        ),
    ]
}

#[test]
fn sizes() {
    need_root!();
    need_cofferdam!("Debian's runc takes more memory");
    let rows = [long_texts(), many_entries(), id_mappings()].into_iter().flatten();
    let rows = rows.map(|(name, what, ends)| (name.to_owned(), what, ends));
    each(rows, |bundle, what| {
        for (pointer, value) in what {
            bundle.set(pointer, value);
        }
    });
}

/// The whole file, as bytes.
#[test]
fn bytes() {
    need_root!();
    need_cofferdam!("Debian's runc panics at null");
    let text = Bundle::new().config.to_string();
    let with = |field: &[u8]| [&text.as_bytes()[..text.len() - 1], b",", field, b"}"].concat();
    let nested = |depth: usize| ["{\"a\":".repeat(depth), "1".to_owned(), "}".repeat(depth)].concat();
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("no JSON", b"\x7fELF".to_vec()),
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("cut", text.as_bytes()[..text.len() / 2].to_vec()),
        ("a byte order mark", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("junk behind it", [text.as_bytes(), b" x"].concat()),
        ("a NUL behind it", [text.as_bytes(), b"\0"].concat()),
        ("invalid UTF-8", with(b"\"annotations\":{\"a\":\"\xff\"}")),
        ("a lone surrogate", with(br#""annotations":{"a":"\ud800"}"#)),
        ("a control character", with(b"\"annotations\":{\"a\":\"\x01\"}")),
        ("a key twice", with(br#""hostname":"other""#)),
        ("10,000 levels of objects", nested(10_000).into_bytes()),
        ("10,000 levels of lists", ["[".repeat(10_000), "]".repeat(10_000)].concat().into_bytes()),
        ("10,000 levels that do not end", "[".repeat(10_000).into_bytes()),
        ("17 MiB of blanks", vec![b' '; 17 << 20]),
        ("a number of 1 MB", with(&[b"\"x\":", "9".repeat(1 << 20).as_bytes()].concat())),
    ];
    let ends = |name: &str| if name.starts_with("a number") { Starts } else { Refused };
    let rows = rows.into_iter().map(|(name, bytes)| (name.to_owned(), bytes, ends(name)));
    each(rows, |bundle, bytes| fs::write(bundle.folder().join("config.json"), bytes).unwrap());
}

/// Makes something in a file's place.
type Make = fn(&Path);

/// Something else lies in the file's place.
#[test]
fn files() {
    need_root!();
    need_cofferdam!("Debian's runc waits for a FIFO's writer");
    let rows: [(&str, Make); 6] = [
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a FIFO", |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success())),
        ("a link to /dev/zero", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()),
        ("a link to itself", |path| std::os::unix::fs::symlink("config.json", path).unwrap()),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ("4 GiB of nothing", |path| fs::File::create(path).unwrap().set_len(4 << 30).unwrap()),
    ];
    let rows = rows.into_iter().map(|(name, make)| (name.to_owned(), make, Refused));
    each(rows, |bundle, make| {
        let path = bundle.folder().join("config.json");
        fs::remove_file(&path).unwrap();
        make(&path);
    });
}
