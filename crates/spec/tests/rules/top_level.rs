use crate::config::*;
use serde_json::{Value, json};

#[test]
fn the_base_is_valid() {
    let loaded = accepted(&[], 0);
    assert_eq!(loaded.bytes, base().to_string().into_bytes());
}

#[test]
fn top_level() {
    let null = Value::Null;
    refused(&[("/ociVersion", null.clone())], "/ociVersion", "missing");
    refused(&[("/ociVersion", json!("9.9.9"))], "/ociVersion", "from 1.0.0 to 1.3");
    refused(&[("/ociVersion", json!(1))], "/ociVersion", "must be text");
    refused(&[("/root", null.clone())], "/root", "root must be specified");
    refused(&[("/root/path", json!(""))], "/root/path", "missing");
    refused(&[("/root/path", json!(["x"]))], "/root/path", "a list");
    refused(&[("/annotations/", json!("x"))], "/annotations/", "must not be empty");
    refused(&[("/annotations/a", json!(1))], "/annotations/a", "must be text");
    accepted(&[("/process", null.clone())], 0);
    accepted(&[("/linux", null.clone()), ("/hostname", null.clone())], 0);
    accepted(&[("/unknown", json!({"a": [1]})), ("/process/unknown", json!(1)), ("/freebsd", json!(1))], 0);
    accepted(&[("/windows", json!({"x": 1})), ("/vm", json!(7))], 0);
}

#[test]
fn names_need_a_uts_namespace() {
    let shared = ("/linux/namespaces", namespaces(&["pid", "ipc", "mount", "network"]));
    refused(std::slice::from_ref(&shared), "/hostname", "unable to set hostname without a private UTS namespace");
    refused(&[("/linux", Value::Null)], "/hostname", "unable to set hostname");
    let domain = ("/domainname", json!("d"));
    refused(&[shared.clone(), ("/hostname", json!("")), domain.clone()], "/domainname", "set domainname without");
    accepted(&[shared, ("/hostname", json!("")), ("/domainname", json!(""))], 0);
    accepted(&[domain], 0);
    refused(&[("/hostname", json!("x".repeat(65)))], "/hostname", "at most 64");
    accepted(&[("/hostname", json!("x".repeat(64)))], 0);
}

/// Case B24 (d): a timeout of 0 is not "no timeout".
#[test]
fn hooks() {
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] {
        let hook = |value: Value| ("/hooks", json!({kind: [{"path": "/ok"}, value]}));
        let at = |name: &str| format!("/hooks/{kind}/1/{name}");
        refused(&[hook(json!({"path": "true"}))], &at("path"), "absolute");
        refused(&[hook(json!({}))], &at("path"), "is required");
        refused(&[hook(json!({"path": "/x", "timeout": 0}))], &at("timeout"), "above 0");
        refused(&[hook(json!({"path": "/x", "timeout": -1}))], &at("timeout"), "above 0");
        accepted(&[hook(json!({"path": "/x", "timeout": 1, "args": [], "env": null}))], 0);
    }
}
