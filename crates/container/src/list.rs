//! `list`: all containers of a state directory.

use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::passwd::user_name;
use crate::state::State;
use crate::store::Store;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a state directory holds.
#[derive(Debug, Default)]
pub struct List {
    /// The containers, by id.
    pub containers: Vec<State>,
    /// Directories that are no containers of ours, and why: others may live there too.
    pub skipped: Vec<(String, Error)>,
}

/// Looks at every container. One that goes meanwhile is left out.
///
/// # Errors
/// [`Error::NoRoot`] where the state directory is missing (for the default one, that is an empty list).
pub fn list(store: &Store) -> Result<List> {
    let mut list = List::default();
    let mut owners = BTreeMap::new();
    for name in store.names()? {
        match load(store, &name, &mut owners) {
            Ok(Some(state)) => list.containers.push(state),
            Ok(None) => {}
            Err(error) => list.skipped.push((name, error)),
        }
    }
    Ok(list)
}

/// The state of one container; None where it has just gone, or has just begun to be made.
fn load(store: &Store, name: &str, owners: &mut BTreeMap<u32, String>) -> Result<Option<State>> {
    let entry = match store.get(&ContainerId::parse(name)?) {
        Err(Error::NotExist(_)) => return Ok(None),
        entry => entry?,
    };
    let state = match State::of(&entry) {
        Err(Error::NotExist(_)) if entry.is_gone()? || entry.is_busy()? => return Ok(None),
        state => state?,
    };
    let uid = entry.owner()?;
    let owner = owners.entry(uid).or_insert_with(|| user_name(uid));
    Ok(Some(State { owner: owner.clone(), ..state }))
}

impl List {
    /// One line of JSON, without a newline; `null` where there is no container.
    pub fn to_json(&self) -> String {
        if self.containers.is_empty() {
            return "null".to_owned();
        }
        serde_json::to_string(&self.containers).unwrap_or_default()
    }

    /// The ids, a line each.
    pub fn ids(&self) -> String {
        self.containers.iter().fold(String::new(), |mut text, state| {
            text.push_str(&state.id);
            text.push('\n');
            text
        })
    }

    /// A table with a header: columns at least 12 wide, 3 apart.
    pub fn to_table(&self) -> String {
        let header = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
        let rows = self.containers.iter().map(|state| {
            [
                state.id.clone(),
                state.pid.to_string(),
                state.status.to_string(),
                state.bundle.display().to_string(),
                state.created.clone(),
                state.owner.clone(),
            ]
        });
        let rows: Vec<[String; 6]> = std::iter::once(header).chain(rows).collect();
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let mut text = String::new();
        for row in &rows {
            let [cells @ .., last] = row;
            for (column, cell) in cells.iter().enumerate() {
                let width = (width(column).unwrap_or(0) + 3).max(12);
                // Writing to a String does not fail.
                let _written = write!(text, "{cell:width$}");
            }
            text.push_str(last);
            text.push('\n');
        }
        text
    }
}
