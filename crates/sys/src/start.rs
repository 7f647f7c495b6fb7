//! The start of a program that has the standard library, but not what that does before `main`: it reads the bounds of
//! the stack from `/proc/self/maps` and prepares for its overflow, which is a third of the system calls of a short
//! command. What matters of it is done here.

extern crate std;

use crate::call::{Sysno, call};
use core::ffi::{CStr, c_char, c_int};
use linux_raw_sys::general::{MADV_DONTNEED, SIGPIPE, kernel_sigaction};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::vec::Vec;

/// Names the main function of a program: `fn main(arguments: Vec<OsString>) -> u8`, its exit status.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(count: core::ffi::c_int, first: $crate::start::Vector) -> core::ffi::c_int {
            $crate::start::begin(count, &first, $main)
        }
    };
}

/// The arguments as the C library hands them over; nobody else can make one.
#[derive(Debug)]
#[repr(transparent)]
pub struct Vector(*const *const c_char);

/// Prepares the process as the standard library does, as far as it matters, and calls `main`; called by [`crate::main!`]
/// alone.
pub fn begin(count: c_int, first: &Vector, main: fn(Vec<OsString>) -> u8) -> ! {
    open_standard_streams();
    ignore_broken_pipes();
    grow_in_large_steps();
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: C calls `main` with that many pointers to strings, which live as long as the program: ISO C 5.1.2.2.1.
    let argument = |index| unsafe { CStr::from_ptr(*first.0.add(index)) };
    let arguments = (0..count).map(|index| OsString::from(OsStr::from_bytes(argument(index).to_bytes())));
    // Writes out what standard output still holds.
    std::process::exit(main(arguments.collect()).into())
}

/// A file must never get the number of a standard stream, and then what is printed.
fn open_standard_streams() {
    for _ in 0..3 {
        let standard = [0, 1, 2].map(crate::descriptor::borrow);
        let mut polled = standard.map(|stream| PollFd::from_borrowed_fd(stream, PollFlags::empty()));
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let known = poll(&mut polled, Some(&now)).is_ok();
        if known && !polled.iter().any(|stream| stream.revents().contains(PollFlags::NVAL)) {
            return;
        }
        // It gets the lowest number that is free.
        let Ok(null) = open(c"/dev/null", OFlags::RDWR, Mode::empty()) else { crate::clone::exit(1) };
        let number = rustix::fd::IntoRawFd::into_raw_fd(null);
        if number > 2 {
            return;
        }
    }
}

/// A write to a pipe that nobody reads is to fail, not to end us: signal(7).
fn ignore_broken_pipes() {
    const IGNORE: usize = 1;
    // SAFETY: an action of zeros is valid.
    let mut action: kernel_sigaction = unsafe { core::mem::zeroed() };
    // SAFETY: the handler is the first member, of the size of a pointer; SIG_IGN is no pointer but 1.
    unsafe { (&raw mut action).cast::<usize>().write(IGNORE) };
    // SAFETY: a whole action, alive across the call; no old one is asked for.
    let _done = unsafe { call(Sysno::rt_sigaction, [SIGPIPE as usize, (&raw const action) as usize, 0, 8, 0, 0]) };
}

/// Has the heap grow by half a megabyte at a time and never shrink, so that a command asks the kernel once: mallopt(3).
/// What is not touched is no memory.
fn grow_in_large_steps() {
    #[cfg(target_env = "gnu")]
    {
        const M_TRIM_THRESHOLD: c_int = -1;
        const M_TOP_PAD: c_int = -2;
        const STEP: c_int = 512 << 10;
        unsafe extern "C" {
            safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        mallopt(M_TOP_PAD, STEP);
        mallopt(M_TRIM_THRESHOLD, c_int::MAX);
    }
}

/// Gives memory back that is not needed while nothing happens: what the heap has free, and the pages of this program's
/// file, which come back from there when they are touched. See malloc_trim(3), madvise(2).
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        unsafe extern "C" {
            safe fn malloc_trim(keep: usize) -> c_int;
            // Of the linker: where the program begins, and where its code ends.
            safe static __executable_start: u8;
            safe static etext: u8;
        }
        malloc_trim(0);
        let start = &raw const __executable_start as usize & !4095;
        let length = (&raw const etext as usize).saturating_sub(start) & !4095;
        // SAFETY: what lies there is mapped from the program's file and can't be written, so its pages read the same
        // after this as before.
        let _given = unsafe { call(Sysno::madvise, [start, length, MADV_DONTNEED as usize, 0, 0, 0]) };
    }
}
