//! The start of a program that has neither a C library nor the standard library: the init stage.
//!
//! [`entry!`](crate::entry!) names its main function. The four memory functions that the compiler calls on
//! its own are here too, since no C library brings them.

use core::arch::global_asm;
use core::ffi::{CStr, c_char};

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {start}",
    "ud2",
    start = sym start,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, #0",
    "mov x30, #0",
    "mov x0, sp",
    "and sp, x0, #-16",
    "bl {start}",
    "brk #1",
    start = sym start,
);

unsafe extern "Rust" {
    /// What [`entry!`](crate::entry!) defines.
    safe fn cofferdam_entry(arguments: Arguments) -> !;
}

extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the kernel starts a program with argc at the top of its stack and that many pointers after
    // it, which stay valid for as long as the program runs: execve(2), System V ABI.
    let arguments = unsafe { Arguments { count: *stack, first: stack.add(1).cast() } };
    cofferdam_entry(arguments)
}

/// The program's arguments.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    count: usize,
    first: *const *const c_char,
}

impl Arguments {
    /// Argument `index`; 0 is the program's name.
    pub fn get(&self, index: usize) -> Option<&'static CStr> {
        if index >= self.count {
            return None;
        }
        // SAFETY: `index` is below argc, so the pointer is there and points to a string that the kernel
        // ended with NUL and that lives as long as the program.
        Some(unsafe { CStr::from_ptr(*self.first.add(index)) })
    }
}

/// Names the main function of a program without a C library: `fn main(arguments: Arguments) -> !`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn cofferdam_entry(arguments: $crate::entry::Arguments) -> ! {
            $main(arguments)
        }

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            // Nothing can be printed without pulling in the formatter; the runtime process sees the signal
            // and names the step that was under way.
            $crate::entry::abort()
        }
    };
}

/// Ends the program with SIGILL, as an abort without a C library does.
pub fn abort() -> ! {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: an undefined instruction: the kernel ends the program.
    unsafe {
        core::arch::asm!("ud2", options(noreturn, nomem, nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("brk #1", options(noreturn, nomem, nostack));
    }
}

/// The functions that the compiler may call wherever memory is copied, filled or compared. They are written
/// with volatile-free byte loops behind `core::hint::black_box`-like assembly, so that the compiler does not
/// turn a loop into a call of itself.
mod memory {
    #[cfg(target_arch = "x86_64")]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        // SAFETY: the caller promises two regions of `count` bytes that do not overlap.
        unsafe {
            core::arch::asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags));
        }
        to
    }

    #[cfg(target_arch = "x86_64")]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
        // SAFETY: the caller promises a region of `count` bytes.
        unsafe {
            core::arch::asm!("rep stosb", inout("rcx") count => _, inout("rdi") to => _, in("al") byte.to_le_bytes()[0],
                options(nostack, preserves_flags));
        }
        to
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        for at in 0..count {
            // SAFETY: the caller promises two regions of `count` bytes; volatile keeps this a loop.
            unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
        }
        to
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
        for at in 0..count {
            // SAFETY: the caller promises a region of `count` bytes; volatile keeps this a loop.
            unsafe { to.add(at).write_volatile(byte.to_le_bytes()[0]) };
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        if to.cast_const() <= from || to.cast_const() >= from.wrapping_add(count) {
            // A copy from low to high reads each byte before it is overwritten. SAFETY: as this function's.
            return unsafe { memcpy(to, from, count) };
        }
        for at in (0..count).rev() {
            // SAFETY: the caller promises two regions of `count` bytes; volatile keeps this a loop.
            unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
        for at in 0..count {
            // SAFETY: the caller promises two regions of `count` bytes; volatile keeps this a loop.
            let (x, y) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
            if x != y {
                return i32::from(x) - i32::from(y);
            }
        }
        0
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
        // SAFETY: as this function's.
        unsafe { memcmp(a, b, count) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        let mut length = 0;
        // SAFETY: the caller promises a string that ends with NUL; volatile keeps this a loop.
        while unsafe { text.add(length).read_volatile() } != 0 {
            length += 1;
        }
        length
    }
}
