//! How many system calls a step makes, by strace(1).

use crate::rounds::Racer;
use crate::runtime::{Runtime, Step};
use crate::sample::{Outcome, measure};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// The steps that are counted. Not `create`: strace would follow the container's init until its end.
pub(crate) const STEPS: [Step; 6] = [Step::Run, Step::Start, Step::State, Step::Exec, Step::Kill, Step::Delete];

/// Calls of the runtime and all its children. Nothing if it can't be traced.
pub(crate) fn count(strace: &Path, racer: &mut Racer, step: Step) -> io::Result<Option<u64>> {
    if step.needs_container() {
        racer.prepare(step)?;
    }
    let bundle = racer.bundle(step).to_owned();
    let counts = bundle.join("strace");
    let mut line: Vec<OsString> = [strace.as_os_str(), "-f".as_ref(), "-c".as_ref(), "-o".as_ref()]
        .into_iter()
        .chain([counts.as_os_str(), "--".as_ref()])
        .map(OsString::from)
        .collect();
    line.extend(Runtime::command(racer.runtime, step, &bundle, &[]));
    let outcome = measure(&line, &bundle.join("stderr"))?;
    racer.tidy()?;
    Ok(match outcome {
        Outcome::Ended(_) => Some(sum(&fs::read_to_string(counts)?)),
        Outcome::Failed(_) | Outcome::Hung => None,
    })
}

/// The sum of the fourth column, but of the line of sums.
fn sum(table: &str) -> u64 {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let calls = rows.filter(|row| row.last() != Some(&"total")).map(|row| row.get(3)?.parse::<u64>().ok());
    calls.flatten().sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_with_and_without_errors_count_and_their_sum_does_not() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000106          26         4           read
 40.00    0.000071          17         5         5 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.000177          19         9         5 total
";
        assert_eq!(super::sum(table), 9);
    }
}
