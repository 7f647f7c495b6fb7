//! The container's program: found early, so that what is missing is known at create.

use crate::environment::Environment;
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::{CStr, c_char};
use core::ptr;
use plan::Texts;
use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};
use sys::Errno;
use sys::exec::Pointers;

/// As long as the kernel takes them, with the NUL.
const PATH: usize = 4096;

/// The program and where it was found.
pub(crate) struct Program<'p> {
    pub arguments: Texts<'p>,
    pub environment: Texts<'p>,
    /// The directory of `PATH` that it is in; empty where its name is a path.
    directory: &'p [u8],
    name: &'p [u8],
}

impl<'p> Program<'p> {
    /// Finds the program: by its path, or in the `PATH` of its environment.
    pub(crate) fn find(arguments: Texts<'p>, environment: Texts<'p>) -> Result<Self, Fault> {
        let name = arguments.iter().next().map(CStr::to_bytes).unwrap_or_default();
        let directory = if name.contains(&b'/') {
            check(b"", name).map_err(|refusal| refusal.fault(name))?;
            b"".as_slice()
        } else {
            let path = Environment { settings: environment, home: None }.value(b"PATH").unwrap_or_default();
            search(path, name)?
        };
        Ok(Program { arguments, environment, directory, name })
    }

    /// Its path, with the NUL.
    pub(crate) fn path(&self) -> Result<ArrayVec<u8, PATH>, Fault> {
        join(self.directory, self.name).map_err(|errno| Fault::call("exec", self.name, errno))
    }
}

/// The first directory of `path` that has an executable file of that name.
fn search<'p>(path: &'p [u8], name: &[u8]) -> Result<&'p [u8], Fault> {
    let mut directories = path.split(|byte| *byte == b':').filter(|_| !path.is_empty());
    match directories.find(|directory| check(directory, name).is_ok()) {
        Some(directory) if directory.first() == Some(&b'/') => Ok(directory),
        // An empty or relative one: what the working directory holds is not to be run by its bare name.
        Some(_) => {
            Err(Fault::quoted(b"exec: ", name, b": cannot run executable found relative to current directory", None))
        }
        None => Err(Fault::quoted(b"exec: ", name, b": executable file not found in $PATH", None)),
    }
}

/// Why a file can't be the program: at the lookup of its path, or then.
enum Refusal {
    Stat(Errno),
    File(Errno),
}

impl Refusal {
    /// In the words of Go's exec.LookPath, which engines look for.
    fn fault(&self, name: &[u8]) -> Fault {
        let mut fault = Fault::quoted(b"exec: ", name, b"", None);
        match self {
            Refusal::Stat(errno) => {
                fault.push(b": stat ");
                fault.push(name);
                fault.errno = Some(*errno);
            }
            Refusal::File(errno) => fault.errno = Some(*errno),
        }
        fault
    }
}

fn check(directory: &[u8], name: &[u8]) -> Result<(), Refusal> {
    let path = join(directory, name).map_err(Refusal::Stat)?;
    let path = text(&path);
    let stat = stat(path).map_err(Refusal::Stat)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(Refusal::File(Errno::ISDIR));
    }
    match accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => Ok(()),
        // Linux before 5.8, or a filter: the file's own bits must do.
        Err(Errno::NOSYS | Errno::PERM) if stat.st_mode & 0o111 != 0 => Ok(()),
        Err(Errno::NOSYS | Errno::PERM) => Err(Refusal::File(Errno::ACCESS)),
        Err(errno) => Err(Refusal::File(errno)),
    }
}

fn join(directory: &[u8], name: &[u8]) -> Result<ArrayVec<u8, PATH>, Errno> {
    let mut path = ArrayVec::new();
    let slash: &[u8] = if directory.is_empty() || directory.ends_with(b"/") { b"" } else { b"/" };
    for part in [directory, slash, name, b"\0"] {
        path.try_extend_from_slice(part).map_err(|_| Errno::NAMETOOLONG)?;
    }
    Ok(path)
}

/// A path as the kernel takes it.
pub(crate) fn text(path: &[u8]) -> &CStr {
    CStr::from_bytes_until_nul(path).unwrap_or_default()
}

/// The list of arguments in the form that execve(2) takes.
pub(crate) fn arguments(texts: Texts<'_>) -> Result<Pointers<'_, '_>, Fault> {
    let fault = |errno| Fault::call("lay out the arguments", b"", errno);
    let slots = sys::memory::array::<*const c_char>(texts.count() + 1, ptr::null()).map_err(fault)?;
    let mut pointers = Pointers::new(slots);
    texts.iter().try_for_each(|argument| pointers.push(argument)).map_err(fault)?;
    Ok(pointers)
}
