//! `events`

use crate::command::Verb;
use crate::duration;
use crate::failure::{Failure, Outcome};
use crate::print::print;
use crate::session::{Session, id};
use std::time::Duration;

/// Shows statistics of a container, again and again.
#[derive(Debug, clap::Args)]
pub(super) struct Events {
    /// How often
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    interval: Duration,
    /// Show statistics once
    #[arg(long)]
    stats: bool,
}

impl Verb for Events {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        if self.interval.is_zero() {
            return Err(Failure::new("the interval must be greater than 0"));
        }
        let (store, id) = (session.store()?, id(positional)?);
        if self.stats {
            return print(&format!("{}\n", container::events::stats(&store, &id)?));
        }
        container::events::stream(&store, &id, self.interval, &mut std::io::stdout())?;
        Ok(0)
    }
}
