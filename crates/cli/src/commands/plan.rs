//! `plan`

use super::create::bundle;
use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::print::print;
use crate::session::{Session, id};
use container::create::Request;

/// Shows what would be done to make a container, and does nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    /// The bundle [default: the working directory]
    #[arg(long, short, value_name = "DIR")]
    bundle: Option<String>,
    /// text or json
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    format: String,
}

impl Verb for Plan {
    fn run(self, session: &Session, positional: &[String]) -> Outcome {
        let json = match self.format.as_str() {
            "text" | "" => false,
            "json" => true,
            other => return Err(Failure::new(format!("invalid format option {other:?}: text and json are known"))),
        };
        let request = Request {
            bundle: bundle(self.bundle.as_ref())?,
            systemd_cgroup: session.global().systemd_cgroup,
            ..Request::default()
        };
        print(&container::plan::describe(&request, &id(positional)?, json)?)
    }
}
