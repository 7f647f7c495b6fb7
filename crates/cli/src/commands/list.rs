//! `list`

use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::print::print;
use crate::session::Session;
use container::List;
use std::io::Write as _;

/// What a list looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Columns for people.
    Table,
    /// One line of JSON.
    Json,
}

impl Format {
    /// Reads `table` or `json`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "table" | "" => Ok(Format::Table),
            "json" => Ok(Format::Json),
            other => Err(Failure::new(format!("invalid format option {other:?}: table and json are known"))),
        }
    }
}

/// Lists the containers.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// table or json
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Show ids only
    #[arg(long, short)]
    quiet: bool,
}

impl Verb for Show {
    fn run(self, session: &Session, _: &[String]) -> Outcome {
        let format = Format::parse(&self.format)?;
        let store = session.store()?;
        let list = if store.exists() || session.names_root() { container::list(&store)? } else { List::default() };
        for (name, why) in &list.skipped {
            // As runc: on standard error, and not in the log.
            drop(writeln!(std::io::stderr(), "load container {name}: {why}"));
        }
        let printed = match format {
            _ if self.quiet => print(&list.ids()),
            Format::Json => print(&format!("{}\n", list.to_json())),
            Format::Table => print(&list.to_table()),
        };
        // The end of this process, which follows, gives its memory back faster.
        std::mem::forget(list);
        printed
    }
}
