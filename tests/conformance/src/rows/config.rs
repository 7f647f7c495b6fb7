//! config.md: `ociVersion`, `root`, `hostname`, `domainname`, `annotations`.

use harness::{Bundle, Call, Outcome, programs};
use serde_json::json;

super::rows! { "config":
    "config.md, specification version" {
        a_version_is_required: "`ociVersion` is required",
        a_later_minor_version_is_taken: "a runtime for 1.x takes every 1.y that it knows",
        what_comes_before_a_release_is_a_version: "pre-releases and build metadata are part of SemVer 2.0",
        what_is_no_version_is_refused: "`ociVersion` is a version of SemVer 2.0",
        another_major_version_is_refused: "an unknown major version is refused",
        a_minor_version_of_the_future_is_refused: "a config is not compatible with a runtime for an earlier minor version",
    }
    "config.md, root" {
        a_root_is_required: "`root` and `root.path` are required",
        a_relative_root_begins_at_the_bundle: "`root.path`, if relative, begins at the bundle",
        an_absolute_root: "`root.path` may be absolute, and be elsewhere",
        a_root_that_is_not_there_is_refused: "`root.path` must exist",
        a_root_that_is_no_directory_is_refused: "`root.path` must be a directory",
        a_read_only_root: "`root.readonly` makes the root read-only inside",
        a_root_is_writable_otherwise: "`root.readonly` defaults to false",
    }
    "config.md, hostname" {
        a_host_name_is_the_containers: "`hostname` is what processes inside see, and the host's stays",
        a_host_name_without_a_namespace: "a name that would become the runtime's own is refused",
        no_host_name_leaves_it: "without `hostname` a new UTS namespace keeps the name",
    }
    "config.md, domainname" {
        a_domain_name_is_the_containers: "`domainname` is what processes inside see, and the host's stays",
        a_domain_name_without_a_namespace: "a name that would become the runtime's own is refused",
    }
    "config.md, annotations" {
        annotations_come_back_in_the_state: "`annotations` are passed on as they are",
        reserved_annotations_say_nothing: "`org.opencontainers.image.*` are informative",
        an_annotation_has_a_key: "an annotation's key is not empty",
        annotations_are_text: "an annotation's value is a string",
    }
    "config.md, platform-specific configuration" {
        linux_is_optional: "`linux` may be absent",
    }
}

fn a_version_is_required() {
    let mut bundle = Bundle::of_shell("true");
    bundle.remove("/ociVersion");
    bundle.run().fails();
}

fn versions(versions: &[&str]) {
    for version in versions {
        Bundle::of_shell("true").with("/ociVersion", json!(version)).run().ok();
    }
}

fn a_later_minor_version_is_taken() {
    versions(&["1.0.0", "1.0.2", "1.1.0", "1.2.1", "1.3.0"]);
}

fn what_comes_before_a_release_is_a_version() {
    versions(&["1.0.2-dev", "1.0.0-rc.5", "1.0.0+build.7"]);
}

fn what_is_no_version_is_refused() {
    for version in ["invalid", "", "1", "1.x", "1.0", "01.0.0", "1.0.0.0"] {
        Bundle::of_shell("true").with("/ociVersion", json!(version)).run().fails();
    }
}

fn another_major_version_is_refused() {
    Bundle::of_shell("true").with("/ociVersion", json!("2.0.0")).run().fails();
}

fn a_minor_version_of_the_future_is_refused() {
    Bundle::of_shell("true").with("/ociVersion", json!("1.999.0")).run().fails();
}

fn a_root_is_required() {
    for place in ["/root", "/root/path"] {
        let mut bundle = Bundle::of_shell("true");
        bundle.remove(place);
        bundle.run().fails();
        bundle.assert_nothing_left();
    }
}

fn a_relative_root_begins_at_the_bundle() {
    let seen = Bundle::new().with("/root/path", json!("./rootfs")).probe(&["stat:/probe"]);
    assert_eq!(seen["answers"]["stat:/probe"]["kind"], "file");
}

fn an_absolute_root() {
    let (mut bundle, other) = (Bundle::new(), Bundle::new());
    std::fs::write(other.rootfs("mark"), "").expect("a file");
    bundle.set("/root/path", json!(other.rootfs("").to_str().expect("UTF-8")));
    assert_eq!(bundle.probe(&["stat:/mark"])["answers"]["stat:/mark"]["kind"], "file");
}

fn a_root_that_is_not_there_is_refused() {
    let bundle = Bundle::of_shell("true").with("/root/path", json!("nowhere"));
    bundle.run().fails();
    bundle.assert_nothing_left();
}

