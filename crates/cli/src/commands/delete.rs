//! `delete`

use crate::command::Verb;
use crate::failure::Outcome;
use crate::session::{Session, id, path};

/// Deletes what belongs to a container.
#[derive(Debug, clap::Args)]
pub(super) struct Delete {
    /// Kill a container that runs; be content where there is none
    #[arg(long, short)]
    force: bool,
    /// Write the time of each step to this file, as a trace that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<String>,
}

impl Verb for Delete {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let trace = path(self.trace.as_ref());
        container::delete(&session.store()?, &id(positional)?, self.force, trace.as_deref())?;
        Ok(0)
    }
}
