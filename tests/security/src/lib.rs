//! What the tests of known ways out stand on, beside the harness of `tests/integration`: files of the host that no
//! test may change ([`Canary`]), all else of the host that no test may leave other than it was ([`HostPrint`]), and
//! containers with every right that the machine gives.
//!
//! The runtime under test is the harness's: `$RUNTIME`, else the `cofferdam` that cargo built.

pub mod attackers;
pub mod canary;
pub mod exchange;
pub mod host_print;
pub mod moments;
pub mod mounted;
pub mod mutants;
pub mod privileged;
pub mod trap;

pub use canary::Canary;
pub use host_print::HostPrint;
pub use trap::{Obstacle, Trap};

/// How often a race is run: `quick` times, or `full` times where `hack/security --full` asks for it.
pub fn rounds(quick: usize, full: usize) -> usize {
    if std::env::var_os("COFFERDAM_SECURITY_FULL").is_some() { full } else { quick }
}
