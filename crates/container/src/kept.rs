//! What the first `exec` in a container keeps for those that follow, which on a node with exec probes are most of what runs:
//! the config without what they don't ask for, and its filter, compiled.
//!
//! It is a shortcut and nothing depends on it: where it is not there, is another version's or can't be read, config.json is.
//! It lies beside config.json, with the same rights: who could change the one could change the other.

use crate::entry::Entry;
use crate::error::Result;
use launch::HasFilter;
use security::seccomp::Filter;
use serde::{Deserialize, Serialize};
use spec::oci::Spec;

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    /// Of the runtime that compiled the filter.
    version: &'a str,
    /// The filter's flags and program.
    filter: Option<(u32, &'a [u8])>,
    /// The rest of the config: [`spec::for_exec`].
    config: &'a str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `exec` knows of the container's config.
#[derive(Debug)]
pub(crate) struct Known {
    /// The config, or what matters of it.
    pub spec: Box<Spec>,
    /// The filter, where it was kept; else it is to be compiled, if the config has one.
    pub filter: Option<Filter>,
    /// Whether there is nothing to keep any more.
    pub is_kept: bool,
}

/// Reads what was kept of the config, or the config itself.
pub(crate) fn read(entry: &Entry) -> Result<Known> {
    let kept = entry.kept().ok().flatten();
    if let Some(known) = kept.as_deref().and_then(decode) {
        return Ok(known);
    }
    // An empty file says that this config is to be read each time.
    let is_kept = kept.is_some_and(|bytes| bytes.is_empty());
    Ok(Known { spec: spec::parse_kept(&entry.config()?)?, filter: None, is_kept })
}

fn decode(bytes: &[u8]) -> Option<Known> {
    let document: Document<'_> = postcard::from_bytes(bytes).ok()?;
    if document.version != VERSION {
        return None;
    }
    let spec = spec::parse_kept(document.config.as_bytes()).ok()?;
    let filter = document.filter.map(|(flags, program)| Filter {
        program: program.to_vec(),
        flags,
        notify: false,
        warnings: Vec::new(),
    });
    Some(Known { spec, filter, is_kept: true })
}

impl HasFilter for Known {
    fn filter(&self) -> std::result::Result<Option<Filter>, launch::Error> {
        if self.filter.is_some() { Ok(self.filter.clone()) } else { self.spec.filter() }
    }
}

/// Keeps it for the next time.
pub(crate) fn keep(entry: &Entry, spec: &Spec) -> Result<()> {
    let document = encode(&entry.config()?, spec.filter()?.as_ref());
    entry.keep(&document.unwrap_or_default())
}

/// `None` where somebody is to be asked or told each time, as a filter can have it.
fn encode(config: &[u8], filter: Option<&Filter>) -> Option<Vec<u8>> {
    if filter.is_some_and(|filter| filter.notify || !filter.warnings.is_empty()) {
        return None;
    }
    let config = spec::for_exec(str::from_utf8(config).ok()?)?;
    let filter = filter.map(|filter| (filter.flags, filter.program.as_slice()));
    postcard::to_allocvec(&Document { version: VERSION, filter, config: &config }).ok()
}
