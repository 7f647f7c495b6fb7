//! The command line of Cofferdam: arguments in, text or JSON out.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), no_main)]

mod arguments;
mod command;
mod commands;
mod duration;
mod failure;
mod help;
mod log;
mod print;
mod session;
mod version;

use arguments::{Order, split};
use clap::Args as _;
use failure::{Failure, Outcome};
use print::print;
use session::{Global, Session};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

#[cfg(not(test))]
sys::main!(run);
#[cfg(wrapped_start)]
sys::start_glibc!();

/// Does what the arguments say; the exit status.
#[cfg_attr(test, allow(dead_code))]
fn run(arguments: Vec<OsString>) -> u8 {
    let mut arguments = arguments.into_iter();
    let program = name(arguments.next().as_ref());
    let mut log_is_file = false;
    let outcome = call(program, arguments, &mut log_is_file);
    outcome.unwrap_or_else(|failure| report(&failure, log_is_file))
}

/// The name that the program was called by; `cofferdam` where there is none.
fn name(first: Option<&OsString>) -> String {
    let name = first.and_then(|path| Path::new(path).file_name());
    name.map_or_else(|| "cofferdam".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Reads the options before the command, and calls it.
fn call(program: String, arguments: impl Iterator<Item = OsString>, log_is_file: &mut bool) -> Outcome {
    let arguments = arguments.map(text).collect::<Result<Vec<_>, _>>()?;
    let globals = || Global::augment_args(clap::Command::new("cofferdam").no_binary_name(true)).disable_help_flag(true);
    let help = |program: &str| help::program(program, &commands::names(), globals());
    let found = split(&globals(), Order::First, &arguments).map_err(|mistake| {
        let usage = format!("Incorrect Usage: {mistake}\n\n{}", help(&program));
        Failure::from(mistake).usage(usage)
    })?;
    let matches = globals().args_override_self(true).try_get_matches_from(&found.options).map_err(Failure::new)?;
    let session = Session::new(program, &matches)?;
    if session.global().version {
        return print(&version::version(&session.program));
    }
    let (log, valid) = session.log();
    *log_is_file = log.is_file();
    // Fails only where there is one already.
    drop(tracing::subscriber::set_global_default(log));
    valid?;
    match found.rest.split_first() {
        Some((name, rest)) if !found.help => commands::call(name, &session, rest, || help(&session.program)),
        _ => print(&help(&session.program)),
    }
}

fn text(argument: OsString) -> Result<String, Failure> {
    argument
        .into_string()
        .map_err(|argument| Failure::new(format!("the argument {:?} is not UTF-8", argument.to_string_lossy())))
}

/// Says why a command failed: help on standard output for who got the arguments wrong, one record in the log,
/// and the text on standard error for the engines that read that.
fn report(failure: &Failure, log_is_file: bool) -> u8 {
    if let Some(help) = failure.help() {
        drop(std::io::stdout().write_all(help.as_bytes()));
    }
    let line_only = failure.is_bare() && !log_is_file;
    if !line_only {
        tracing::error!(pointer = failure.pointer(), "{failure}");
    }
    if line_only || log_is_file || !tracing::dispatcher::has_been_set() {
        drop(writeln!(std::io::stderr(), "{failure}"));
    }
    failure.exit_status()
}
