//! The systemd driver: `--systemd-cgroup`. On a machine without systemd `hack/vm` runs these.

use harness::footprint::pids;
use harness::{Bundle, Outcome, eventually, host, need_cofferdam, need_root, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

macro_rules! need_systemd {
    () => {
        need_root!();
        if !booted() {
            skip!("systemd does not run here: hack/vm");
        }
    };
}

pub(crate) fn booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// A bundle whose unit is `x-TAG.scope` in a slice.
pub(crate) fn in_slice(slice: &str) -> Bundle {
    let bundle = Bundle::of_sleep();
    let path = format!("{slice}:x:{}", bundle.tag());
    bundle.with("/linux/cgroupsPath", json!(path))
}

pub(crate) fn unit(bundle: &Bundle) -> String {
    format!("x-{}.scope", bundle.tag())
}

#[track_caller]
fn create(bundle: &Bundle) -> Outcome {
    bundle.call(["--systemd-cgroup", "create", bundle.id()]).outcome()
}

#[track_caller]
fn up(bundle: &Bundle) {
    create(bundle).ok();
    bundle.call(["start", bundle.id()]).ok();
}

/// Deletes it as engines do, who then name no driver, and looks for what is left.
#[track_caller]
pub(crate) fn down(bundle: &Bundle, unit: &str) {
    bundle.call(["delete", "--force", bundle.id()]).ok();
    gone(bundle, unit);
}

#[track_caller]
pub(crate) fn gone(bundle: &Bundle, unit: &str) {
    bundle.assert_nothing_left();
    assert_eq!(show(unit, "LoadState"), "not-found");
}

/// A property of a unit, as systemctl(1) prints it.
#[track_caller]
pub(crate) fn show(unit: &str, property: &str) -> String {
    let shown = Command::new("systemctl").args(["show", "--value", "-p", property, unit]).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn reload() {
    assert!(Command::new("systemctl").arg("daemon-reload").status().unwrap().success());
}

/// The cgroup that a process is in: of systemd's own hierarchy.
#[track_caller]
fn cgroup(pid: u32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let line = text.lines().find(|line| line.starts_with("0::") || line.contains("name=systemd"));
    line.expect("a line").rsplit_once(':').unwrap().1.to_owned()
}

/// A file of the container's v2 cgroup.
#[track_caller]
fn file(bundle: &Bundle, name: &str) -> String {
    let path = format!("/sys/fs/cgroup{}/{name}", cgroup(bundle.pid()));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

#[test]
fn units_and_their_places() {
    need_systemd!();
    for (slice, place) in [
        ("", "/system.slice"),
        ("system.slice", "/system.slice"),
        ("cft.slice", "/cft.slice"),
        ("cft-a-b.slice", "/cft.slice/cft-a.slice/cft-a-b.slice"),
        ("-", ""),
    ] {
        let bundle = in_slice(slice);
        let unit = unit(&bundle);
        create(&bundle).ok();
        let pid = bundle.pid();
        assert_eq!(cgroup(pid), format!("{place}/{unit}"));
        assert_eq!(show(&unit, "ControlGroup"), format!("{place}/{unit}"));
        assert_eq!((show(&unit, "ActiveState"), show(&unit, "Delegate")), ("active".to_owned(), "yes".to_owned()));
        bundle.call(["start", bundle.id()]).ok();
        assert_eq!(cgroup(bundle.pid()), format!("{place}/{unit}"));
        down(&bundle, &unit);
    }
}

#[test]
fn without_a_path_the_unit_is_named_after_the_id() {
    need_systemd!();
    need_cofferdam!("it is called so");
    for path in [None, Some("")] {
        let mut bundle = Bundle::of_sleep();
        bundle.remove("/linux/cgroupsPath");
        if let Some(path) = path {
            bundle.set("/linux/cgroupsPath", json!(path));
        }
        let unit = format!("cofferdam-{}.scope", bundle.id());
        create(&bundle).ok();
        assert_eq!(cgroup(bundle.pid()), format!("/system.slice/{unit}"));
        down(&bundle, &unit);
    }
}

/// These need no systemd: what is planned is shown without it.
#[test]
fn other_forms_are_refused_with_their_place() {
    need_root!();
    need_cofferdam!("it says less");
    for path in
        ["a/b", "/a/b", "abc", "a:b", "a.slice:x:b:c", "a:x:abc", "a-.slice:x:abc", "a.slice:x:b/c", "a.slice:x:"]
    {
        let bundle = Bundle::of_sleep().with("/linux/cgroupsPath", json!(path));
        let outcome = create(&bundle).fails().says("/linux/cgroupsPath");
        if path.matches(':').count() != 2 {
            outcome.says("slice:prefix:name").says(path);
        }
        bundle.assert_nothing_left();
    }
}

#[test]
fn where_systemd_does_not_run_it_is_an_error() {
    need_root!();
    if booted() {
        skip!("systemd runs here");
    }
    for verb in ["create", "run"] {
        let bundle = in_slice("");
        bundle.call(["--systemd-cgroup", verb, bundle.id()]).fails().says("systemd not running on this host");
        bundle.assert_nothing_left();
    }
}

#[test]
fn the_plan_shows_the_unit_without_systemd() {
    need_cofferdam!("it has no plan");
    let bundle = in_slice("cft.slice").with("/linux/resources/pids", json!({"limit": 7}));
    let outcome = bundle.call(["--systemd-cgroup", "plan", "--format", "json", bundle.id()]).ok();
    let plan: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(plan["cgroups"]["unit"]["name"], unit(&bundle));
    let properties = plan["cgroups"]["unit"]["properties"].as_array().unwrap();
    assert!(properties.contains(&json!({"name": "TasksMax", "value": {"uint64": 7}})), "{properties:?}");
}

fn limited() -> Bundle {
    in_slice("").with(
        "/linux/resources",
        json!({
            "memory": {"limit": 100_000_000, "swap": 150_000_000, "reservation": 50_003_968},
            "cpu": {"shares": 2048, "quota": 50_000, "period": 100_000, "cpus": "0", "mems": "0"},
            "pids": {"limit": 77},
            "devices": [{"allow": false, "access": "rwm"}],
        }),
    )
}

#[test]
fn limits_are_properties_and_files_and_outlive_a_reload() {
    need_systemd!();
    let bundle = limited();
    let unit = unit(&bundle);
    up(&bundle);
    let properties = [
        ("MemoryMax", "100000000"),
        ("CPUQuotaPerSecUSec", "500ms"),
        ("TasksMax", "77"),
        ("CPUWeight", "174"),
        ("MemorySwapMax", "50000000"),
        ("MemoryLow", "50003968"),
        ("AllowedCPUs", "0"),
        ("AllowedMemoryNodes", "0"),
    ];
    if host::pure_v2() {
        let files = || {
            for (name, value) in
                [("memory.max", "99999744"), ("cpu.max", "50000 100000"), ("pids.max", "77"), ("cpuset.cpus", "0")]
            {
                assert_eq!(file(&bundle, name), value, "{name}");
            }
        };
        for (name, value) in properties {
            assert_eq!(show(&unit, name), value, "{name}");
        }
        files();
        reload();
        files();
    } else {
        assert_eq!((show(&unit, "MemoryLimit"), show(&unit, "TasksMax")), ("100000000".to_owned(), "77".to_owned()));
    }
    down(&bundle, &unit);
}

#[test]
fn update_changes_the_unit_too() {
    need_systemd!();
    let bundle = limited();
    let unit = unit(&bundle);
    up(&bundle);
    bundle.call(["update", "--pids-limit", "88", "--cpu-quota", "20000", bundle.id()]).ok();
    assert_eq!((show(&unit, "TasksMax").as_str(), show(&unit, "CPUQuotaPerSecUSec").as_str()), ("88", "200ms"));
    if host::pure_v2() {
        reload();
        assert_eq!((file(&bundle, "pids.max").as_str(), file(&bundle, "cpu.max").as_str()), ("88", "20000 100000"));
        assert_eq!(file(&bundle, "memory.max"), "99999744");
    }
    down(&bundle, &unit);
}

#[test]
fn device_rules_outlive_a_reload() {
    need_systemd!();
    let allows = |bundle: &Bundle| {
        bundle.exec(&["/bin/sh", "-c", "echo >/dev/null && head -c 1 /dev/zero"]).ok();
        // Whether there is a driver for it or not: what is not allowed is not permitted.
        !bundle.exec(&["/bin/sh", "-c", "exec 3<>/dev/fuse"]).err.contains("not permitted")
    };
    for allowed in [true, false] {
        let mut bundle = in_slice("");
        bundle.set("/linux/resources/devices", json!([{"allow": allowed, "access": "rwm"}]));
        let fuse = json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}]);
        bundle.set("/linux/devices", fuse);
        let unit = unit(&bundle);
        up(&bundle);
        assert_eq!(allows(&bundle), allowed, "before");
        reload();
        assert_eq!(allows(&bundle), allowed, "after");
        bundle.call(["update", "--pids-limit", "88", bundle.id()]).ok();
        assert_eq!(allows(&bundle), allowed, "after an update");
        down(&bundle, &unit);
    }
}

