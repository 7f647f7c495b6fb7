//! features.md and features-linux.md: the document's own shape, and what the config must then be able to say.

use super::refused;
use crate::verdict::skip;
use harness::Bundle;
use serde_json::{Map, Value, json};

super::rows! { "features":
    "features.md, specification version" {
        both_versions_are_there: "`ociVersionMin` and `ociVersionMax` are required, the first is not above the second",
        both_versions_are_taken: "both are accepted as `ociVersion`",
        nothing_is_unknown: "no property is unknown in version `ociVersionMax`",
        values_are_of_their_types: "properties are of their types, or null",
    }
    "features.md, annotations" {
        annotations_are_text: "`annotations` maps text to text, and no key is empty",
    }
    "features.md, mount options" {
        no_option_belongs_to_a_file_system: "options that are a file system's own are not listed",
    }
    "features.md" {
        the_host_does_not_matter: "the structure does not depend on the host",
        what_is_not_listed_is_refused: "what config.md lists and `features` does not is refused",
        what_nobody_lists_is_refused: "what nobody lists is refused",
    }
}

/// The document that `features` prints.
pub(super) fn document() -> Value {
    let outcome = Bundle::new().call(["features"]).outcome();
    if outcome.code != 0 {
        skip("the runtime has no `features`, which it may");
    }
    serde_json::from_str(&outcome.out).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

/// The texts of a list in the document; nothing where it is absent or null: unknown.
pub(super) fn listed(document: &Value, place: &str) -> Vec<String> {
    let list = document.pointer(place).and_then(Value::as_array).into_iter().flatten();
    list.map(|text| text.as_str().expect("text").to_owned()).collect()
}

/// A version's numbers, and whether it is a release.
fn version(document: &Value, name: &str) -> (Vec<u64>, bool) {
    let text = document[name].as_str().unwrap_or_else(|| panic!("no {name}"));
    let numbers = text.split(['-', '+']).next().unwrap_or_default().split('.');
    (numbers.map(|number| number.parse().expect("a number")).collect(), !text.contains('-'))
}

fn both_versions_are_there() {
    let document = document();
    let (least, most) = (version(&document, "ociVersionMin"), version(&document, "ociVersionMax"));
    assert_eq!(least.0.len(), 3);
    assert!(least <= most, "{least:?} > {most:?}");
}

fn both_versions_are_taken() {
    let document = document();
    for name in ["ociVersionMin", "ociVersionMax"] {
        Bundle::of_shell("true").with("/ociVersion", document[name].clone()).run().ok();
    }
}

/// What features.md and features-linux.md define: `text`, `flag`, `list` (of text), `map` (to text).
const DEFINED: &[(&str, &str)] = &[
    ("/ociVersionMin", "text"),
    ("/ociVersionMax", "text"),
    ("/hooks", "list"),
    ("/mountOptions", "list"),
    ("/annotations", "map"),
    ("/potentiallyUnsafeConfigAnnotations", "list"),
    ("/linux/namespaces", "list"),
    ("/linux/capabilities", "list"),
    ("/linux/cgroup/v1", "flag"),
    ("/linux/cgroup/v2", "flag"),
    ("/linux/cgroup/systemd", "flag"),
    ("/linux/cgroup/systemdUser", "flag"),
    ("/linux/cgroup/rdma", "flag"),
    ("/linux/seccomp/enabled", "flag"),
    ("/linux/seccomp/actions", "list"),
    ("/linux/seccomp/operators", "list"),
    ("/linux/seccomp/archs", "list"),
    ("/linux/seccomp/knownFlags", "list"),
    ("/linux/seccomp/supportedFlags", "list"),
    ("/linux/apparmor/enabled", "flag"),
    ("/linux/selinux/enabled", "flag"),
    ("/linux/memoryPolicy/modes", "list"),
    ("/linux/memoryPolicy/flags", "list"),
    ("/linux/intelRdt/enabled", "flag"),
    ("/linux/intelRdt/schemata", "flag"),
    ("/linux/intelRdt/monitoring", "flag"),
    ("/linux/mountExtensions/idmap/enabled", "flag"),
    ("/linux/netDevices/enabled", "flag"),
];

/// The pointers of all that is no object of the specification's.
fn leaves(object: &Map<String, Value>, at: &str, found: &mut Vec<String>) {
    for (name, value) in object {
        let place = format!("{at}/{name}");
        let inner = DEFINED.iter().any(|(defined, _)| defined.starts_with(&format!("{place}/")));
        match value.as_object() {
            Some(object) if inner => leaves(object, &place, found),
            _ if inner && value.is_null() => {}
            _ => found.push(place),
        }
    }
}

fn nothing_is_unknown() {
    let document = document();
    let mut found = Vec::new();
    leaves(document.as_object().expect("an object"), "", &mut found);
    for place in found {
        assert!(DEFINED.iter().any(|(defined, _)| *defined == place), "{place} is not in the specification");
    }
}

fn values_are_of_their_types() {
    let document = document();
    for (place, kind) in DEFINED {
        let Some(value) = document.pointer(place).filter(|value| !value.is_null()) else { continue };
        let right = match *kind {
            "text" => value.is_string(),
            "flag" => value.is_boolean(),
            "list" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            _ => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
        };
        assert!(right, "{place} is no {kind}: {value}");
    }
}

fn annotations_are_text() {
    let document = document();
    let Some(annotations) = document["annotations"].as_object() else { return };
    assert!(annotations.iter().all(|(key, value)| !key.is_empty() && value.is_string()), "{annotations:?}");
}

fn no_option_belongs_to_a_file_system() {
    for option in listed(&document(), "/mountOptions") {
        let own =
            ["mode", "size", "uid", "gid", "nr_inodes", "hidepid", "newinstance", "ptmxmode", "lowerdir", "context"];
        assert!(!option.contains('=') && !own.contains(&option.as_str()), "{option}");
    }
}

fn the_host_does_not_matter() {
    let own = document();
    // As a user without rights, in an empty environment.
    let bundle = Bundle::new();
    let outcome = harness::Call::new(&harness::programs::find("setpriv").expect("setpriv"), bundle.folder())
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--reset-env"])
        .args([harness::programs::runtime().as_os_str(), "features".as_ref()])
        .ok();
    let other: Value = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(own, other);
}

/// Fails unless what is not listed at `place` of `names` is refused, where `make` says how a config has it.
fn unlisted_refused(document: &Value, place: &str, names: &[&str], make: impl Fn(&str) -> (&'static str, Value)) {
    let known = listed(document, place);
    for name in names.iter().filter(|name| !known.is_empty() && !known.iter().any(|known| known == *name)) {
        let (at, value) = make(name);
        refused(Bundle::of_shell("true"), at, value);
    }
}

/// A seccomp profile with a rule of that action, operator or the like.
fn profile(key: &str, value: &str) -> (&'static str, Value) {
    let mut rule = json!({"names": ["sync"], "action": "SCMP_ACT_ALLOW"});
    let mut profile = json!({"defaultAction": "SCMP_ACT_ALLOW"});
    match key {
        "op" => rule["args"] = json!([{"index": 0, "value": 0, "op": value}]),
        "action" => rule["action"] = json!(value),
        _ => profile[key] = json!([value]),
    }
    profile["syscalls"] = json!([rule]);
    ("/linux/seccomp", profile)
}

type Check<'a> = (&'a str, &'a [&'a str], fn(&str) -> (&'static str, Value));

fn what_is_not_listed_is_refused() {
    let document = document();
    let checks: &[Check] = &[
        ("/linux/namespaces", &["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"], |name| {
            ("/linux/namespaces/-", json!({"type": name}))
        }),
        ("/linux/seccomp/actions", &["SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY"], |name| {
            profile("action", name)
        }),
        (
            "/linux/seccomp/archs",
            &["SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "SCMP_ARCH_RISCV64"],
            |name| profile("architectures", name),
        ),
        (
            "/linux/seccomp/knownFlags",
            &["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
            |name| profile("flags", name),
        ),
        ("/linux/memoryPolicy/modes", &["MPOL_BIND", "MPOL_WEIGHTED_INTERLEAVE"], |name| {
            ("/linux/memoryPolicy", json!({"mode": name, "nodes": "0"}))
        }),
    ];
    for (place, names, make) in checks {
        unlisted_refused(&document, place, names, make);
    }
    for (place, at, value) in [
        ("/linux/intelRdt/enabled", "/linux/intelRdt", json!({"closID": "x"})),
        ("/linux/netDevices/enabled", "/linux/netDevices", json!({"lo": {}})),
    ] {
        if document.pointer(place) == Some(&json!(false)) {
            refused(Bundle::of_shell("true"), at, value);
        }
    }
}

fn what_nobody_lists_is_refused() {
    document();
    for (at, value) in [
        ("/linux/namespaces/-", json!({"type": "net"})),
        profile("action", "SCMP_ACT_X"),
        profile("op", "SCMP_CMP_X"),
        profile("architectures", "SCMP_ARCH_X"),
        profile("flags", "SECCOMP_FILTER_FLAG_X"),
    ] {
        refused(Bundle::of_shell("true"), at, value);
    }
}
