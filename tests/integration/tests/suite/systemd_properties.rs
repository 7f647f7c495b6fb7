//! What systemd is asked for a container's unit, as the plan shows it: systemd.resource-control(5). No systemd needed.

use harness::{Bundle, Outcome, host, need_cofferdam, need_root, skip};
use serde_json::{Value, json};

fn planned(bundle: &Bundle) -> Outcome {
    bundle.call(["--systemd-cgroup", "plan", "--format", "json", bundle.id()]).outcome()
}

/// A bundle in a slice of its own kind.
fn sliced() -> Bundle {
    let bundle = Bundle::of_sleep();
    let path = format!("cft.slice:x:{}", bundle.tag());
    bundle.with("/linux/cgroupsPath", json!(path))
}

/// The value of a unit's property, if it is asked for.
#[track_caller]
fn asked(bundle: &Bundle, name: &str) -> Option<Value> {
    let plan: Value = serde_json::from_str(&planned(bundle).ok().out).unwrap();
    let properties = plan["cgroups"]["unit"]["properties"].as_array().unwrap();
    properties.iter().find(|property| property["name"] == name).map(|property| property["value"].clone())
}

/// Of these resources, what the unit is asked for on this machine's version of cgroups.
#[track_caller]
fn limits(resources: &Value, v2: &[(&str, Value)], v1: &[(&str, Value)]) {
    let mut bundle = sliced();
    for (name, value) in resources.as_object().unwrap() {
        bundle.set(&format!("/linux/resources/{name}"), value.clone());
    }
    for (name, value) in if host::pure_v2() { v2 } else { v1 } {
        let expected = Some(value).filter(|value| !value.is_null());
        assert_eq!(asked(&bundle, name).as_ref(), expected, "{name} of {resources}");
    }
}

fn number(value: u64) -> Value {
    json!({ "uint64": value })
}

const INFINITY: u64 = u64::MAX;

/// Numbers as bits, lowest first: `AllowedCPUs`.
fn bits(bytes: &[u8]) -> Value {
    let bytes: Vec<Value> = bytes.iter().map(|byte| json!({ "byte": byte })).collect();
    json!({ "array": ["y", bytes] })
}

#[test]
fn limits_of_memory_and_processes() {
    need_cofferdam!("it has no plan");
    limits(
        &json!({"memory": {"limit": 1000, "swap": 3000, "reservation": 500}, "pids": {"limit": -1}}),
        &[
            ("MemoryMax", number(1000)),
            ("MemoryLow", number(500)),
            ("MemorySwapMax", number(2000)),
            ("TasksMax", number(INFINITY)),
        ],
        &[("MemoryLimit", number(1000)), ("MemoryLow", Value::Null), ("TasksMax", number(INFINITY))],
    );
    limits(
        &json!({"memory": {"limit": -1, "swap": -1}}),
        &[("MemoryMax", number(INFINITY)), ("MemorySwapMax", number(INFINITY))],
        &[("MemoryLimit", number(INFINITY)), ("MemorySwapMax", Value::Null)],
    );
}

/// A quota is rounded up to what systemd counts in: it must not come out lower.
#[test]
fn shares_quotas_and_sets_of_cpus() {
    need_cofferdam!("it has no plan");
    if host::hierarchy("cpuset").is_none() {
        skip!("no controller of sets of CPUs");
    }
    limits(
        &json!({"cpu": {"shares": 1024, "quota": 12_345, "period": 50_000, "cpus": "0-2,9", "mems": "0"}}),
        &[
            ("CPUWeight", number(100)),
            ("CPUQuotaPeriodUSec", number(50_000)),
            ("CPUQuotaPerSecUSec", number(250_000)),
            ("AllowedCPUs", bits(&[7, 2])),
            ("AllowedMemoryNodes", bits(&[1])),
        ],
        &[("CPUShares", number(1024)), ("CPUQuotaPerSecUSec", number(250_000)), ("AllowedCPUs", Value::Null)],
    );
    let unlimited = [("CPUQuotaPerSecUSec", number(INFINITY))];
    limits(&json!({"cpu": {"quota": -1}}), &unlimited, &unlimited);
}

