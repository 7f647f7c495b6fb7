//! Bytes to a Spec.

use crate::document::{Document, SIZE};
use crate::error::{Clean, Error, Fault};
use crate::{explain, lookup, required, scan, trim, validate, workarounds};
use oci_spec::runtime as oci;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::ops::Range;

/// A config that was read and is valid.
#[derive(Debug)]
pub struct Loaded {
    /// config.json, byte for byte.
    pub bytes: Vec<u8>,
    /// What it says, in the crate's normal form. It is large, and a page of stack that is touched is one to be had.
    pub spec: Box<oci::Spec>,
    /// What is doubtful but goes on, one line each.
    pub warnings: Vec<String>,
    /// Where in the bytes the seccomp section is, which [`crate::load`] has left for [`Loaded::seccomp`]: the spec has none.
    pub(crate) section: Option<Range<usize>>,
}

impl Loaded {
    /// The seccomp section.
    ///
    /// # Errors
    /// As [`parse`], of a section that was left.
    pub fn seccomp(&self) -> Result<Option<Cow<'_, oci::LinuxSeccomp>>, Error> {
        let Some(section) = self.section.clone() else { return Ok(lookup::seccomp(&self.spec).map(Cow::Borrowed)) };
        let text = self.bytes.get(section).and_then(|bytes| str::from_utf8(bytes).ok());
        let parsed = text.and_then(|text| serde_json::from_str(text).ok());
        if let Some(seccomp) = parsed.filter(|seccomp| validate::seccomp(seccomp).is_ok()) {
            return Ok(Some(Cow::Owned(seccomp)));
        }
        // What is wrong with it, and where, the whole tells; or that it is to be taken for none.
        let whole = parse_config(&self.bytes, &mut Vec::new())?;
        Ok(lookup::seccomp(&whole).cloned().map(Cow::Owned))
    }
}

/// Makes a Spec of a config.json and checks it.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Syntax`], and [`Error::Value`] for the first rule that doesn't hold.
pub fn parse(bytes: Vec<u8>) -> Result<Loaded, Error> {
    look(&bytes, Document::Config)?;
    parse_whole(bytes)
}

/// As [`parse`], but without the seccomp section, most of an engine's config, which nothing depends on until there is
/// a process: [`Loaded::seccomp`]. What is wrong with a config, and where, the whole tells.
pub(crate) fn parse_most(bytes: Vec<u8>) -> Result<Loaded, Error> {
    let Some(section) = look(&bytes, Document::Config)? else { return parse_whole(bytes) };
    let most = str::from_utf8(&bytes).ok().and_then(|text| trim::without(text, vec![section.clone()]));
    let mut warnings = Vec::new();
    match most.and_then(|most| parse_config(most.as_bytes(), &mut warnings).ok()) {
        // Without a process, nobody would ask for the section, and so find it to be wrong.
        Some(spec) if spec.process().is_some() => Ok(Loaded { spec, bytes, warnings, section: Some(section) }),
        _ => parse_whole(bytes),
    }
}

fn parse_whole(bytes: Vec<u8>) -> Result<Loaded, Error> {
    let mut warnings = Vec::new();
    let spec = parse_config(&bytes, &mut warnings)?;
    Ok(Loaded { spec, bytes, warnings, section: None })
}

fn parse_config(bytes: &[u8], warnings: &mut Vec<String>) -> Result<Box<oci::Spec>, Error> {
    let mut spec: Box<oci::Spec> = decode_checked(bytes, Document::Config, warnings)?;
    let refused = |fault: Fault| fault.within(Document::Config.name());
    required::check(bytes, &spec).map_err(refused)?;
    if let Some(process) = spec.process() {
        workarounds::scheduler_flag_names(bytes, "/process", process).map_err(refused)?;
    }
    finish(bytes, &mut spec, warnings)?;
    Ok(spec)
}

/// The Spec of a config that [`parse`] has let pass before: the copy that is kept of it. What of a document only a second
/// look at its bytes finds is not looked for again.
///
/// # Errors
/// As for [`parse`].
pub fn parse_kept(bytes: &[u8]) -> Result<Box<oci::Spec>, Error> {
    let mut warnings = Vec::new();
    let mut spec: Box<oci::Spec> = decode_checked(bytes, Document::Config, &mut warnings)?;
    finish(bytes, &mut spec, &mut warnings)?;
    Ok(spec)
}

/// Brings a config into its normal form, and checks what it says.
fn finish(bytes: &[u8], spec: &mut oci::Spec, warnings: &mut Vec<String>) -> Result<(), Error> {
    if let Some(resources) = spec.linux_mut().as_mut().and_then(|linux| linux.resources_mut().as_mut()) {
        workarounds::pids_without_limit(bytes, Document::Config, resources);
    }
    validate::config(spec, warnings).map_err(|fault| fault.within(Document::Config.name()))
}

