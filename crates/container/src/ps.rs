//! `ps`: the processes of a container.

use crate::cgroup::Cgroup;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::store::Store;
use std::process::Command;

/// The host's numbers of all processes of a container, none where it has stopped.
///
/// # Errors
/// [`Error::NotExist`]; [`Error::Cgroup`].
pub fn pids(store: &Store, id: &ContainerId) -> Result<Vec<i32>> {
    Cgroup::of(&store.get(id)?.record()?).pids()
}

/// What the host's ps(1), run with `arguments` (`-ef` where there are none), shows of these processes: its
/// header, and each line whose PID is one of them.
///
/// # Errors
/// [`Error::Ps`]; as [`pids`].
pub fn table(store: &Store, id: &ContainerId, arguments: &[String]) -> Result<String> {
    let pids = pids(store, id)?;
    let mut ps = Command::new("ps");
    if arguments.is_empty() {
        ps.arg("-ef")
    } else {
        ps.args(arguments)
    };
    let output = ps.output().map_err(|error| Error::Ps(format!("exec: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // An error is one line.
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<_> = said.split_whitespace().collect();
        return Err(Error::Ps(format!("{}: {}", output.status, said.join(" "))));
    }
    select(&text, &pids)
}

/// The header and the lines of these processes.
fn select(text: &str, pids: &[i32]) -> Result<String> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let column = header.split_whitespace().position(|title| title == "PID");
    let column = column.ok_or_else(|| Error::Ps(format!("couldn't find PID field in ps output: {header:?}")))?;
    let mut selected = format!("{header}\n");
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let pid = line.split_whitespace().nth(column).and_then(|field| field.parse().ok());
        let pid = pid.ok_or_else(|| Error::Ps(format!("unable to parse pid: {line:?}")))?;
        if pids.contains(&pid) {
            selected.push_str(line);
            selected.push('\n');
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::select;

    #[test]
    fn lines_are_chosen_by_the_pid_column() {
        let text =
            "UID          PID    PPID CMD\nroot           1       7 init\nroot           7       1 sh -c 1 7\n\n";
        assert_eq!(select(text, &[7]).unwrap(), "UID          PID    PPID CMD\nroot           7       1 sh -c 1 7\n");
        assert_eq!(select(text, &[]).unwrap(), "UID          PID    PPID CMD\n");
        assert_eq!(select("  PID TTY\n    3 ?\n", &[3, 4]).unwrap(), "  PID TTY\n    3 ?\n");
    }

    #[test]
    fn output_without_pids_is_an_error() {
        for text in ["", "TTY CMD\n? x\n", "UID PID\nroot x\n", "UID PID\nroot\n"] {
            assert!(select(text, &[1]).unwrap_err().to_string().starts_with("ps: "), "{text:?}");
        }
    }
}
