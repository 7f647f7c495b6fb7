//! Two views of the same config beside each other.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A place where the views differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// As a JSON pointer.
    pub(crate) place: String,
    pub(crate) ours: Value,
    pub(crate) theirs: Value,
}

/// All places where the views differ.
pub(crate) fn differences(ours: &Value, theirs: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    match (ours["refused"].is_null(), theirs["refused"].is_null()) {
        (true, true) => walk("", ours, theirs, &mut found),
        // What the words of a refusal are is each runtime's own matter.
        (false, false) => {}
        _ => walk("/refused", &ours["refused"], &theirs["refused"], &mut found),
    }
    found
}

fn walk(place: &str, ours: &Value, theirs: &Value, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Value::Object(own), Value::Object(other)) => {
            let keys: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
            for key in keys {
                let below = format!("{place}/{}", key.replace('/', "~1"));
                walk(&below, &ours[key.as_str()], &theirs[key.as_str()], found);
            }
        }
        (Value::Array(own), Value::Array(other)) if own.len() == other.len() => {
            for (index, (own, other)) in own.iter().zip(other).enumerate() {
                walk(&format!("{place}/{index}"), own, other, found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(Difference { place: place.to_owned(), ours: json!(ours), theirs: json!(theirs) }),
    }
}
