//! Bytes to a Spec.

use crate::error::{Clean, Error, Fault};
use crate::load::SIZE;
use crate::oci;
use crate::{scan, validate, workarounds};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A config that was read and is valid.
#[derive(Debug)]
pub struct Loaded {
    /// config.json, byte for byte.
    pub bytes: Vec<u8>,
    /// What it says, in the crate's normal form.
    pub spec: oci::Spec,
    /// What is doubtful but goes on, one line each.
    pub warnings: Vec<String>,
}

/// Makes a Spec of a config.json and checks it.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Syntax`], and [`Error::Value`] for the first rule that doesn't hold.
pub fn parse(bytes: Vec<u8>) -> Result<Loaded, Error> {
    let mut warnings = Vec::new();
    let mut spec: oci::Spec = decode(&bytes, Document::Config, &mut warnings)?;
    if let Some(resources) = spec.linux_mut().as_mut().and_then(|linux| linux.resources_mut().as_mut()) {
        workarounds::pids_without_limit(&bytes, Document::Config, resources);
    }
    validate::config(&mut spec, &mut warnings).map_err(|fault| fault.within(Document::Config.name()))?;
    Ok(Loaded { bytes, spec, warnings })
}

/// Makes a Process of what `exec --process` reads, and checks it; the second part are warnings.
///
/// # Errors
/// As for [`parse`]. Pointers are within the process: `/cwd`.
pub fn parse_process(bytes: &[u8]) -> Result<(oci::Process, Vec<String>), Error> {
    let mut warnings = Vec::new();
    let process: oci::Process = decode(bytes, Document::Process, &mut warnings)?;
    validate::process("", &process).map_err(|fault| fault.within(Document::Process.name()))?;
    Ok((process, warnings))
}

/// Makes resources of what `update --resources` reads, and checks them.
///
/// # Errors
/// As for [`parse`]. Pointers are within the resources: `/memory/limit`.
pub fn parse_resources(bytes: &[u8]) -> Result<oci::LinuxResources, Error> {
    let mut resources: oci::LinuxResources = decode(bytes, Document::Resources, &mut Vec::new())?;
    workarounds::pids_without_limit(bytes, Document::Resources, &mut resources);
    validate::resources("", &resources).map_err(|fault| fault.within(Document::Resources.name()))?;
    Ok(resources)
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    /// A whole config.json.
    Config,
    /// A process object.
    Process,
    /// A resources object.
    Resources,
}

impl Document {
    fn name(self) -> &'static str {
        match self {
            Self::Config => "config.json",
            Self::Process => "process",
            Self::Resources => "resources",
        }
    }
}

/// Parses, with the work-arounds for oci-spec only where the plain way fails.
fn decode<T: DeserializeOwned>(bytes: &[u8], document: Document, warnings: &mut Vec<String>) -> Result<T, Error> {
    if bytes.len() > SIZE {
        return Err(Error::TooLarge(Clean::new(document.name())));
    }
    scan::check(bytes).map_err(|fault| fault.within(document.name()))?;
    match serde_json::from_slice(bytes) {
        Ok(parsed) => return Ok(parsed),
        Err(error) if error.classify() != Category::Data => return Err(syntax(bytes, document, &error)),
        Err(_) => {}
    }
    let repaired = workarounds::repair(bytes, document, warnings);
    let bytes = repaired.as_deref().unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => wrong_value(bytes, &error).within(document.name()),
        _ => syntax(bytes, document, &error),
    })
}

fn syntax(bytes: &[u8], document: Document, error: &serde_json::Error) -> Error {
    let hint = if bytes.is_empty() {
        Some("the file is empty")
    } else if bytes.starts_with(b"\xef\xbb\xbf") {
        Some("it begins with a byte order mark; save it without")
    } else {
        None
    };
    Error::Syntax {
        document: document.name(),
        reason: Clean::new(message(error)),
        line: error.line(),
        column: error.column(),
        pointer: scan::pointer_at(bytes, offset(bytes, error)),
        hint: hint.map(Clean::new),
    }
}

/// Makes a fault of "unknown variant `x`, expected one of `a`, `b`" and its kind.
fn wrong_value(bytes: &[u8], error: &serde_json::Error) -> Fault {
    let pointer = scan::pointer_at(bytes, offset(bytes, error));
    let text = message(error);
    if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        let pointer = format!("{pointer}/{field}");
        let rule = rule(&pointer).unwrap_or("is required");
        return Fault::missing(pointer, rule);
    }
    let (found, allowed) = text.split_once(", expected ").unwrap_or((&text, ""));
    let found = found.strip_prefix("invalid type: ").or(found.strip_prefix("invalid value: ")).unwrap_or(found);
    let allowed = match rule(&pointer) {
        Some(rule) => format!("{rule}, expected {allowed}"),
        None if allowed.is_empty() => "not allowed here".to_owned(),
        None => format!("expected {allowed}"),
    };
    let fault = Fault::new(pointer, found, &allowed);
    match nearest(found, &allowed) {
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

/// The one of the allowed names that differs from the found one in case or in its prefix only.
fn nearest<'a>(found: &str, allowed: &'a str) -> Option<&'a str> {
    let found = found.strip_prefix("unknown variant `")?.strip_suffix('`')?.to_ascii_lowercase();
    let close = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == found
            || name.strip_suffix(&found).is_some_and(|prefix| prefix.ends_with('_'))
            || (found.len() > 2 && name.starts_with(&found))
    };
    allowed.split('`').skip(1).step_by(2).find(|name| close(name))
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
