//! Time namespaces: see time_namespaces(7); Linux 5.6.

use crate::error::Error;
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use spec::oci::Spec;
use sys::Errno;
use sys::namespace::CLONE_NEWTIME;

/// How far the clocks of a new time namespace are from the host's: the lines of `timens_offsets`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Offsets(String);

impl Offsets {
    /// Reads `/linux/timeOffsets`.
    pub fn new(spec: &Spec) -> Self {
        let offsets = spec.linux().iter().filter_map(|linux| linux.time_offsets().as_ref()).flatten();
        let lines = offsets.map(|(clock, offset)| {
            format!("{clock} {} {}\n", offset.secs().unwrap_or(0), offset.nanosecs().unwrap_or(0))
        });
        Offsets(lines.collect())
    }

    /// Makes a time namespace for the children of this process, with these offsets. They must be written before
    /// the first process enters.
    ///
    /// # Errors
    /// Where the kernel has no time namespaces or refuses an offset.
    pub fn make(&self) -> Result<(), Error> {
        self.unshare().map_err(|(act, errno)| Error::Time { act, errno })
    }

    /// The same for this process itself, which has one thread.
    ///
    /// # Errors
    /// What could not be done, and the kernel's answer.
    pub fn enter(&self) -> Result<(), (&'static str, Errno)> {
        self.unshare()?;
        let failed = |errno| ("enter the new time namespace", errno);
        let made = rustix::fs::open("/proc/self/ns/time_for_children", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        sys::namespace::enter(made.map_err(failed)?.as_fd(), CLONE_NEWTIME).map_err(failed)
    }

    fn unshare(&self) -> Result<(), (&'static str, Errno)> {
        sys::namespace::make(CLONE_NEWTIME).map_err(|errno| ("make a time namespace", errno))?;
        if self.0.is_empty() {
            return Ok(());
        }
        let failed = |errno| ("write /proc/self/timens_offsets", errno);
        let to = rustix::fs::open("/proc/self/timens_offsets", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
        rustix::io::write(to.map_err(failed)?, self.0.as_bytes()).map_err(failed)?;
        Ok(())
    }
}
