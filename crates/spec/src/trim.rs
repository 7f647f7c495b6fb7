//! A config without what only the making of its container asks for.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;

/// The parts that go.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    mounts: Option<&'a RawValue>,
    #[serde(borrow)]
    hooks: Option<&'a RawValue>,
    #[serde(borrow)]
    linux: Option<Linux<'a>>,
}

/// Those in `linux`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Linux<'a> {
    #[serde(borrow)]
    seccomp: Option<&'a RawValue>,
    #[serde(borrow)]
    devices: Option<&'a RawValue>,
    #[serde(borrow)]
    masked_paths: Option<&'a RawValue>,
    #[serde(borrow)]
    readonly_paths: Option<&'a RawValue>,
}

/// What a process that joins the container asks of its config, for [`crate::parse_kept`]: all but the mounts, devices,
/// hooks, masked and read-only paths, and the seccomp section, whose filter the caller has to have. Each is `null`.
/// `None` where the text is no config.
#[must_use]
pub fn for_exec(config: &str) -> Option<String> {
    let Parts { mounts, hooks, linux } = serde_json::from_str(config).ok()?;
    let of_linux = linux.map(|linux| [linux.seccomp, linux.devices, linux.masked_paths, linux.readonly_paths]);
    let parts = [mounts, hooks].into_iter().chain(of_linux.into_iter().flatten()).flatten();
    without(config, parts.map(|part| within(config, part.get())).collect())
}

/// A config whose parts in those ranges are `null`.
pub(crate) fn without(config: &str, mut ranges: Vec<Range<usize>>) -> Option<String> {
    ranges.sort_by_key(|range| range.start);
    let (mut trimmed, mut from) = (String::with_capacity(config.len()), 0);
    for range in ranges {
        trimmed.push_str(config.get(from..range.start)?);
        trimmed.push_str("null");
        from = range.end;
    }
    trimmed.push_str(config.get(from..)?);
    Some(trimmed)
}

/// Where in a text a part of it is.
fn within(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    start..start.wrapping_add(part.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oci, parse_kept};

    /// The same without what is left out.
    fn bare(mut spec: Box<oci::Spec>) -> Box<oci::Spec> {
        spec.set_mounts(None).set_hooks(None);
        if let Some(linux) = spec.linux_mut() {
            linux.set_seccomp(None).set_devices(None).set_masked_paths(None).set_readonly_paths(None);
        }
        spec
    }

    #[test]
    fn all_else_stays() {
        let hook = r#"{"path": "/bin/true", "env": ["mounts={}"]}"#;
        let default = crate::default_config(false);
        let whole = default.replacen('{', &format!(r#"{{"hooks": {{"poststop": [{hook}]}},"#), 1);
        let seccomp = r#""seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": null}, "devices": [],"#;
        let whole = whole.replacen(r#""linux": {"#, &format!(r#""linux": {{{seccomp}"#), 1);
        for config in [
            default,
            whole.clone(),
            whole.replace('\n', " "),
            r#"{"ociVersion": "1.0.0", "root": {"path": "/"}}"#.into(),
        ] {
            let trimmed = for_exec(&config).unwrap();
            assert!(trimmed.len() <= config.len() && !trimmed.contains("poststop"), "{trimmed}");
            let expected = bare(parse_kept(config.as_bytes()).unwrap());
            assert_eq!(parse_kept(trimmed.as_bytes()).unwrap(), expected, "{trimmed}");
        }
        assert!(parse_kept(whole.as_bytes()).unwrap().linux().as_ref().unwrap().seccomp().is_some());
    }

    #[test]
    fn what_is_no_config_is_not_trimmed() {
        for text in ["", "[]", "{", r#"{"linux": 1}"#] {
            assert_eq!(for_exec(text), None, "{text}");
        }
    }
}
