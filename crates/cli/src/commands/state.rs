//! `state`

use crate::command::Verb;
use crate::failure::Outcome;
use crate::print::print;
use crate::session::{Session, id};

/// Shows the state of a container.
#[derive(Debug, clap::Args)]
pub(super) struct State {}

impl Verb for State {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        print(&container::state(&session.store()?, &id(positional)?)?.to_json())
    }
}
