//! Seccomp filters.

use crate::error::Error;
use plan::{Bytes, Step, Writer};
use spec::oci::LinuxSeccomp;

/// A compiled filter.
#[derive(Debug, Clone)]
pub struct Filter {
    /// `struct sock_filter`s.
    pub program: Vec<u8>,
    /// `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
    /// Some calls are put to an agent.
    pub notify: bool,
    /// What is not an error but that a person should know.
    pub warnings: Vec<String>,
}

impl Filter {
    /// Adds the step that installs it.
    pub fn push(&self, to: &mut Writer) {
        let seccomp = plan::Seccomp { program: Bytes(&self.program), flags: self.flags, notify: self.notify };
        to.push("/linux/seccomp", Step::Seccomp(seccomp));
    }
}

/// Compiles a section: on its way.
///
/// # Errors
/// Always, for now.
pub fn compile(_: &LinuxSeccomp) -> Result<Filter, Error> {
    Err(Error::value("/linux/seccomp", "is not supported yet"))
}
