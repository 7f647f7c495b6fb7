//! `pause` and `resume`

use crate::command::Verb;
use crate::failure::Outcome;
use crate::session::{Session, id};

/// Freezes all processes of a container.
#[derive(Debug, clap::Args)]
pub(super) struct Pause {}

impl Verb for Pause {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        container::pause(&session.store()?, &id(positional)?)?;
        Ok(0)
    }
}

/// Lets a paused container go on.
#[derive(Debug, clap::Args)]
pub(super) struct Resume {}

impl Verb for Resume {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        container::resume(&session.store()?, &id(positional)?)?;
        Ok(0)
    }
}
