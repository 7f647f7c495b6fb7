//! The start of glibc's static programs, without its questions to the processor.
//!
//! Before `main`, a static program of glibc asks the processor some 43 times what it is (`cpuid`), for the fastest of
//! several memcpy(3) and the sizes of its caches. Under a hypervisor each question leaves the virtual machine: a fifth of
//! a millisecond in all, of every command, which is a third of what `state` takes. A runtime copies little: here it gets
//! the routines for any x86-64, as a processor gets of which glibc knows nothing.
//!
//! What is left out: the questions, the settings of `GLIBC_TUNABLES`, which nobody shall make for a runtime anyway, and
//! what only a program that loads others needs. What is done is what `csu/libc-start.c` does, in its order, with its own
//! functions. Those are nobody's interface, so only for versions of glibc that were read and tried; with any other the
//! program starts as glibc means it to.

use crate::call::{Sysno, call};
use core::arch::{asm, global_asm};
use core::ffi::{CStr, c_char, c_int};
use linux_raw_sys::auxvec::{AT_PHDR, AT_PHNUM, AT_RANDOM};
use linux_raw_sys::elf::{Elf_Phdr, PT_GNU_RELRO, PT_GNU_STACK};
use linux_raw_sys::general::PROT_READ;

/// Versions whose start is done here.
const KNOWN: (&CStr, &CStr) = (c"2.36", c"2.41");

/// Enough of a copy's bytes that it goes past the caches: what glibc assumes of a megabyte of shared cache.
const BEYOND_CACHES: usize = 0xc_0000;

/// Puts glibc's start in the hands of [`start`]: `--wrap=__libc_start_main` is to be said to the linker.
#[macro_export]
macro_rules! start_glibc {
    () => {
        #[unsafe(no_mangle)]
        extern "C" fn __wrap___libc_start_main(
            main: $crate::glibc::Main,
            count: core::ffi::c_int,
            arguments: $crate::glibc::Arguments,
            init: usize,
            fini: usize,
            loader: usize,
            stack: usize,
        ) -> core::ffi::c_int {
            $crate::glibc::start(main, count, arguments, init, fini, loader, stack)
        }
    };
}

/// C's `main`.
pub type Main = extern "C" fn(c_int, Arguments, *const usize) -> c_int;

/// The arguments as the kernel has laid them out, with all that follows them; nobody else can make one.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Arguments(*const usize);

/// What of glibc is called or set, as the linker finds it; 0 where this glibc has no such thing.
#[repr(C)]
struct Inside {
    environment: usize,
    stack_end: usize,
    take_auxiliary: usize,
    set_up_tls: usize,
    early_init: usize,
    stack_flags: usize,
    copies_beyond: usize,
    moves_beyond: usize,
    fills_beyond: usize,
    relocations: usize,
    relocations_end: usize,
    constructors: usize,
    constructors_end: usize,
}

global_asm!(
    ".pushsection .data.rel.ro.cofferdam_glibc, \"aw\"",
    ".balign 8",
    ".weak __environ, __libc_stack_end, _dl_aux_init, __libc_setup_tls, __libc_early_init",
    ".weak _dl_stack_flags",
    ".weak __x86_shared_non_temporal_threshold, __x86_rep_movsb_stop_threshold",
    ".weak __x86_memset_non_temporal_threshold",
    ".weak __rela_iplt_start, __rela_iplt_end, __init_array_start, __init_array_end",
    ".globl cofferdam_glibc",
    ".hidden cofferdam_glibc",
    "cofferdam_glibc:",
    ".quad __environ, __libc_stack_end, _dl_aux_init, __libc_setup_tls, __libc_early_init",
    ".quad _dl_stack_flags",
    ".quad __x86_shared_non_temporal_threshold, __x86_rep_movsb_stop_threshold",
    ".quad __x86_memset_non_temporal_threshold",
    ".quad __rela_iplt_start, __rela_iplt_end, __init_array_start, __init_array_end",
    ".popsection",
);

unsafe extern "C" {
    #[link_name = "cofferdam_glibc"]
    safe static INSIDE: Inside;
    safe fn gnu_get_libc_version() -> *const c_char;
    #[allow(clippy::too_many_arguments, reason = "as glibc has it")]
    fn __real___libc_start_main(
        main: Main,
        count: c_int,
        arguments: Arguments,
        init: usize,
        fini: usize,
        loader: usize,
        stack: usize,
    ) -> c_int;
    safe fn exit(status: c_int) -> !;
}

/// Starts the C library and calls `main`; called in the place of `__libc_start_main` alone, which
/// [`crate::start_glibc!`] sees to.
#[allow(clippy::too_many_arguments, reason = "as glibc has it")]
pub fn start(
    main: Main,
    count: c_int,
    arguments: Arguments,
    init: usize,
    fini: usize,
    loader: usize,
    stack: usize,
) -> c_int {
    if !is_known() {
        // SAFETY: the arguments that were meant for it.
        return unsafe { __real___libc_start_main(main, count, arguments, init, fini, loader, stack) };
    }
    let environment = arguments.0.wrapping_add(usize::try_from(count).unwrap_or(0) + 1);
    // SAFETY: as the kernel lays out a new program's stack: the arguments, 0, the environment, 0, pairs, a pair of zeros
    // (System V ABI, 3.4.1).
    unsafe {
        let mut end = environment;
        while *end != 0 {
            end = end.wrapping_add(1);
        }
        prepare(environment, end.wrapping_add(1), stack);
        let call: extern "C" fn(u8) = core::mem::transmute(INSIDE.early_init);
        call(1);
        let mut constructor = INSIDE.constructors;
        while constructor < INSIDE.constructors_end {
            let call: Main = core::mem::transmute(*(constructor as *const usize));
            call(count, arguments, environment);
            constructor += size_of::<usize>();
        }
    }
    exit(main(count, arguments, environment))
}

