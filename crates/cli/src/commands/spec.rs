//! `spec`

use super::create::bundle;
use crate::command::Verb;
use crate::failure::{Failure, Outcome};
use crate::session::Session;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

/// Writes a config.json to begin with.
#[derive(Debug, clap::Args)]
pub(super) struct Write {
    /// The bundle [default: the working directory]
    #[arg(long, short, value_name = "DIR")]
    bundle: Option<String>,
    /// For a user without privileges
    #[arg(long)]
    rootless: bool,
}

impl Verb for Write {
    fn run(self, _: &Session, _: &[String]) -> Outcome {
        let path = bundle(self.bundle.as_ref())?.join("config.json");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o666).open(&path);
        let written = file.and_then(|mut file| file.write_all(spec::default_config(self.rootless).as_bytes()));
        match written {
            Ok(()) => Ok(0),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(Failure::new("File config.json exists. Remove it first"))
            }
            Err(error) => Err(Failure::of(&error).after(format!("write {}", path.display()))),
        }
    }
}
