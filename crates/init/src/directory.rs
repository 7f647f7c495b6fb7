//! The working directory.

use crate::context::Context;
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat2};
use rustix::process::chdir;
use sys::Errno;

/// Changes to the directory that the process is to start in. Root may be refused where the payload's user is
/// not (a network file system, a directory of that user's): then the step that changes the user tries again.
pub(crate) fn working_directory<'p>(context: &mut Context<'p>, path: &'p CStr, create: bool) -> Result<(), Fault> {
    match chdir(path) {
        Ok(()) => verify(),
        Err(Errno::NOENT) if create => {
            make(path)?;
            chdir(path).map_err(|errno| Fault::call("", b"", errno))?;
            verify()
        }
        Err(Errno::ACCESS | Errno::PERM) => {
            context.directory = Some(path);
            Ok(())
        }
        // The step says it all.
        Err(errno) => Err(Fault::call("", b"", errno)),
    }
}

/// The second try.
pub(crate) fn enter(path: &CStr) -> Result<(), Fault> {
    chdir(path).map_err(|errno| refused(path, errno))?;
    verify()
}

pub(crate) fn refused(path: &CStr, errno: Errno) -> Fault {
    let mut fault = Fault::quoted(b"chdir to cwd (", path.to_bytes(), b") set in config.json failed", None);
    fault.errno = Some(errno);
    fault
}

/// Makes the directory and those above it. No magic link of procfs is followed: it could lead out through a
/// descriptor of ours.
fn make(path: &CStr) -> Result<(), Fault> {
    let fault = |errno| Fault::call("mkdir of cwd", path.to_bytes(), errno);
    let mut above = open(c"/").map_err(fault)?;
    let mut buffer: ArrayVec<u8, 4096> = ArrayVec::new();
    buffer.try_extend_from_slice(path.to_bytes_with_nul()).map_err(|_| fault(Errno::NAMETOOLONG))?;
    let mut start = 0;
    for end in 0..buffer.len() {
        let Some(byte) = buffer.get_mut(end).filter(|byte| [b'/', 0].contains(byte)) else { continue };
        let was = core::mem::replace(byte, 0);
        // The path up to here, and its last name.
        let (whole, name) = (text(&buffer, 0), text(&buffer, start));
        if !name.is_empty() {
            match mkdirat(&above, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(fault(errno)),
            }
            above = open(whole).map_err(fault)?;
        }
        if let Some(byte) = buffer.get_mut(end) {
            *byte = was;
        }
        start = end + 1;
    }
    Ok(())
}

fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
}

fn text(buffer: &[u8], start: usize) -> &CStr {
    buffer.get(start..).and_then(|text| CStr::from_bytes_until_nul(text).ok()).unwrap_or_default()
}

/// Asks the kernel whether the working directory is inside the root: a path like `/proc/self/fd/7` can lead to
/// a directory outside that somebody has left open.
pub(crate) fn verify() -> Result<(), Fault> {
    let mut buffer = [0; 4096];
    match sys::process::working_directory(&mut buffer) {
        Ok(path) if path.first() == Some(&b'/') => Ok(()),
        Ok(_) | Err(Errno::NOENT) => Err(Fault::refusal(
            "current working directory is outside of container mount namespace root -- possible container breakout \
             detected",
            b"",
        )),
        Err(errno) => Err(Fault::call("getcwd", b"", errno)),
    }
}