#[test]
fn exec_is_in_the_unit() {
    need_systemd!();
    let bundle = in_slice("");
    up(&bundle);
    let seen = bundle.exec_probe(&[], &[]);
    let lines = seen["cgroup"].as_array().unwrap();
    assert!(lines.iter().any(|line| line.as_str().unwrap().ends_with(&unit(&bundle))), "{lines:?}");
    down(&bundle, &unit(&bundle));
}

/// The child is born outside and waits until it is in its unit: so is the root of its cgroup namespace.
#[test]
fn the_unit_is_the_root_of_a_cgroup_namespace() {
    need_systemd!();
    let maps = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
    for user in [false, true] {
        let mut bundle = in_slice("").with("/process/args", json!(["/probe"]));
        bundle.set("/linux/namespaces/-", json!({"type": "cgroup"}));
        if user {
            bundle.set("/linux/namespaces/-", json!({"type": "user"}));
            bundle.set("/linux/uidMappings", maps.clone());
            bundle.set("/linux/gidMappings", maps.clone());
        }
        let outcome = bundle.call(["--systemd-cgroup", "run", bundle.id()]).ok();
        let seen: Value = serde_json::from_str(&outcome.out).unwrap();
        let lines = seen["cgroup"].as_array().unwrap();
        assert!(lines.iter().all(|line| line.as_str().unwrap().ends_with(":/")), "{lines:?}");
        gone(&bundle, &unit(&bundle));
    }
}