/// Makes a Process of what `exec --process` reads, and checks it; the second part are warnings.
///
/// # Errors
/// As for [`parse`]. Pointers are within the process: `/cwd`.
pub fn parse_process(bytes: &[u8]) -> Result<(oci::Process, Vec<String>), Error> {
    let mut warnings = Vec::new();
    let process: oci::Process = decode(bytes, Document::Process, &mut warnings)?;
    let refused = |fault: Fault| fault.within(Document::Process.name());
    required::process(bytes, &process).map_err(refused)?;
    workarounds::scheduler_flag_names(bytes, "", &process).map_err(refused)?;
    validate::process("", &process).map_err(refused)?;
    Ok((process, warnings))
}

/// Makes resources of what `update --resources` reads, and checks them.
///
/// # Errors
/// As for [`parse`]. Pointers are within the resources: `/memory/limit`.
pub fn parse_resources(bytes: &[u8]) -> Result<oci::LinuxResources, Error> {
    let mut resources: oci::LinuxResources = decode(bytes, Document::Resources, &mut Vec::new())?;
    workarounds::pids_without_limit(bytes, Document::Resources, &mut resources);
    let refused = |fault: Fault| fault.within(Document::Resources.name());
    required::resources(bytes, &resources).map_err(refused)?;
    validate::resources("", &resources).map_err(refused)?;
    Ok(resources)
}

/// Makes an intelRdt object of what `update`'s options come to, and checks it.
///
/// # Errors
/// As for [`parse`]. Pointers are within the object: `/memBwSchema`.
pub fn parse_intel_rdt(bytes: &[u8]) -> Result<oci::LinuxIntelRdt, Error> {
    let rdt: oci::LinuxIntelRdt = decode(bytes, Document::IntelRdt, &mut Vec::new())?;
    validate::intel_rdt("", &rdt, &mut Vec::new()).map_err(|fault| fault.within(Document::IntelRdt.name()))?;
    Ok(rdt)
}

/// Checks what the parser lets through, and finds the seccomp section of a config.
fn look(bytes: &[u8], document: Document) -> Result<Option<Range<usize>>, Error> {
    if bytes.len() > SIZE {
        return Err(Error::TooLarge(Clean::new(document.name())));
    }
    scan::check(bytes).map_err(|fault| fault.within(document.name()))
}

/// Checks what the parser lets through, and parses.
fn decode<T: DeserializeOwned>(bytes: &[u8], document: Document, warnings: &mut Vec<String>) -> Result<T, Error> {
    look(bytes, document)?;
    decode_checked(bytes, document, warnings)
}

/// Parses, with the work-arounds for oci-spec only where the plain way fails.
fn decode_checked<T: DeserializeOwned>(
    bytes: &[u8],
    document: Document,
    warnings: &mut Vec<String>,
) -> Result<T, Error> {
    let text = str::from_utf8(bytes).map_err(|error| explain::not_text(bytes, document.name(), error))?;
    match serde_json::from_str(text) {
        Ok(parsed) => return Ok(parsed),
        Err(error) if !explain::is_data(bytes, &error) => return Err(explain::syntax(bytes, document.name(), &error)),
        Err(_) => {}
    }
    let repaired = workarounds::repair(bytes, document, warnings);
    let text = repaired.as_deref().unwrap_or(text);
    serde_json::from_str(text).map_err(|error| explain::wrong_value(text.as_bytes(), &error).within(document.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls":
        [{"names": ["rea\u0064"], "action": "SCMP_ACT_ALLOW"}]}"#;

    /// The default config with that section.
    fn config(section: &str) -> String {
        crate::default_config(false).replace(r#""linux": {"#, &format!(r#""linux": {{"seccomp": {section},"#))
    }

    /// The same without a process.
    fn without_process(config: &str) -> String {
        config.replace(r#""process": {"#, r#""annotations": {}, "unknown": {"#)
    }

    #[test]
    fn a_section_that_is_left_is_the_same() {
        let whole = parse(config(SECTION).into()).unwrap();
        let most = parse_most(config(SECTION).into()).unwrap();
        assert!(lookup::seccomp(&most.spec).is_none() && most.section.is_some());
        assert_eq!(most.seccomp().unwrap().as_deref(), lookup::seccomp(&whole.spec));
        assert_eq!(parse_most(without_process(&config(SECTION)).into()).unwrap().section, None);
        assert_eq!(parse_most(config("{}").into()).unwrap().seccomp().unwrap(), None);
    }

    /// Nothing that is wrong with it is passed over, and all is told as of the whole: by when it is asked for, and where
    /// nobody would ask, at once.
    #[test]
    fn what_is_wrong_with_a_section_is_found() {
        for wrong in ["{]", "{} }", "{,}", r#"{"a" 1}"#, r#"{"defaultAction": "NONE"}"#, r#"{"a": "\u0000"}"#, "[{}]"] {
            let config = config(wrong);
            let expected = parse(config.clone().into()).unwrap_err().to_string();
            let found = parse_most(config.clone().into()).and_then(|most| most.seccomp().map(drop)).unwrap_err();
            assert_eq!(found.to_string(), expected, "{wrong}");
            let bare = without_process(&config);
            let expected = parse(bare.clone().into()).unwrap_err().to_string();
            assert_eq!(parse_most(bare.into()).unwrap_err().to_string(), expected, "{wrong}");
        }
    }
}
