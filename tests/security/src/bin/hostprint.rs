//! `hostprint FILE` writes down what the host keeps; `hostprint FILE compare` tells what has changed since, for good.

use rig::HostPrint;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [file] => std::fs::write(file, HostPrint::whole().text()).map(|()| Vec::new()),
        [file, "compare"] => {
            std::fs::read_to_string(file).map(|text| HostPrint::parse(&text).lasting_changes(Duration::from_secs(5)))
        }
        _ => return usage(),
    };
    match outcome {
        Ok(changes) if changes.is_empty() => ExitCode::SUCCESS,
        Ok(changes) => {
            println!("changed on the host:\n{}", changes.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("hostprint: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: hostprint FILE [compare]");
    ExitCode::FAILURE
}
