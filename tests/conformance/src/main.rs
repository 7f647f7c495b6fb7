//! The runtime specification, row by row: each row is a rule and a function that looks whether it holds, from inside
//! a container and from the host.
//!
//! `RUNTIME=PATH` names the runtime, else it is Cofferdam. What another one is known to do otherwise is listed in
//! `differences.rs`. `REPORT=FILE` adds a line of JSON a row to a file, of which `hack/compare` makes pages.

mod choices;
mod differences;
mod report;
mod rows;
mod runtime;
mod verdict;

use libtest_mimic::{Arguments, Trial};

fn main() {
    verdict::keep_panics_to_ourselves();
    let rows = rows::all().map(|row| Trial::test(row.name(), move || verdict::of(row)));
    libtest_mimic::run(&Arguments::from_args(), rows.chain(choices::trials()).collect()).exit();
}
