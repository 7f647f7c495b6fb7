//! Help: what `-h` and `help` print, in the shape that runc's users know.

use clap::{Arg, ArgAction, Command};

/// What the program is, in the words that runc's users know.
const ABOUT: &str = "Open Container Initiative runtime";

/// Help on one command: its `name`, what it is `about`, its positional `arguments`, its options.
pub(crate) fn command(program: &str, name: &str, about: &str, arguments: &str, definition: Command) -> String {
    let head = format!("NAME:\n   {program} {name} - {about}\n\nUSAGE:\n   {program} {name} [options] {arguments}");
    format!("{}\n\nOPTIONS:\n{}", head.trim_end(), options(definition))
}

/// Help on the whole program: its commands with what they are about, and the options that stand before them.
pub(crate) fn program(program: &str, commands: &[(&str, &str)], globals: Command) -> String {
    let commands: Vec<_> = commands.iter().map(|(name, about)| format!("   {name:<10} {about}\n")).collect();
    let commands = commands.concat();
    format!(
        "NAME:\n   {program} - {ABOUT}\n\n\
         Cofferdam makes containers of bundles: directories with a config.json and a root file system. Docker,\n\
         containerd, CRI-O and Podman call it where they would call runc.\n\n\
         USAGE:\n   {program} [global options] command [options] [arguments]\n\n\
         COMMANDS:\n{commands}   help, h    show this, or help on a command\n\nGLOBAL OPTIONS:\n{}",
        options(globals)
    )
}

fn options(command: Command) -> String {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Show help");
    command.disable_help_flag(true).arg(help).help_template("{options}\n").render_help().to_string()
}
