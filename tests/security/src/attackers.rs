//! Programs that attack from inside a container, each of which tells in a log what it got, and a caller that leaks.

use harness::{Bundle, Call, eventually, programs};
use serde_json::Value;
use std::fs;

/// Tries to get hold of the executables of all processes that it sees, so that it can write to them.
pub const ATTACK: Attacker = Attacker { name: "attack", source: include_str!("attack.c") };

/// Tries to look into all processes that it sees before they are the container's own.
pub const SPY: Attacker = Attacker { name: "spy", source: include_str!("spy.c") };

/// A hook's program, which writes down what it finds itself with.
pub const HOOK: &str = include_str!("hook.c");

/// An attacker: `/NAME`, which tells what it got in `/NAME.log`, always whole, as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Attacker {
    /// Of its program.
    pub name: &'static str,
    source: &'static str,
}

impl Attacker {
    /// Puts it into a bundle.
    pub fn plant(self, bundle: &Bundle) {
        programs::copy(&programs::compiled(self.name, self.source), &bundle.rootfs(self.name));
    }

    /// Waits until it is at work.
    #[track_caller]
    pub fn wait(self, bundle: &Bundle) {
        eventually("the attacker is at work", || bundle.rootfs(&format!("{}.log", self.name)).exists());
    }

    /// What it tells.
    #[track_caller]
    pub fn log(self, bundle: &Bundle) -> Value {
        let text = fs::read_to_string(bundle.rootfs(&format!("{}.log", self.name))).expect("the attacker's log");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// A call of the runtime whose caller leaks descriptors of the host of all kinds, from 3 to 40.
pub fn leaking(bundle: &Bundle, arguments: &[&str]) -> Call {
    let (leak, runtime) = (programs::compiled("leak", include_str!("leak.c")), programs::runtime());
    Call::new(&leak, bundle.folder())
        .args([runtime.as_os_str(), "--root".as_ref(), bundle.state_folder().as_os_str()])
        .args(arguments)
        .cwd(bundle.folder())
        .env("COFFERDAM_TEST", bundle.tag())
}
