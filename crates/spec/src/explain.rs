//! The parser's messages, in the words of someone who writes a config, with their place in it.

use crate::error::{Clean, Error, Fault};
use crate::scan;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::str::Utf8Error;

/// The parser's word for something else than text where only certain names may stand.
const NO_NAME: &str = "expected value";

/// Whether the document is JSON, but not what we want. The parser takes [`NO_NAME`] for bad JSON.
pub(crate) fn is_data(bytes: &[u8], error: &serde_json::Error) -> bool {
    error.is_data() || (message(error) == NO_NAME && serde_json::from_slice::<IgnoredAny>(bytes).is_ok())
}

/// Says where a document stops to be JSON.
pub(crate) fn syntax(bytes: &[u8], document: &'static str, error: &serde_json::Error) -> Error {
    let hint = if bytes.is_empty() {
        Some("the file is empty")
    } else if bytes.starts_with(b"\xef\xbb\xbf") {
        Some("it begins with a byte order mark; save it without")
    } else {
        None
    };
    Error::Syntax {
        document,
        reason: Clean::new(message(error)),
        line: error.line(),
        column: error.column(),
        pointer: scan::pointer_at(bytes, offset(bytes, error)),
        hint: hint.map(Clean::new),
    }
}

/// Says where a document stops to be text.
pub(crate) fn not_text(bytes: &[u8], document: &'static str, error: Utf8Error) -> Error {
    let text = bytes.get(..error.valid_up_to()).unwrap_or_default();
    let mut lines = text.split(|&byte| byte == b'\n');
    Error::Syntax {
        document,
        reason: Clean::new("invalid unicode code point"),
        column: lines.next_back().map_or(0, <[u8]>::len) + 1,
        line: lines.count() + 1,
        pointer: scan::pointer_at(bytes, text.len()),
        hint: None,
    }
}

/// Says which value is not of the right kind, of "unknown variant `x`, expected one of `a`, `b`" and its like.
pub(crate) fn wrong_value(bytes: &[u8], error: &serde_json::Error) -> Fault {
    let pointer = scan::pointer_at(bytes, offset(bytes, error));
    let text = message(error);
    if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        let pointer = format!("{pointer}/{field}");
        let rule = rule(&pointer).unwrap_or("is required");
        return Fault::missing(pointer, rule);
    }
    let (found, expected) = text.split_once(", expected ").unwrap_or((&text, ""));
    let allowed = match expected {
        "" if text == NO_NAME => "must be one of certain names".to_owned(),
        "" => "is not allowed here".to_owned(),
        expected => format!("must be {}", kind(expected)),
    };
    let allowed = match rule(&pointer) {
        Some(rule) => format!("{rule}, {allowed}"),
        None => allowed,
    };
    let fault = Fault::new(pointer, value(found), &allowed);
    match nearest(found, expected) {
        Some(name) => fault.hint(format_args!("did you mean {name}?")),
        None => fault,
    }
}

/// Words that callers of runc look for, at places where the parser already refuses.
fn rule(pointer: &str) -> Option<&'static str> {
    match pointer {
        "/process/cwd" | "/cwd" => Some("Cwd property must not be empty"),
        "/linux/memoryPolicy/mode" => Some("invalid memory policy mode"),
        _ if pointer.starts_with("/linux/memoryPolicy/flags") => Some("invalid memory policy flag"),
        _ => None,
    }
}

/// What was found: "invalid type: integer `-1`" is just -1.
fn value(found: &str) -> Cow<'_, str> {
    if found == NO_NAME {
        return "not text".into();
    }
    if let Some(name) = found.strip_prefix("unknown variant `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("\"{name}\"").into();
    }
    let found =
        ["invalid type: ", "invalid value: "].iter().find_map(|prefix| found.strip_prefix(prefix)).unwrap_or(found);
    let plain =
        ["string ", "integer ", "boolean ", "floating point "].iter().find_map(|prefix| found.strip_prefix(prefix));
    match (plain, found) {
        (Some(plain), _) => plain.trim_matches('`').into(),
        (None, "sequence") => "a list".into(),
        (None, "map") => "an object".into(),
        (None, other) => other.into(),
    }
}

/// What should have been there.
fn kind(expected: &str) -> Cow<'_, str> {
    match expected {
        "u16" => "a whole number from 0 to 65535".into(),
        "u32" => "a whole number from 0 to 4294967295".into(),
        "u64" | "usize" => "a whole number from 0 to 18446744073709551615".into(),
        "i32" => "a whole number from -2147483648 to 2147483647".into(),
        "i64" => "a whole number from -9223372036854775808 to 9223372036854775807".into(),
        "a sequence" => "a list".into(),
        "a string" | "path string" => "text".into(),
        "a boolean" => "true or false".into(),
        "a map" => "an object".into(),
        other if other.starts_with("struct ") => "an object".into(),
        other => other.replace('`', "").into(),
    }
}

/// The one of the allowed names that was probably meant: it differs in case, in its prefix or by an ending.
fn nearest<'a>(found: &str, expected: &'a str) -> Option<&'a str> {
    let found = found.strip_prefix("unknown variant `")?.strip_suffix('`')?.to_ascii_lowercase();
    let close = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == found
            || name.strip_suffix(&found).is_some_and(|prefix| prefix.ends_with('_'))
            || (found.len() > 2 && name.starts_with(&found))
            || (found == "mnt" && name == "mount")
    };
    expected.split('`').skip(1).step_by(2).find(|name| close(name))
}

/// The parser's message without its place.
fn message(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    text
}

/// How many bytes the parser had taken when it gave up.
fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let before = bytes.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    before.map(<[u8]>::len).sum::<usize>() + error.column()
}

#[cfg(test)]
mod tests {
    use oci_spec::runtime::LinuxResources;

    #[test]
    fn words() {
        for (text, words) in [
            (
                r#"{"pids":{"limit":"7"}}"#,
                "/pids/limit is \"7\": must be a whole number from -9223372036854775808 to 9223372036854775807",
            ),
            (r#"{"blockIO":{"weight":70000}}"#, "/blockIO/weight is 70000: must be a whole number from 0 to 65535"),
            (r#"{"cpu":7}"#, "/cpu is 7: must be an object"),
            (r#"{"cpu":{"cpus":[]}}"#, "/cpu/cpus is a list: must be text"),
            (r#"{"cpu":{"shares":1.5}}"#, "/cpu/shares is 1.5: must be a whole number from 0 to 18446744073709551615"),
            (r#"{"devices":{}}"#, "/devices is an object: must be a list"),
            (
                "{\"devices\":[\n{\"allow\": true,\n \"type\": \"C-\"}]}",
                "/devices/0/type is \"C-\": must be one of a, b, c, u, p",
            ),
            (
                r#"{"devices":[{"type":"C"}]}"#,
                "/devices/0/type is \"C\": must be one of a, b, c, u, p (did you mean c?)",
            ),
            (r#"{"devices":[{"allow":"yes"}]}"#, "/devices/0/allow is \"yes\": must be true or false"),
            (r#"{"devices":[{"type":1}]}"#, "/devices/0/type is not text: must be one of certain names"),
        ] {
            let error = serde_json::from_str::<LinuxResources>(text).expect_err("refused");
            assert!(super::is_data(text.as_bytes(), &error));
            assert_eq!(super::wrong_value(text.as_bytes(), &error).to_string(), words);
        }
    }
}