fn a_root_that_is_no_directory_is_refused() {
    let bundle = Bundle::of_shell("true").with("/root/path", json!("rootfs/probe"));
    bundle.run().fails();
    bundle.assert_nothing_left();
}

fn a_read_only_root() {
    let seen = Bundle::new().with("/root/readonly", json!(true)).probe(&["write:/x=y"]);
    let said = seen["answers"]["write:/x=y"].as_str().expect("an answer");
    assert!(said.contains("Read-only file system"), "{said}");
}

fn a_root_is_writable_otherwise() {
    let mut bundle = Bundle::new();
    bundle.remove("/root/readonly");
    assert_eq!(bundle.probe(&["write:/x=y"])["answers"]["write:/x=y"], "ok");
}

fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn own_domain() -> String {
    rustix::system::uname().domainname().to_string_lossy().into_owned()
}

fn a_host_name_is_the_containers() {
    let before = own_name();
    assert_eq!(Bundle::new().with("/hostname", json!("mrsdalloway")).probe(&[])["hostname"], "mrsdalloway");
    assert_eq!(own_name(), before);
}

fn no_host_name_leaves_it() {
    let mut bundle = Bundle::new();
    bundle.remove("/hostname");
    let seen = bundle.probe(&[]);
    assert_eq!(seen["hostname"], own_name());
    assert_eq!(seen["domainname"], own_domain());
}

fn a_domain_name_is_the_containers() {
    let before = own_domain();
    let seen = Bundle::new().with("/domainname", json!("foobarbaz.test")).probe(&[]);
    assert_eq!((&seen["domainname"], &seen["hostname"]), (&json!("foobarbaz.test"), &json!("inside")));
    assert_eq!(own_domain(), before);
}

/// Runs `bundle` without a UTS namespace of its own; should it rename its host, only the runtime sees that.
fn without_namespace(mut bundle: Bundle) -> Outcome {
    bundle.config["linux"]["namespaces"].as_array_mut().expect("a list").retain(|one| one["type"] != "uts");
    let namespaces = bundle.config["linux"]["namespaces"].clone();
    bundle.set("/linux/namespaces", namespaces);
    Call::new(&programs::find("unshare").expect("unshare"), bundle.folder())
        .args(["--uts".as_ref(), programs::runtime().as_os_str()])
        .args(["--root".as_ref(), bundle.state_folder().as_os_str()])
        .args(["run", bundle.id()])
        .cwd(bundle.folder())
        .outcome()
}

fn a_host_name_without_a_namespace() {
    without_namespace(Bundle::of_shell("hostname")).fails();
    let mut bundle = Bundle::of_shell("hostname");
    bundle.remove("/hostname");
    assert_eq!(without_namespace(bundle).ok().out.trim(), own_name());
}

fn a_domain_name_without_a_namespace() {
    let mut bundle = Bundle::of_shell("true").with("/domainname", json!("foobarbaz.test"));
    bundle.remove("/hostname");
    without_namespace(bundle).fails();
}

fn annotations_come_back_in_the_state() {
    let annotations = json!({"com.example.gpu-cores": "2", "com.example.none": "", "no domain": "{\"a\": \"é\\n\"}"});
    let bundle = Bundle::of_sleep().with("/annotations", annotations.clone());
    bundle.create().ok();
    for (key, value) in annotations.as_object().expect("an object") {
        assert_eq!(bundle.state()["annotations"].get(key), Some(value), "{key}");
    }
}

fn reserved_annotations_say_nothing() {
    let mut bundle = Bundle::of_shell("true");
    for (name, value) in [
        ("os", "plan9"),
        ("os.version", "4"),
        ("os.features", "win32k"),
        ("architecture", "m68k"),
        ("variant", "v0"),
        ("author", "nobody"),
        ("created", "never"),
        ("stopSignal", "SIGUSR1"),
        ("unknown", ""),
    ] {
        bundle.set(&format!("/annotations/org.opencontainers.image.{name}"), json!(value));
    }
    bundle.run().ok();
}

fn an_annotation_has_a_key() {
    super::refused(Bundle::of_shell("true"), "/annotations", json!({"": "x"}));
}

fn annotations_are_text() {
    for value in [json!(2), json!(["2"]), json!({"a": "b"})] {
        super::refused(Bundle::of_shell("true"), "/annotations/com.example", value);
    }
}

fn linux_is_optional() {
    // No namespaces: all that follows is the runtime's own. Nothing may be mounted then.
    let mut bundle = Bundle::of_shell("echo alive");
    for place in ["/linux", "/hostname", "/mounts"] {
        bundle.remove(place);
    }
    assert_eq!(bundle.run().ok().out, "alive\n");
    bundle.assert_nothing_left();
}
