//! config.json as a document: glossary.md, bundle.md, and what config.md says of every property.

use harness::Bundle;
use serde_json::json;
use std::fs;

super::rows! { "document":
    "bundle.md, container format" {
        a_bundle_has_a_config: "`config.json` is required, at the root of the bundle",
    }
    "glossary.md, JSON" {
        a_config_is_json: "the configuration is JSON",
        a_config_is_utf_8: "all JSON is UTF-8",
        a_name_stands_once_in_an_object: "JSON objects have no duplicate names",
        the_order_of_names_is_free: "the order of an object's members says nothing",
    }
    "config.md, extensibility" {
        unknown_properties_are_ignored: "unknown properties are ignored, wherever they are",
        sections_of_other_platforms_are_ignored: "the sections of other platforms say nothing to a Linux runtime",
    }
    "config.md, valid values" {
        values_of_the_wrong_type_are_refused: "an invalid value of a known property is an error",
        integers_are_whole: "integers of 64 bits arrive as they are",
    }
    "runtime.md, create" {
        what_cannot_be_applied_is_an_error: "a property that can't be applied is an error, and no container is made",
        later_edits_have_no_effect: "changes made to config.json after create have no effect",
        a_container_without_a_process_is_created: "`process` may be absent, until start",
    }
}

fn a_bundle_has_a_config() {
    let bundle = Bundle::of_shell("true");
    fs::remove_file(bundle.folder().join("config.json")).expect("config.json");
    bundle.create().fails();
    bundle.assert_nothing_left();
}

/// A bundle whose config is made of the usual one's text.
fn written(change: impl Fn(String) -> Vec<u8>) -> Bundle {
    let bundle = Bundle::of_shell("hostname");
    let path = bundle.folder().join("config.json");
    let text = fs::read_to_string(&path).expect("config.json");
    fs::write(path, change(text)).expect("config.json");
    bundle
}

fn a_config_is_json() {
    written(String::into_bytes).run().ok();
    written(|text| text.trim_end().trim_end_matches('}').into()).create().fails();
    written(|_| Vec::new()).create().fails();
    written(|_| b"[]".into()).create().fails();
}

fn a_config_is_utf_8() {
    written(|text| text.replace("inside", "in\u{e9}side").into_bytes()).run().ok();
    let latin =
        |text: String| text.into_bytes().into_iter().map(|byte| if byte == b'~' { 0xe9 } else { byte }).collect();
    written(|text| latin(text.replace("inside", "in~side"))).create().fails();
}

fn a_name_stands_once_in_an_object() {
    written(|text| text.replacen('{', r#"{"hostname": "other","#, 1).into()).create().fails();
    written(|text| text.replacen(r#""process": {"#, r#""process": {"cwd": "/","#, 1).into()).create().fails();
}

fn the_order_of_names_is_free() {
    let reversed = |text: String| {
        let config: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        let members: Vec<_> = config.iter().rev().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
        format!("{{{}}}", members.join(", ")).into_bytes()
    };
    assert_eq!(written(reversed).run().ok().out, "inside\n");
}

fn unknown_properties_are_ignored() {
    let places = [
        "",
        "/root",
        "/process",
        "/process/user",
        "/process/capabilities",
        "/process/rlimits/0",
        "/mounts/0",
        "/hooks",
        "/linux",
        "/linux/namespaces/0",
        "/linux/resources",
        "/linux/resources/memory",
        "/linux/resources/devices/0",
    ];
    let mut bundle = Bundle::of_shell("true")
        .with("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]))
        .with("/linux/resources/memory", json!({"limit": 64 << 20}));
    for place in places {
        bundle.set(&format!("{place}/com.example.unknown"), json!({"a": [1, null, "x"]}));
    }
    bundle.run().ok();
}

fn sections_of_other_platforms_are_ignored() {
    let bundle = Bundle::of_shell("true")
        .with("/windows", json!({"layerFolders": ["C:\\layer"], "network": {"allowUnqualifiedDNSQuery": true}}))
        .with("/solaris", json!({"milestone": "svc:/milestone/container:default", "limitpriv": "default"}))
        .with("/vm", json!({"hypervisor": {"path": "/nowhere"}, "kernel": {"path": "/nowhere"}}))
        .with("/zos", json!({"namespaces": [{"type": "ipc", "path": "/nowhere"}]}))
        .with("/freebsd", json!({"jail": {"parent": "nowhere"}}))
        .with("/process/commandLine", json!("nothing"))
        .with("/process/user/username", json!("nobody"));
    bundle.run().ok();
}

fn values_of_the_wrong_type_are_refused() {
    for (place, value) in [
        ("/ociVersion", json!(1)),
        ("/hostname", json!(["inside"])),
        ("/root/readonly", json!("yes")),
        ("/process/args", json!("true")),
        ("/process/user/uid", json!("root")),
        ("/process/user/uid", json!(-1)),
        ("/process/terminal", json!(0)),
        ("/mounts", json!({})),
        ("/linux/namespaces/0/type", json!(7)),
        ("/linux/resources/memory", json!({"limit": "1M"})),
        ("/annotations", json!({"com.example": 1})),
    ] {
        super::refused(Bundle::of_shell("true"), place, value);
    }
}

fn integers_are_whole() {
    // As a double, this would be 2^64: no limit.
    let most = u64::MAX - 1;
    let limits = json!([{"type": "RLIMIT_CORE", "soft": (1_u64 << 53) + 1, "hard": most}]);
    let seen = Bundle::new().with("/process/rlimits", limits).probe(&[]);
    assert_eq!(seen["limits"]["core file size"], json!(["9007199254740993", most.to_string()]));
}

fn what_cannot_be_applied_is_an_error() {
    for (place, value) in [
        ("/mounts/-", json!({"destination": "/x", "type": "no such file system", "source": "x"})),
        ("/mounts/-", json!({"destination": "/x", "source": "/no such folder", "options": ["bind"]})),
        ("/linux/namespaces/0/path", json!("/proc/self/ns/no such namespace")),
        ("/linux/sysctl", json!({"net.no.such.sysctl": "1"})),
    ] {
        let bundle = Bundle::of_shell("true").with(place, value);
        bundle.create().fails();
        bundle.call(["state", bundle.id()]).fails();
        bundle.assert_nothing_left();
    }
}

fn later_edits_have_no_effect() {
    let mut bundle = Bundle::of_shell("hostname >/seen; exec sleep 1000");
    bundle.create().ok();
    bundle.set("/process/args", json!(["/bin/touch", "/edited"]));
    bundle.set("/hostname", json!("edited"));
    bundle.call(["start", bundle.id()]).ok();
    let seen = bundle.rootfs("seen");
    harness::eventually("the program ran", || fs::read_to_string(&seen).is_ok_and(|name| name == "inside\n"));
    assert!(!bundle.rootfs("edited").exists());
    // Not even an end of the file: what is needed later is kept elsewhere.
    fs::remove_file(bundle.folder().join("config.json")).expect("config.json");
    assert_eq!(bundle.status(), "running");
    bundle.kill("KILL");
    bundle.await_status("stopped");
    bundle.delete().ok();
    bundle.assert_nothing_left();
}

fn a_container_without_a_process_is_created() {
    let mut bundle = Bundle::new();
    bundle.remove("/process");
    bundle.create().ok();
    assert_eq!(bundle.status(), "created");
    bundle.call(["start", bundle.id()]).fails();
    assert_eq!(bundle.status(), "created");
}
