//! `hooks`.

use super::check::Check;
use crate::error::{Fault, Quoted};
use oci_spec::runtime::{Hook, Hooks};

/// The most hooks of a kind. Each is given a state and an environment of its own: many more would take all memory.
const MOST: usize = 1024;

pub(crate) fn check(hooks: &Hooks) -> Check {
    // Deprecated, but every runtime must run it.
    #[allow(deprecated)]
    let prestart = hooks.prestart();
    let kinds = [
        ("prestart", prestart),
        ("createRuntime", hooks.create_runtime()),
        ("createContainer", hooks.create_container()),
        ("startContainer", hooks.start_container()),
        ("poststart", hooks.poststart()),
        ("poststop", hooks.poststop()),
    ];
    for (kind, hooks) in kinds {
        let count = hooks.as_ref().map_or(0, Vec::len);
        if count > MOST {
            return Err(Fault::new(format!("/hooks/{kind}"), count, "must be no more than 1024 hooks"));
        }
        for (i, hook) in hooks.iter().flatten().enumerate() {
            self::hook(hook, || format!("/hooks/{kind}/{i}"))?;
        }
    }
    Ok(())
}

fn hook(hook: &Hook, pointer: impl Fn() -> String) -> Check {
    if !hook.path().is_absolute() {
        let found = hook.path().to_string_lossy();
        return Err(Fault::new(pointer() + "/path", Quoted(&found), "must be an absolute path"));
    }
    match hook.timeout() {
        Some(timeout) if timeout <= 0 => {
            Err(Fault::new(pointer() + "/timeout", timeout, "must be a number of seconds above 0")
                .hint("leave it out for no time limit"))
        }
        _ => Ok(()),
    }
}
