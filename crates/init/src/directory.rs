//! The working directory.

use crate::context::Context;
use crate::fault::Fault;
use crate::root::beneath;
use core::ffi::CStr;
use rustix::process::chdir;
use sys::Errno;

/// Changes to the directory that the process is to start in. Root may be refused where the payload's user is
/// not (a network file system, a directory of that user's): then the step that changes the user tries again. Whether it
/// is inside the root is asked before the program is looked up: [`verify`].
pub(crate) fn working_directory<'p>(context: &mut Context<'p>, path: &'p CStr, create: bool) -> Result<(), Fault> {
    match chdir(path) {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) if create => {
            make(context, path)?;
            chdir(path).map_err(|errno| Fault::call("", b"", errno))
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
    chdir(path).map_err(|errno| refused(path, errno))
}

pub(crate) fn refused(path: &CStr, errno: Errno) -> Fault {
    let mut fault = Fault::quoted(b"chdir to cwd (", path.to_bytes(), b") set in config.json failed", None);
    fault.errno = Some(errno);
    fault
}

/// Makes the directory and those above it, by descriptors: no magic link of procfs is followed, which could lead
/// out through a descriptor of ours.
fn make(context: &Context<'_>, path: &CStr) -> Result<(), Fault> {
    context.beneath(|root| beneath::make_directory(root, path))?
}

/// Asks the kernel whether the working directory is inside the root: a path like `/proc/self/fd/7` can lead to
/// a directory outside that somebody has left open.
#[inline(never)]
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
