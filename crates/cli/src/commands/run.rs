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
        let run = || {
            let (id, request) = (id(positional)?, self.making.request(session)?);
            let store = session.new_store()?;
            Ok(container::run::run(&store, &id, &request, self.detach, self.keep, self.no_subreaper)?)
        };
        let status: Result<i32, Failure> = run();
        status.map(exit_status).map_err(|failure| failure.after(format!("{} run failed", session.program)))
    }
}

/// A program's exit status as ours.
pub(super) fn exit_status(status: i32) -> u8 {
    u8::try_from(status).unwrap_or(u8::MAX)
}
