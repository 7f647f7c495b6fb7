//! The commands.

mod control;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod kill;
mod list;
mod plan;
mod ps;
mod run;
mod spec;
mod start;
mod state;
mod update;

use crate::command::{Command, Count};
use crate::failure::{Failure, Outcome};
use crate::print::print;
use crate::session::Session;

/// What an argument that names a container is called.
const ID: &str = "<container-id>";
const ONE: Count = Count::Exactly(1);
const NONE: Count = Count::Exactly(0);

/// All there are.
const COMMANDS: &[Command] = &[
    Command::new::<create::Create>("create", "create a container", ID, ONE),
    Command::new::<delete::Delete>("delete", "delete what belongs to a container that has stopped", ID, ONE),
    Command::new::<events::Events>("events", "show statistics of a container, and when it runs out of memory", ID, ONE),
    Command::new::<exec::Exec>(
        "exec",
        "run another program in a container",
        "<container-id> <program> [arguments]  |  -p process.json <container-id>",
        Count::AtLeast(1),
    )
    .options_first(),
    Command::new::<features::Features>("features", "show what this runtime can do", "", NONE),
    Command::new::<kill::Kill>(
        "kill",
        "send a signal (TERM, if not said otherwise) to a container's init process",
        "<container-id> [signal]",
        Count::Between(1, 2),
    )
    .options_first(),
    Command::new::<list::Show>("list", "list the containers", "", NONE),
    Command::new::<control::Pause>("pause", "freeze all processes of a container", ID, ONE),
    Command::new::<plan::Plan>("plan", "show what would be done to make a container", ID, ONE),
    Command::new::<ps::Ps>("ps", "show the processes of a container", "<container-id> [ps options]", Count::AtLeast(1))
        .options_first(),
    Command::new::<control::Resume>("resume", "let a paused container go on", ID, ONE),
    Command::new::<run::Run>("run", "create a container and run its program", ID, ONE),
    Command::new::<spec::Write>("spec", "write a config.json to begin with", "", NONE),
    Command::new::<start::Start>("start", "run the program of a created container", ID, ONE),
    Command::new::<state::State>("state", "show the state of a container", ID, ONE),
    Command::new::<update::Update>("update", "change the limits of a container", ID, ONE),
];

/// Their names, and what they are about.
pub(crate) fn names() -> Vec<(&'static str, &'static str)> {
    COMMANDS.iter().map(|command| (command.name, command.about)).collect()
}

/// Calls the command of that name; `program_help` makes the help on the whole program.
pub(crate) fn call(
    name: &str,
    session: &Session,
    arguments: &[String],
    program_help: impl FnOnce() -> String,
) -> Outcome {
    match name {
        "help" | "h" => match arguments.first() {
            None => print(&program_help()),
            Some(topic) => print(&find(topic)?.help(&session.program)),
        },
        name => find(name)?.call(session, arguments),
    }
}

fn find(name: &str) -> Result<&'static Command, Failure> {
    let unknown = || Failure::new(format!("No help topic for '{name}': `help` lists the commands"));
    COMMANDS.iter().find(|command| command.name == name).ok_or_else(unknown)
}
