//! The file that init is born from: its program and the beginning of its plan, in memory.

use crate::error::Error;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create};
use std::io::IoSlice;
use sys::Errno;

/// The init stage, built by this crate's build script.
static PROGRAM: &[u8] = include_bytes!(env!("COFFERDAM_INIT"));

/// Where init finds its plan in its memory, and how long it is.
pub(crate) struct Mapped {
    pub(crate) address: usize,
    pub(crate) length: usize,
}

/// The init stage as a sealed file. It is the only program of ours that a container can see, and nobody can ever
/// write to it (CVE-2019-5736): the file on disk is not even mapped in the container.
///
/// It may be executed but not read. So the kernel keeps a process that runs it from being traced from its first
/// instruction on, if that process gave up the right to read anything ([`crate::birth`]): see `would_dump` in the
/// kernel's fs/exec.c.
///
/// The beginning of the plan is a segment of the program, so that the kernel maps it when it executes the file.
pub(crate) fn program(plan: &[u8]) -> Result<(OwnedFd, Mapped), Error> {
    let (headers, address) = with_segment(PROGRAM, plan.len()).ok_or_else(|| failed(Errno::NOEXEC))?;
    let mapped = Mapped { address, length: plan.len() };
    let rest = PROGRAM.get(headers.len()..).unwrap_or_default();
    let file = memory(c"cofferdam-init", [&headers, rest, plan])?;
    fchmod(&file, Mode::from_raw_mode(0o111)).map_err(failed)?;
    Ok((file, mapped))
}

/// The headers of a program with so many bytes that follow it as one more segment, in the place of `PT_PHDR`, which only a
/// dynamic linker would look for: elf(5). And where it is in memory: behind the others, for the same table of pages.
fn with_segment(program: &[u8], length: usize) -> Option<(Vec<u8>, usize)> {
    /// A segment is as far into a page of memory as into one of the file, however large pages are here.
    const PAGE: usize = 0x1_0000;
    const TABLE: usize = 64;
    const ENTRY: usize = 56;
    const PT_LOAD: u32 = 1;
    const PT_PHDR: u32 = 6;
    const READABLE: u32 = 4;
    let count = usize::from(u16::from_le_bytes(program.get(56..58)?.try_into().ok()?));
    let mut headers = program.get(..TABLE + count * ENTRY)?.to_vec();
    let word = |bytes: &[u8], at: usize| Some(usize::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let loaded = headers.get(TABLE..)?.chunks_exact(ENTRY).filter(|entry| entry.starts_with(&PT_LOAD.to_le_bytes()));
    let end = loaded.filter_map(|entry| word(entry, 16)?.checked_add(word(entry, 40)?)).max()?;
    let address = end.next_multiple_of(PAGE) + program.len() % PAGE;
    let entry =
        headers.get_mut(TABLE..)?.chunks_exact_mut(ENTRY).find(|entry| entry.starts_with(&PT_PHDR.to_le_bytes()))?;
    let words = [program.len(), address, address, length, length, 0x1000].map(usize::to_le_bytes);
    let segment = [PT_LOAD.to_le_bytes(), READABLE.to_le_bytes()].concat();
    entry.copy_from_slice(&[segment.as_slice(), words.as_flattened()].concat());
    Some((headers, address))
}

fn memory(name: &std::ffi::CStr, parts: [&[u8]; 3]) -> Result<OwnedFd, Error> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels with vm.memfd_noexec want to be told that the file is to be executed; older ones know no such flag.
    let file = match memfd_create(name, flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    }
    .map_err(failed)?;
    let written = rustix::io::writev(file.as_fd(), &parts.map(IoSlice::new)).map_err(failed)?;
    if written != parts.iter().map(|part| part.len()).sum::<usize>() {
        return Err(failed(Errno::NOMEM));
    }
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).map_err(failed)?;
    Ok(file)
}

fn failed(errno: Errno) -> Error {
    Error::Call { act: "make a sealed file in memory", object: "init".into(), errno }
}
