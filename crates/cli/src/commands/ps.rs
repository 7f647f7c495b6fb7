//! `ps`

use super::list::Format;
use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::print::print;
use crate::session::{Session, id};

/// Shows the processes of a container.
#[derive(Debug, clap::Args)]
pub(super) struct Ps {
    /// table (what ps prints) or json (process ids)
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    format: String,
}

impl Verb for Ps {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let format = Format::parse(&self.format)?;
        let (store, id) = (session.store()?, id(positional)?);
        match format {
            Format::Table => print(&container::ps::table(&store, &id, positional.get(1..).unwrap_or_default())?),
            Format::Json => {
                let pids = serde_json::to_string(&container::ps::pids(&store, &id)?);
                print(&format!("{}\n", pids.map_err(|error| Failure::of(&error))?))
            }
        }
    }
}
