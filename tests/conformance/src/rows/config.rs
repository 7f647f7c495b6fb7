//! config.md: the document as a whole, `ociVersion`, `root`, `hostname`, `domainname`, `annotations`.

use harness::Bundle;
use serde_json::json;

super::rows! { "config":
    "config.md, specification version" {
        a_later_minor_version_is_taken: "a runtime for 1.x takes every 1.y that it knows",
        what_is_no_version_is_refused: "`ociVersion` is a version of SemVer 2.0",
        another_major_version_is_refused: "an unknown major version is refused",
    }
    "config.md, root" {
        a_relative_root_begins_at_the_bundle: "`root.path`, if relative, begins at the bundle",
        a_root_that_is_not_there_is_refused: "`root.path` must exist",
        a_read_only_root: "`root.readonly` makes the root read-only inside",
    }
}

fn a_later_minor_version_is_taken() {
    for version in ["1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0"] {
        Bundle::of_shell("true").with("/ociVersion", json!(version)).run().ok();
    }
}

fn what_is_no_version_is_refused() {
    for version in ["invalid", "", "1", "1.x"] {
        Bundle::of_shell("true").with("/ociVersion", json!(version)).run().fails();
    }
}

fn another_major_version_is_refused() {
    Bundle::of_shell("true").with("/ociVersion", json!("2.0.0")).run().fails();
}

fn a_relative_root_begins_at_the_bundle() {
    let seen = Bundle::new().with("/root/path", json!("./rootfs")).probe(&["stat:/probe"]);
    assert_eq!(seen["answers"]["stat:/probe"]["kind"], "file");
}

fn a_root_that_is_not_there_is_refused() {
    let bundle = Bundle::of_shell("true").with("/root/path", json!("nowhere"));
    bundle.run().fails();
    bundle.assert_nothing_left();
}

fn a_read_only_root() {
    let seen = Bundle::new().with("/root/readonly", json!(true)).probe(&["write:/x=y"]);
    let said = seen["answers"]["write:/x=y"].as_str().expect("an answer");
    assert!(said.contains("Read-only file system"), "{said}");
}