#[test]
fn weights_of_block_devices() {
    need_cofferdam!("it has no plan");
    for (weight, unified) in [(10, 1), (1000, 10_000)] {
        let resources = json!({"blockIO": {"weight": weight}});
        limits(&resources, &[("IOWeight", number(unified))], &[("BlockIOWeight", number(weight))]);
    }
}

#[test]
fn files_of_v2_are_properties_too() {
    need_cofferdam!("it has no plan");
    if !host::pure_v2() {
        skip!("cgroup v1 has no such files");
    }
    let unified = json!({"unified": {
        "memory.min": "1", "memory.low": "2", "memory.high": "max", "memory.max": "4", "memory.swap.max": "5",
        "pids.max": "6", "cpu.weight": "7", "cpuset.cpus": "1", "cpuset.mems": "0", "cpu.max": "5000 10000",
        "hugetlb.2MB.max": "0",
    }});
    let expected = [
        ("MemoryMin", number(1)),
        ("MemoryLow", number(2)),
        ("MemoryHigh", number(INFINITY)),
        ("MemoryMax", number(4)),
        ("MemorySwapMax", number(5)),
        ("TasksMax", number(6)),
        ("CPUWeight", number(7)),
        ("AllowedCPUs", bits(&[2])),
        ("AllowedMemoryNodes", bits(&[1])),
        ("CPUQuotaPeriodUSec", number(10_000)),
        ("CPUQuotaPerSecUSec", number(500_000)),
    ];
    limits(&unified, &expected, &[]);
}

/// systemd's list has what is allowed, and no more: what it can't say, it is not told.
#[test]
fn device_rules_are_a_list_of_what_is_allowed() {
    need_cofferdam!("it has no plan");
    if host::pure_v2() {
        skip!("on cgroup v2 systemd leaves the container's own program alone");
    }
    let listed = |rules: Value| {
        let bundle = sliced().with("/linux/resources/devices", rules);
        let list = asked(&bundle, "DeviceAllow")?;
        let item = |item: &Value| format!("{} {}", item["struct"][0]["text"], item["struct"][1]["text"]);
        Some(list["array"][1].as_array()?.iter().map(|one| item(one).replace('"', "")).collect::<Vec<_>>())
    };
    let deny = json!({"allow": false, "access": "rwm"});
    let block = |access: &str| json!({"allow": true, "type": "b", "major": 8, "minor": 0, "access": access});
    let list = listed(json!([deny, block("r"), {"allow": true, "type": "c", "major": 9, "access": "rw"}])).unwrap();
    for one in ["/dev/block/8:0 r", "char-9 rw", "char-* m", "/dev/char/1:3 rwm"] {
        assert!(list.iter().any(|other| other == one), "{one}: {list:?}");
    }
    let narrowed =
        listed(json!([deny, block("rw"), {"allow": false, "type": "b", "major": 8, "minor": 0, "access": "w"}]));
    assert!(narrowed.unwrap().contains(&"/dev/block/8:0 r".to_owned()));
    // A whole driver without one of its devices; a number of any driver; all but some.
    let driver = json!({"allow": true, "type": "b", "major": 8, "access": "rw"});
    assert_eq!(
        listed(json!([deny, driver, {"allow": false, "type": "b", "major": 8, "minor": 1, "access": "w"}])),
        None
    );
    assert_eq!(listed(json!([deny, {"allow": true, "type": "c", "minor": 8, "access": "rw"}])), None);
    let all = json!({"allow": true, "access": "rwm"});
    assert_eq!(listed(json!([all])), None);
    assert_eq!(listed(json!([all, {"allow": false, "type": "c", "major": 1, "access": "w"}])), None);
}

