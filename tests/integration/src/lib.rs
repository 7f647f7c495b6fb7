//! What the tests of the real binary stand on: bundles, calls of the runtime, the probe's view from inside a
//! container, and what the host keeps of it.
//!
//! The runtime under test is `$RUNTIME` (any program with runc's command line), else the `cofferdam` that
//! cargo built beside the tests.

pub mod attempt;
pub mod bundle;
pub mod call;
pub mod device;
pub mod footprint;
pub mod host;
pub mod programs;
pub mod strace;
pub mod terminal;
pub mod view;

pub use attempt::{eventually, until};
pub use bundle::Bundle;
pub use call::{Call, Outcome};
pub use device::Device;

/// Ends a test that this machine can't run, and says why; `hack/test` counts these lines.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        $crate::host::say_skipped(&format!($($reason)*));
        return;
    }};
}

/// Skips a test that needs root.
#[macro_export]
macro_rules! need_root {
    () => {
        if !$crate::host::is_root() {
            $crate::skip!("needs root");
        }
    };
}

/// Skips a test of what runc, as a stand-in for Cofferdam, does otherwise.
#[macro_export]
macro_rules! need_cofferdam {
    ($($reason:tt)*) => {
        if !$crate::programs::is_cofferdam() {
            $crate::skip!("not this runtime's: {}", format!($($reason)*));
        }
    };
}