#[test]
fn a_container_that_joins_a_pid_namespace_is_in_its_unit() {
    need_systemd!();
    let first = in_slice("");
    up(&first);
    let mut second = in_slice("");
    second.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "pid");
    second.set("/linux/namespaces/-", json!({"type": "pid", "path": format!("/proc/{}/ns/pid", first.pid())}));
    up(&second);
    assert!(cgroup(second.pid()).ends_with(&unit(&second)));
    down(&second, &unit(&second));
    down(&first, &unit(&first));
}

#[test]
fn annotations_are_properties() {
    need_systemd!();
    let annotations = json!({
        "org.systemd.property.TimeoutStopUSec": "uint64 5000000",
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "org.systemd.property.After": "['dbus.service']",
    });
    let bundle = in_slice("").with("/annotations", annotations);
    let unit = unit(&bundle);
    create(&bundle).ok();
    assert_eq!(show(&unit, "TimeoutStopUSec"), "5s");
    assert_eq!(show(&unit, "CollectMode"), "inactive-or-failed");
    assert!(show(&unit, "After").contains("dbus.service"));
    down(&bundle, &unit);
}

#[test]
fn what_systemd_refuses_is_told_in_its_words_and_leaves_nothing() {
    need_systemd!();
    let bundle = in_slice("").with("/annotations", json!({"org.systemd.property.NoSuchThing": "true"}));
    create(&bundle).fails().says("NoSuchThing");
    gone(&bundle, &unit(&bundle));
    if harness::programs::is_cofferdam() {
        let bundle = in_slice("").with("/annotations", json!({"org.systemd.property.KillSignal": "what"}));
        create(&bundle).fails().says("/annotations/org.systemd.property.KillSignal");
        gone(&bundle, &unit(&bundle));
    }
}

#[test]
fn a_unit_that_has_failed_is_no_hindrance() {
    need_systemd!();
    let bundle = in_slice("");
    let unit = unit(&bundle);
    let failing = ["--quiet", "--scope", "--unit", unit.as_str(), "-p", "RuntimeMaxSec=1s", "sleep", "60"];
    drop(Command::new("systemd-run").args(failing).env("COFFERDAM_TEST", bundle.tag()).status());
    assert_eq!(show(&unit, "ActiveState"), "failed");
    up(&bundle);
    down(&bundle, &unit);
}

#[test]
fn a_unit_that_is_somebodys_is_refused_and_spared() {
    need_systemd!();
    let first = in_slice("");
    up(&first);
    let second = Bundle::of_sleep().with("/linux/cgroupsPath", first.config["linux"]["cgroupsPath"].clone());
    create(&second).fails();
    assert_eq!(first.status(), "running");
    assert_eq!(show(&unit(&first), "ActiveState"), "active");
    down(&first, &unit(&first));
    second.assert_nothing_left();
}

#[test]
fn a_create_that_is_killed_is_taken_back() {
    need_systemd!();
    let bundle = in_slice("");
    let mark = bundle.folder().join("mark");
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", format!("echo >{}; exec sleep 1000", mark.display())]});
    let bundle = bundle.with("/hooks", json!({"createRuntime": [hook]}));
    let mut running = bundle.call(["--systemd-cgroup", "create", bundle.id()]).begin();
    eventually("the hook runs", || mark.exists());
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert_eq!(show(&unit(&bundle), "LoadState"), "not-found");
    for hook in pids(bundle.tag()).into_iter().filter_map(|pid| rustix::process::Pid::from_raw(pid.cast_signed())) {
        let _ended = rustix::process::kill_process(hook, rustix::process::Signal::KILL);
    }
    gone(&bundle, &unit(&bundle));
}

/// Nobody waits for a systemd that does not answer for longer than half a minute.
#[test]
fn a_silent_bus_is_an_error_in_time() {
    need_systemd!();
    need_cofferdam!("it waits for ever");
    let bundle = in_slice("");
    let socket = bundle.folder().join("bus");
    let _listens = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let running = bundle.call(["--systemd-cgroup", "create", bundle.id()]).env("DBUS_SYSTEM_BUS_ADDRESS", address);
    let mut running = running.begin();
    let begin = std::time::Instant::now();
    while running.child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(40), "it hangs");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(begin.elapsed() < Duration::from_secs(32), "{:?}", begin.elapsed());
    running.outcome().fails().says("systemd").says("no answer in time");
    gone(&bundle, &unit(&bundle));
}
