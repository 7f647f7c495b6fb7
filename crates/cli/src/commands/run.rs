//! `run`

use super::create::Making;
use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::session::{Session, id};

/// Makes a container and runs its program, by default until it ends.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    #[command(flatten)]
    making: Making,
    /// Return when the program runs
    #[arg(long, short)]
    detach: bool,
    /// Keep the container when its program has ended
    #[arg(long)]
    keep: bool,
    /// Let orphans of the container go to the next subreaper above
    #[arg(long)]
    no_subreaper: bool,
}

impl Verb for Run {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let failed = |failure: Failure| failure.after(format!("{} run failed", session.program));
        let asked = || Ok((id(positional)?, self.making.request(session)?, session.new_store()?));
        let (id, request, store) = asked().map_err(failed)?;
        let status = container::run::run(&store, &id, &request, self.detach, self.keep, self.no_subreaper);
        status.map(exit_status).map_err(|error| match error.refused_program() {
            // The program's failure, not ours: told as a shell would.
            Some(sentence) => Failure::new(sentence).bare().status(255),
            None => failed(error.into()),
        })
    }
}

/// A program's exit status as ours.
pub(super) fn exit_status(status: i32) -> u8 {
    u8::try_from(status).unwrap_or(u8::MAX)
}
