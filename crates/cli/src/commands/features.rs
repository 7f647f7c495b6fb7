//! `features`

use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::print::print;
use crate::session::Session;
use crate::version::libseccomp;
use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The filter flags that are handed to the kernel; the youngest is of Linux 5.19.
const SECCOMP_FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

/// Shows what this runtime can do.
#[derive(Debug, clap::Args)]
pub(super) struct Features {}

impl Verb for Features {
    fn run(self, _: &Session, _: &[String]) -> Outcome {
        let facts =
            spec::Facts { version: env!("CARGO_PKG_VERSION"), libseccomp: libseccomp(), seccomp_flags: &SECCOMP_FLAGS };
        let mut text = Vec::new();
        let mut out = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
        spec::features(&facts).serialize(&mut out).map_err(|error| Failure::of(&error))?;
        text.push(b'\n');
        print(&String::from_utf8_lossy(&text))
    }
}
