//! `start`

use crate::command::Verb;
use crate::failure::Outcome;
use crate::session::{Session, id, path};

/// Runs the program of a created container.
#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// Write the time of each step to this file, as a trace that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<String>,
}

impl Verb for Start {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        container::start::start(&session.store()?, &id(positional)?, path(self.trace.as_ref()).as_deref())?;
        Ok(0)
    }
}
