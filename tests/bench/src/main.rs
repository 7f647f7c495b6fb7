//! Cofferdam beside other runtimes and the floor. `hack/bench` calls it:
//!
//! - `cofferdam-bench measure FOLDER TAG full|quick|phases NAME=PROGRAM...` measures, where cgroups are mounted in the
//!   one way or the other, and stores the figures in FOLDER. FOLDER has `rootfs`, a root file system, and `state`, for
//!   the runtimes; containers' ids and cgroups begin with TAG.
//! - `cofferdam-bench page FOLDER NAME...` prints the page and writes its chart to FOLDER.
//! - `cofferdam-bench check FOLDER` fails where a change has made something worse.

mod bounds;
mod bundle;
mod chart;
mod counts;
mod figures;
mod growth;
mod layout;
mod lists;
mod machine;
mod measure;
mod memory;
mod phases;
mod report;
mod rounds;
mod runtime;
mod sample;
mod standing;

use figures::Figures;
use layout::Layout;
use measure::{Bench, Extent};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["measure", folder, tag, extent, programs @ ..] => measure(Path::new(folder), tag, extent, programs),
        ["page", folder, runtimes @ ..] => page(Path::new(folder), runtimes),
        ["check", folder] => check(Path::new(folder)),
        _ => Err("usage: cofferdam-bench measure|page|check FOLDER ...".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(folder: &Path, tag: &str, extent: &str, programs: &[&str]) -> Result<bool, Box<dyn Error>> {
    let pairs = programs.iter().map(|pair| pair.split_once('=').map(|(name, path)| (name, Path::new(path))));
    let programs: Option<Vec<_>> = pairs.collect();
    let bench = Bench {
        folder: folder.to_owned(),
        tag,
        layout: Layout::here(),
        extent: Extent::named(extent).ok_or("there is no such extent")?,
        begin: Instant::now(),
        programs: programs.ok_or("programs are named NAME=PROGRAM")?,
    };
    bench.measure()?;
    Ok(true)
}

/// What was stored of either layout.
fn load(folder: &Path) -> Result<Figures, Box<dyn Error>> {
    let mut figures = Figures::default();
    for layout in ["v1", "v2"] {
        let file = folder.join(layout).with_extension("json");
        if file.exists() {
            figures.load(&file)?;
        }
    }
    Ok(figures)
}

fn page(folder: &Path, runtimes: &[&str]) -> Result<bool, Box<dyn Error>> {
    let figures = load(folder)?;
    let runtimes: Vec<String> = runtimes.iter().map(ToString::to_string).collect();
    print!("{}", report::page(&figures, &runtimes));
    let layout = if figures.words("v2/about").is_some() { "v2" } else { "v1" };
    fs::write(folder.join("performance.svg"), chart::draw(&figures, layout, "docker", &runtimes))?;
    Ok(true)
}

fn check(folder: &Path) -> Result<bool, Box<dyn Error>> {
    let (text, held) = report::check(bounds::CHECKS, &load(folder)?);
    print!("{text}");
    Ok(held)
}