/// Whether this glibc is one of those, with all that is needed of it. No routine is chosen yet: up to [`relocate`] there
/// may be no call of strcmp(3), nor anything that the compiler makes a call of memcpy(3) of, as of an array it may.
fn is_known() -> bool {
    let whole = INSIDE.environment != 0
        && INSIDE.stack_end != 0
        && INSIDE.take_auxiliary != 0
        && INSIDE.set_up_tls != 0
        && INSIDE.early_init != 0
        && INSIDE.stack_flags != 0
        && INSIDE.copies_beyond != 0;
    let version = gnu_get_libc_version();
    whole && (same(version, KNOWN.0.as_ptr()) || same(version, KNOWN.1.as_ptr()))
}

/// Whether two strings, each ended by NUL, are the same.
fn same(one: *const c_char, other: *const c_char) -> bool {
    let (mut one, mut other) = (one, other);
    // SAFETY: neither is read beyond its NUL.
    unsafe {
        while *one == *other {
            if *one == 0 {
                return true;
            }
            one = one.wrapping_add(1);
            other = other.wrapping_add(1);
        }
    }
    false
}

/// What must be before any function of the library is called: its place for what the kernel has said, its choice of
/// routines, the thread's own memory, and the two secrets in it.
///
/// # Safety
/// `environment` and `auxiliary` are as the kernel laid them out; nothing of the library has been used.
unsafe fn prepare(environment: *const usize, auxiliary: *const usize, stack: usize) {
    // SAFETY: variables and functions of this glibc, of these types in all versions of `KNOWN`.
    unsafe {
        *(INSIDE.environment as *mut usize) = environment as usize;
        *(INSIDE.stack_end as *mut usize) = stack;
        let call: extern "C" fn(*const usize) = core::mem::transmute(INSIDE.take_auxiliary);
        call(auxiliary);
        relocate();
        for threshold in [INSIDE.copies_beyond, INSIDE.moves_beyond, INSIDE.fills_beyond] {
            if threshold != 0 {
                *(threshold as *mut usize) = BEYOND_CACHES;
            }
        }
        let call: extern "C" fn() = core::mem::transmute(INSIDE.set_up_tls);
        call();
        keep_secrets(known(auxiliary, AT_RANDOM));
        heed_headers(auxiliary);
    }
}

/// Has each routine of which there are several chosen: relocations of the type `R_X86_64_IRELATIVE`.
///
/// # Safety
/// Called once, before any of them is.
unsafe fn relocate() {
    let mut relocation = INSIDE.relocations as *const usize;
    while (relocation as usize) < INSIDE.relocations_end {
        // SAFETY: an `Elf64_Rela`: where the routine's address belongs, and, last, the function that chooses it.
        unsafe {
            let choose: extern "C" fn() -> usize = core::mem::transmute(*relocation.wrapping_add(2));
            *(*relocation as *mut usize) = choose();
        }
        relocation = relocation.wrapping_add(3);
    }
}

/// What the kernel has said of that kind, 0 where nothing: getauxval(3).
///
/// # Safety
/// `auxiliary` is as the kernel laid it out.
unsafe fn known(auxiliary: *const usize, kind: u32) -> usize {
    let mut pair = auxiliary.cast::<[usize; 2]>();
    // SAFETY: the pairs end with one of kind 0.
    unsafe {
        while (*pair)[0] != 0 && (*pair)[0] != kind as usize {
            pair = pair.wrapping_add(1);
        }
        (*pair)[1]
    }
}

/// Does as the linker has asked: what only relocations write to is read-only from here on (`PT_GNU_RELRO`), and the stacks
/// of threads are as little to be executed as the first one is (`PT_GNU_STACK`).
///
/// # Safety
/// `auxiliary` is as the kernel laid it out; the program lies at the addresses that it was linked for.
unsafe fn heed_headers(auxiliary: *const usize) {
    const PAGE: usize = 4096;
    // SAFETY: that many program headers are there; what a header says is to be read-only is this program's.
    unsafe {
        let headers = known(auxiliary, AT_PHDR) as *const Elf_Phdr;
        for number in 0..known(auxiliary, AT_PHNUM) {
            let header = &*headers.wrapping_add(number);
            match header.p_type {
                PT_GNU_STACK => *(INSIDE.stack_flags as *mut u32) = header.p_flags,
                PT_GNU_RELRO => {
                    let start = header.p_vaddr & !(PAGE - 1);
                    let end = (header.p_vaddr + header.p_memsz) & !(PAGE - 1);
                    let _done = call(Sysno::mprotect, [start, end - start, PROT_READ as usize, 0, 0, 0]);
                }
                _ => {}
            }
        }
    }
}

/// Sets the canary of stacks and the secret of stored pointers: `tcbhead_t` of glibc's x86-64.
///
/// # Safety
/// The thread's own memory is set up; `random` is where the kernel has put random bytes for it.
unsafe fn keep_secrets(random: usize) {
    // SAFETY: the kernel's 16 random bytes, wherever they are.
    let [canary, pointers] = unsafe { (random as *const [usize; 2]).read_unaligned() };
    // The canary's first byte is 0, so that no string runs over it.
    let canary = canary & !0xff;
    // SAFETY: two words of the thread's own memory.
    unsafe {
        asm!("mov fs:[0x28], {}", "mov fs:[0x30], {}", in(reg) canary, in(reg) pointers, options(nostack, preserves_flags));
    }
}
