//! A command: its name, its arguments, what it does. Only the one that is called is made for clap.

use crate::arguments::{Order, split};
use crate::failure::{Failure, Outcome};
use crate::help;
use crate::print::print;
use crate::session::Session;
use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};

/// A command's options, and what it does.
pub(crate) trait Verb: clap::Args {
    /// Does it; `positional` are the arguments that are no options, as many as [`Command::count`] says.
    fn run(self, session: &Session, positional: &[String]) -> Outcome;
}

/// How many positional arguments there are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
    /// From the first to the second.
    Between(usize, usize),
}

/// A row in the table of commands.
#[derive(Debug)]
pub(crate) struct Command {
    /// The word on the command line.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// The positional arguments, for people.
    arguments: &'static str,
    count: Count,
    order: Order,
    define: fn(clap::Command) -> clap::Command,
    run: fn(&Session, &ArgMatches, &[String]) -> Outcome,
}

impl Command {
    /// A command whose options may stand anywhere.
    pub(crate) const fn new<V: Verb>(
        name: &'static str,
        about: &'static str,
        arguments: &'static str,
        count: Count,
    ) -> Self {
        Command { name, about, arguments, count, order: Order::Anywhere, define: V::augment_args, run: run::<V> }
    }

    /// The same with options before the first positional argument only.
    pub(crate) const fn options_first(mut self) -> Self {
        self.order = Order::First;
        self
    }

    /// Its options for clap.
    fn definition(&self) -> clap::Command {
        let command = clap::Command::new(self.name).no_binary_name(true);
        (self.define)(command.disable_help_flag(true).args_override_self(true))
    }

    /// Help on it, by the program's name.
    pub(crate) fn help(&self, program: &str) -> String {
        help::command(program, self.name, self.about, self.arguments, self.definition())
    }

    /// Reads the arguments after the command's name and does what they say.
    pub(crate) fn call(&self, session: &Session, arguments: &[String]) -> Outcome {
        let definition = self.definition();
        let help = || self.help(&session.program);
        let found = split(&definition, self.order, arguments).map_err(|mistake| {
            let usage = format!("Incorrect Usage: {mistake}\n\n{}", help());
            Failure::from(mistake).usage(usage)
        })?;
        if found.help {
            return print(&help());
        }
        if let Err(text) = self.count.check(found.rest.len()) {
            let text = format!("{}: {:?} {text}", session.program, self.name);
            return Err(Failure::new(text).usage(format!("Incorrect Usage.\n\n{}", help())));
        }
        let matches = definition.try_get_matches_from(&found.options).map_err(|error| {
            let text = in_gos_words(&error);
            let usage = format!("Incorrect Usage: {text}\n\n{}", help());
            Failure::new(text).usage(usage)
        })?;
        (self.run)(session, &matches, &found.rest)
    }
}

fn run<V: Verb>(session: &Session, matches: &ArgMatches, positional: &[String]) -> Outcome {
    V::from_arg_matches(matches).map_err(Failure::new)?.run(session, positional)
}

impl Count {
    fn check(self, count: usize) -> Result<(), String> {
        match self {
            Count::Exactly(wanted) if count != wanted => Err(format!("requires exactly {wanted} argument(s)")),
            Count::AtLeast(least) | Count::Between(least, _) if count < least => {
                Err(format!("requires a minimum of {least} argument(s)"))
            }
            Count::Between(_, most) if count > most => Err(format!("requires a maximum of {most} argument(s)")),
            _ => Ok(()),
        }
    }
}

/// What clap has against a value, as Go's flag package says it.
fn in_gos_words(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let name = context(ContextKind::InvalidArg).trim_start_matches('-');
    let name = name.split([' ', '=']).next().unwrap_or_default();
    let reason = std::error::Error::source(error).map_or("parse error".to_owned(), ToString::to_string);
    format!("invalid value {:?} for flag -{name}: {reason}", context(ContextKind::InvalidValue))
}
