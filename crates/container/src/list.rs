//! `list`: all containers of a state directory.

use crate::error::{Error, Result};
use crate::glance::Glances;
use crate::id::ContainerId;
use crate::names::Names;
use crate::passwd::user_name;
use crate::state::State;
use crate::store::Store;
use cgroups::Freezers;
use nix::sched::{CloneFlags, unshare};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use std::collections::BTreeMap;
use std::thread::{Builder, scope, yield_now};

/// With fewer containers a thread costs more than it saves.
const WORTH_A_THREAD: usize = 100;
/// More threads wait for each other in the kernel.
const MOST_THREADS: usize = 4;
/// The stack of a thread, bytes: what a state file of deep nesting takes to be skipped, and then some.
const STACK: usize = 512 << 10;

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
    let names = store.names()?;
    let freezers = Freezers::open();
    let look = || look(store, &freezers, &names);
    let processors = Processors::for_containers(names.count());
    let looked: Result<List> = scope(|scope| {
        let begin = |_| {
            let away = || {
                processors.leave_the_first();
                // With a table of its own, no use of a descriptor need be counted.
                unshare(CloneFlags::CLONE_FILES).ok();
                look()
            };
            // Where there may be no more threads, there are fewer.
            Builder::new().stack_size(STACK).spawn_scoped(scope, away).ok()
        };
        let others: Vec<_> = (1..processors.count).filter_map(begin).collect();
        // They go now.
        yield_now();
        let mut list = look()?;
        for other in others.into_iter().filter_map(|thread| thread.join().ok()) {
            let other = other?;
            list.containers.extend(other.containers);
            list.skipped.extend(other.skipped);
        }
        Ok(list)
    });
    let mut list = looked?;
    list.containers.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    list.skipped.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(list)
}

/// The processors that a list is made on: nearly all that it takes is the time of the kernel, which each has for itself.
struct Processors {
    count: usize,
    /// All but that of the first thread.
    others: CpuSet,
}

impl Processors {
    fn for_containers(count: usize) -> Self {
        let most = (count / WORTH_A_THREAD).min(MOST_THREADS);
        if most < 2 {
            return Processors { count: 1, others: CpuSet::new() };
        }
        let mut others = sched_getaffinity(None).unwrap_or_default();
        let count = most.min(others.count() as usize);
        others.unset(sched_getcpu());
        Processors { count, others }
    }

    /// Takes this thread away from the first one's processor. The kernel often begins a thread where it was made, and
    /// leaves it there for milliseconds while others have nothing to do.
    fn leave_the_first(&self) {
        // Where that is not allowed, the list takes longer.
        sched_setaffinity(None, &self.others).ok();
    }
}

/// Looks at the containers that no other thread looks at.
fn look(store: &Store, freezers: &Freezers, names: &Names) -> Result<List> {
    let mut glances = store.dir().map(|root| Glances::new(root, freezers));
    let mut owners = BTreeMap::new();
    let mut list = List::default();
    names.take(|name| match load(store, glances.as_mut(), name) {
        Ok(Some((mut state, uid))) => {
            state.owner.clone_from(owners.entry(uid).or_insert_with(|| user_name(uid)));
            list.containers.push(state);
        }
        Ok(None) => {}
        Err(error) => list.skipped.push((name.to_owned(), error)),
    })?;
    Ok(list)
}

/// The state of one container, and its owner; None where it has just gone, or has just begun to be made.
fn load(store: &Store, glances: Option<&mut Glances<'_>>, name: &str) -> Result<Option<(State, u32)>> {
    let id = ContainerId::parse(name)?;
    if let Some(seen) = glances.and_then(|glances| glances.at(&id)) {
        return Ok(Some(seen));
    }
    let entry = match store.get(&id) {
        Err(Error::NotExist(_)) => return Ok(None),
        entry => entry?,
    };
    let state = match State::of(&entry) {
        Err(Error::NotExist(_)) if entry.is_gone()? || entry.is_busy()? => return Ok(None),
        state => state?,
    };
    Ok(Some((state, entry.owner()?)))
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
        const HEADER: [&str; 6] = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
        let mut widths = [9; 6];
        self.rows(|row| {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        });
        let mut text = Vec::new();
        let mut write = |row: [&str; 6]| {
            let [cells @ .., last] = row;
            for (cell, width) in cells.iter().zip(widths) {
                text.extend_from_slice(cell.as_bytes());
                text.resize(text.len() + width + 3 - cell.chars().count(), b' ');
            }
            text.extend_from_slice(last.as_bytes());
            text.push(b'\n');
        };
        write(HEADER);
        self.rows(write);
        // Of strings and blanks.
        String::from_utf8(text).unwrap_or_default()
    }

    /// Hands over the cells of each row.
    fn rows(&self, mut row: impl FnMut([&str; 6])) {
        for state in &self.containers {
            let (pid, bundle) = (state.pid.to_string(), state.bundle.to_string_lossy());
            row([&state.id, &pid, state.status.as_str(), &bundle, &state.created, &state.owner]);
        }
    }
}
