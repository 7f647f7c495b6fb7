//! Help and version: what `-h`, `help` and `--version` print.

use crate::command::Command;
use crate::commands::COMMANDS;
use crate::failure::{Failure, Outcome};
use std::io::Write as _;

/// What the program is, in the words that runc's users know.
const ABOUT: &str = "Open Container Initiative runtime";

/// Help on one command.
pub(crate) fn command(program: &str, command: &Command) -> String {
    let Command { name, about, arguments, .. } = command;
    let head = format!("NAME:\n   {program} {name} - {about}\n\nUSAGE:\n   {program} {name} [options] {arguments}");
    format!("{}\n\nOPTIONS:\n{}", head.trim_end(), options(command.definition()))
}

/// Help on the whole program.
pub(crate) fn program(program: &str, globals: clap::Command) -> String {
    let row = |command: &Command| format!("   {:<10} {}\n", command.name, command.about);
    let commands: String = COMMANDS.iter().map(row).collect();
    format!(
        "NAME:\n   {program} - {ABOUT}\n\n\
         Cofferdam makes containers of bundles: directories with a config.json and a root file system. Docker,\n\
         containerd, CRI-O and Podman call it where they would call runc.\n\n\
         USAGE:\n   {program} [global options] command [options] [arguments]\n\n\
         COMMANDS:\n{commands}   help, h    show this, or help on a command\n\nGLOBAL OPTIONS:\n{}",
        options(globals)
    )
}

fn options(command: clap::Command) -> String {
    let help = clap::Arg::new("help").short('h').long("help").action(clap::ArgAction::Help).help("Show help");
    command.disable_help_flag(true).arg(help).help_template("{options}\n").render_help().to_string()
}

/// The version, an item a line. Engines look for the one line that has the word `version`, and take what is
/// before it as the name, what is after it as the version.
pub(crate) fn version() -> String {
    let commit = option_env!("COFFERDAM_COMMIT").map(|commit| format!("commit: {commit}\n")).unwrap_or_default();
    let (major, minor, micro) = libseccomp();
    format!(
        "cofferdam version {}\n{commit}spec: {}\nlibseccomp: {major}.{minor}.{micro}\n",
        env!("CARGO_PKG_VERSION"),
        spec::OCI_VERSION
    )
}

/// The version of libseccomp that is linked.
pub(crate) fn libseccomp() -> (u32, u32, u32) {
    libseccomp::ScmpVersion::current().map_or((0, 0, 0), |version| (version.major, version.minor, version.micro))
}

/// Prints text, and that is all there is to do.
pub(crate) fn print(text: &str) -> Outcome {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| Failure::of(&error).after("write to standard output"))?;
    Ok(0)
}
