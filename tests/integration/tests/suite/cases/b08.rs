//! B08: a capability that we don't know, or that can't be given, is a warning and not an error.

use harness::{Bundle, need_cofferdam, need_root};
use serde_json::{Value, json};
use std::fs;

fn with(names: &Value) -> Bundle {
    let sets: serde_json::Map<String, Value> = ["bounding", "effective", "permitted", "inheritable", "ambient"]
        .map(|set| (set.to_owned(), names.clone()))
        .into_iter()
        .collect();
    Bundle::of_shell("grep CapBnd /proc/self/status").with("/process/capabilities", Value::Object(sets))
}

#[track_caller]
fn bounding_and_log(bundle: &Bundle) -> (String, String) {
    let outcome = bundle.call(["--log", "log", "run", bundle.id()]).ok();
    let log = fs::read_to_string(bundle.folder().join("log")).unwrap_or_default();
    (outcome.out.trim_start_matches("CapBnd:").trim().to_owned(), log)
}

#[test]
fn an_unknown_name_is_skipped_with_one_warning() {
    need_root!();
    let (bounding, log) = bounding_and_log(&with(&json!(["CAP_CHOWN", "CAP_FUTURE_X"])));
    assert_eq!(bounding, "0000000000000001");
    assert_eq!(log.matches("CAP_FUTURE_X").count(), 1, "{log}");
    assert!(log.contains("warning"), "{log}");
}

#[test]
fn each_unknown_name_is_told_once() {
    need_root!();
    need_cofferdam!("Debian's runc tells them in one line");
    let (bounding, log) = bounding_and_log(&with(&json!(["CAP_CHOWN", "CAP_FUTURE_X", "CAP_FUTURE_Y"])));
    assert_eq!(bounding, "0000000000000001");
    assert_eq!((log.matches("CAP_FUTURE_X").count(), log.matches("CAP_FUTURE_Y").count()), (1, 1), "{log}");
}

#[test]
fn lower_case_is_either_known_or_skipped() {
    need_root!();
    let (bounding, _) = bounding_and_log(&with(&json!(["CAP_CHOWN", "cap_kill"])));
    assert!(["0000000000000001", "0000000000000021"].contains(&bounding.as_str()), "{bounding}");
}

#[test]
fn a_capability_that_the_runtime_lacks_is_skipped() {
    need_root!();
    need_cofferdam!("Debian's runc fails");
    let bundle = with(&json!(["CAP_CHOWN", "CAP_SYS_RESOURCE"]));
    if harness::host::has_capability(harness::host::SYS_RESOURCE) {
        assert_eq!(bounding_and_log(&bundle).0, "0000000001000001");
    } else {
        let (bounding, log) = bounding_and_log(&bundle);
        assert_eq!(bounding, "0000000000000001");
        assert!(log.contains("CAP_SYS_RESOURCE"), "{log}");
    }
}

#[test]
fn a_bundle_without_capabilities_gives_none() {
    need_root!();
    let mut bundle = with(&json!([]));
    bundle.remove("/process/capabilities");
    assert_eq!(bounding_and_log(&bundle).0, "0000000000000000");
}
