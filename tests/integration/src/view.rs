//! Reading what the probe saw.

use serde_json::Value;

/// The last mount at a target.
#[track_caller]
pub fn mount<'s>(seen: &'s Value, target: &str) -> &'s Value {
    let mounts = seen["mounts"].as_array().expect("mounts");
    let found = mounts.iter().rev().find(|mount| mount["target"] == target);
    found.unwrap_or_else(|| panic!("nothing at {target}: {:#}", seen["mounts"]))
}

/// The flags of the last mount at a target: `ro`, `nosuid`…
#[track_caller]
pub fn flags<'s>(seen: &'s Value, target: &str) -> Vec<&'s str> {
    mount(seen, target)["options"].as_str().expect("flags").split(',').collect()
}

/// The answer to a question.
pub fn answer<'s>(seen: &'s Value, question: &str) -> &'s Value {
    &seen["answers"][question]
}

/// Fails the test unless the answer to a question is an error that names `words`.
#[track_caller]
pub fn refused(seen: &Value, question: &str, words: &str) {
    let said = answer(seen, question);
    let text = said.as_str().or(said["error"].as_str()).unwrap_or_default();
    assert!(text.contains(words), "{question}: {said}, not {words:?}");
}
