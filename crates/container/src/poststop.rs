//! The hooks of a container that is gone.

use crate::entry::Entry;
use crate::hooks;
use crate::record::Record;
use crate::state::hook_state;
use crate::status::Status;
use spec::oci::{Hook, Spec};

/// Runs the poststop hooks of a container by the config that it was made from. A hook that fails is said, and the
/// next ones run all the same: runtime-spec, runtime.md, lifecycle.
pub(crate) fn poststop(entry: &Entry, record: &Record) {
    if record.without_later_hooks {
        return;
    }
    let Ok(config) = entry.config() else { return };
    // Only a config that names such hooks is worth parsing again.
    if !config.windows(10).any(|words| words == b"\"poststop\"") {
        return;
    }
    match spec::parse_kept(&config) {
        Ok(spec) => run(of(&spec).map_or(&[], Vec::as_slice), record),
        Err(error) => tracing::warn!("poststop hooks are not run: {error}"),
    }
}

/// The poststop hooks of a config.
pub(crate) fn of(spec: &Spec) -> Option<&Vec<Hook>> {
    spec.hooks().as_ref().and_then(|hooks| hooks.poststop().as_ref())
}

/// The same, with the hooks at hand.
pub(crate) fn run(hooks: &[Hook], record: &Record) {
    if hooks.is_empty() {
        return;
    }
    let state = hook_state(record, Status::Stopped, None);
    for (index, hook) in hooks.iter().enumerate() {
        if let Err(error) = hooks::run_at("poststop", index, hook, &String::from_utf8_lossy(&state), &record.bundle) {
            tracing::warn!("{error}");
        }
    }
}
