//! Becoming another program.

use crate::call::{Sysno, call};
use core::ffi::{CStr, c_char};
use core::ptr;
use linux_raw_sys::general::AT_EMPTY_PATH;
use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::io::Errno;

/// A list of strings in the form that execve(2) takes: pointers, then a null one.
#[derive(Debug)]
pub struct Pointers<'a, 's> {
    slots: &'a mut [*const c_char],
    used: usize,
    strings: core::marker::PhantomData<&'s CStr>,
}

impl<'a, 's> Pointers<'a, 's> {
    /// An empty list that can grow to one string less than there are `slots`.
    pub fn new(slots: &'a mut [*const c_char]) -> Self {
        Pointers { slots, used: 0, strings: core::marker::PhantomData }
    }

    /// Adds a string.
    ///
    /// # Errors
    /// `E2BIG` where the list is full.
    pub fn push(&mut self, text: &'s CStr) -> Result<(), Errno> {
        if self.used + 1 >= self.slots.len() {
            return Err(Errno::TOOBIG);
        }
        let slot = self.slots.get_mut(self.used).ok_or(Errno::TOOBIG)?;
        *slot = text.as_ptr();
        self.used += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<*const *const c_char, Errno> {
        *self.slots.get_mut(self.used).ok_or(Errno::TOOBIG)? = ptr::null();
        Ok(self.slots.as_ptr())
    }
}

/// Becomes the program that `file` is open on. Returns only where that fails. See execveat(2) with
/// `AT_EMPTY_PATH`.
pub fn exec_file(file: BorrowedFd<'_>, mut arguments: Pointers<'_, '_>, mut environment: Pointers<'_, '_>) -> Errno {
    let (arguments, environment) = match (arguments.end(), environment.end()) {
        (Ok(arguments), Ok(environment)) => (arguments as usize, environment as usize),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    let (file, path) = (file.as_raw_fd() as usize, c"".as_ptr() as usize);
    // SAFETY: as for exec_path.
    failure(|| unsafe { call(Sysno::execveat, [file, path, arguments, environment, AT_EMPTY_PATH as usize, 0]) })
}

/// Becomes the program at `path`. Returns only where that fails. See execve(2): a filter may allow only this
/// one of the two calls.
pub fn exec_path(path: &CStr, mut arguments: Pointers<'_, '_>, mut environment: Pointers<'_, '_>) -> Errno {
    let (arguments, environment) = match (arguments.end(), environment.end()) {
        (Ok(arguments), Ok(environment)) => (arguments as usize, environment as usize),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    // SAFETY: the path and each string end with NUL and both lists end with a null pointer, by construction,
    // and all of them outlive the call.
    failure(|| unsafe { call(Sysno::execve, [path.as_ptr() as usize, arguments, environment, 0, 0, 0]) })
}

/// Where exec succeeds, it does not return.
fn failure(mut exec: impl FnMut() -> Result<usize, Errno>) -> Errno {
    loop {
        match exec() {
            Err(Errno::INTR) => {}
            result => return result.err().unwrap_or(Errno::INVAL),
        }
    }
}
