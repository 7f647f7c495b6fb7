//! The two files that init is born from: its program and its plan, both in memory.

use crate::error::Error;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create};
use sys::Errno;

/// The init stage, built by this crate's build script.
static PROGRAM: &[u8] = include_bytes!(env!("COFFERDAM_INIT"));

/// The init stage as a sealed file. It is the only program of ours that a container can see, and nobody can ever
/// write to it (CVE-2019-5736): the file on disk is not even mapped in the container.
///
/// It may be executed but not read. So the kernel keeps a process that runs it from being traced from its first
/// instruction on, if that process gave up the right to read anything ([`crate::birth`]): see `would_dump` in the
/// kernel's fs/exec.c.
pub(crate) fn program() -> Result<OwnedFd, Error> {
    let file = memory(c"cofferdam-init", PROGRAM)?;
    fchmod(&file, Mode::from_raw_mode(0o111)).map_err(failed)?;
    Ok(file)
}

/// The plan as a sealed file, which init maps.
pub(crate) fn plan(bytes: &[u8]) -> Result<OwnedFd, Error> {
    memory(c"cofferdam-plan", bytes)
}

fn memory(name: &std::ffi::CStr, bytes: &[u8]) -> Result<OwnedFd, Error> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels with vm.memfd_noexec want to be told that the file is to be executed; older ones know no such flag.
    let file = match memfd_create(name, flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    }
    .map_err(failed)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = rustix::io::write(file.as_fd(), rest).map_err(failed)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).map_err(failed)?;
    Ok(file)
}

fn failed(errno: Errno) -> Error {
    Error::Call { act: "make a sealed file in memory", object: "init".into(), errno }
}
