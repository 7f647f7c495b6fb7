//! `kill`

use crate::command::Verb;
use crate::failure::Outcome;
use crate::session::{Session, id};
use container::{Signal, TERM};

/// Sends a signal to a container.
#[derive(Debug, clap::Args)]
pub(super) struct Kill {
    /// Send it to all processes of the container
    #[arg(long, short)]
    all: bool,
}

impl Verb for Kill {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let signal = positional.get(1).map_or(Ok(TERM), |signal| Signal::parse(signal))?;
        container::kill(&session.store()?, &id(positional)?, signal, self.all)?;
        Ok(0)
    }
}
