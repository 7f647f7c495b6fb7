//! `features`

use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::help::{libseccomp, print};
use crate::session::Session;
use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};

/// Shows what this runtime can do.
#[derive(Debug, clap::Args)]
pub(super) struct Features {}

impl Verb for Features {
    fn run(self, _: &Session, _: &[String]) -> Outcome {
        let flags = security::seccomp::supported_flags();
        let facts =
            spec::Facts { version: env!("CARGO_PKG_VERSION"), libseccomp: libseccomp(), seccomp_flags: &flags };
        let mut text = Vec::new();
        let mut out = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
        spec::features(&facts).serialize(&mut out).map_err(|error| Failure::of(&error))?;
        text.push(b'\n');
        print(&String::from_utf8_lossy(&text))
    }
}