/// The text format of `GVariant`.
#[test]
fn annotations_have_values_of_every_type() {
    need_cofferdam!("it has no plan");
    let mut bundle = sliced();
    let array = |of: &str, items: Value| json!({ "array": [of, items] });
    for (text, value) in [
        ("true", json!({"boolean": true})),
        ("boolean false", json!({"boolean": false})),
        ("-7", json!({"int32": -7})),
        ("0x1f", json!({"int32": 31})),
        ("byte 255", json!({"byte": 255})),
        ("int16 -1", json!({"int16": -1})),
        ("uint16 1", json!({"uint16": 1})),
        ("uint32 1", json!({"uint32": 1})),
        ("int64 -1", json!({"int64": -1})),
        ("@t 1", number(1)),
        ("1.5", json!({"double": 1.5_f64.to_bits()})),
        ("'it\\'s\\n\\t\\r'", json!({"text": "it's\n\t\r"})),
        ("objectpath '/a'", json!({"object-path": "/a"})),
        ("signature 'as'", json!({"signature": "as"})),
        ("<'x'>", json!({"variant": {"text": "x"}})),
        ("('a', uint32 1)", json!({"struct": [{"text": "a"}, {"uint32": 1}]})),
        ("@as []", array("s", json!([]))),
        ("[\"a\", \"b\"]", array("s", json!([{"text": "a"}, {"text": "b"}]))),
        ("[('a', true,)]", array("(sb)", json!([{"struct": [{"text": "a"}, {"boolean": true}]}]))),
    ] {
        bundle.set("/annotations", json!({"org.systemd.property.Abc": text}));
        assert_eq!(asked(&bundle, "Abc"), Some(value), "{text}");
    }
}

#[test]
fn seconds_are_told_in_microseconds() {
    need_cofferdam!("it has no plan");
    let mut bundle = sliced();
    for text in ["5", "byte 5", "int16 5", "uint16 5", "uint32 5", "int64 5", "uint64 5", "5.0"] {
        bundle.set("/annotations", json!({"org.systemd.property.TimeoutStopSec": text}));
        assert_eq!(asked(&bundle, "TimeoutStopUSec"), Some(number(5_000_000)), "{text}");
        assert_eq!(asked(&bundle, "TimeoutStopSec"), None);
    }
}

#[test]
fn annotations_that_say_nothing_are_refused_with_their_place() {
    need_root!();
    need_cofferdam!("it says less");
    let mut bundle = sliced();
    let long = "[".repeat(20);
    for (name, text, why) in [
        ("ab", "1", "no name of a property"),
        ("A-b", "1", "no name of a property"),
        ("Abc", "", "a value is missing"),
        ("Abc", "what", "is no type and no value"),
        ("Abc", "1 2", "there is more after the value"),
        ("Abc", "'open", "a quote is missing"),
        ("Abc", "'open\\", "a quote is missing"),
        ("Abc", "'\\u0041'", "escaped code points"),
        ("Abc", "'\u{0}'", "NUL"),
        ("Abc", "[]", "an empty array needs its type"),
        ("Abc", "@s [1]", "it is no array"),
        ("Abc", "[1, 'a']", "type"),
        ("Abc", "[1 2]", "',' is missing"),
        ("Abc", "<1", "'>' is missing"),
        ("Abc", "()", "no empty tuples"),
        ("Abc", &long, "too deep"),
        ("Abc", "uint16 'a'", "is a text, and the type is q"),
        ("Abc", "byte 256", "256"),
        ("Abc", "uint32 -1", "-1"),
        ("Abc", "double x1", "type"),
        ("Abc", "1.2.3", "is no value of type d"),
        ("AbcSec", "'5'", "is no number of seconds"),
        ("AbcSec", "-1", "is no number of seconds"),
        ("AbcSec", "-1.0", "is no number of seconds"),
        ("AbcSec", "uint64 18446744073709551615", "is no number of seconds"),
    ] {
        let key = format!("org.systemd.property.{name}");
        bundle.set("/annotations", json!({ key.as_str(): text }));
        planned(&bundle).fails().says(&format!("/annotations/{key}")).says(why);
    }
}

/// A name that is a slice's is the unit's whole name, which no process begins and which gets nothing delegated.
#[test]
fn a_unit_may_be_a_slice() {
    need_cofferdam!("it has no plan");
    let bundle = Bundle::of_sleep().with("/linux/cgroupsPath", json!("cft.slice:x:cft-a.slice"));
    assert_eq!(asked(&bundle, "Wants"), Some(json!({"array": ["s", [{"text": "cft.slice"}]]})));
    assert_eq!((asked(&bundle, "Slice"), asked(&bundle, "Delegate")), (None, None));
    assert_eq!(asked(&sliced(), "Slice"), Some(json!({"text": "cft.slice"})));
}
