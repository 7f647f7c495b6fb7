//! Making processes.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::call::answer;
use crate::call::{Sysno, call};
use core::mem::MaybeUninit;
use linux_raw_sys::general::{
    CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_PIDFD, CLONE_VFORK, CLONE_VM, clone_args,
};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::process::Pid;

/// Which side of a clone this is.
#[derive(Debug)]
pub enum Side {
    /// The new process.
    Child,
    /// The process that called, with the new one's id (in the caller's PID namespace) and pidfd.
    Parent(Pid, OwnedFd),
}

/// Makes a process in the new namespaces that `flags` (`CLONE_NEW*`, `CLONE_PARENT`) name, in the v2 cgroup
/// `cgroup` where one is given, with a pidfd, ending with SIGCHLD. The new process has a copy of the caller's
/// memory and descriptors, as after fork(2). See clone3(2); `CLONE_INTO_CGROUP` needs Linux 5.7.
///
/// The caller must have one thread: the child of a threaded process may not even allocate.
///
/// # Errors
/// `EBUSY`, `EOPNOTSUPP` or `EACCES` where the cgroup can't take processes; `ENOSPC` or `EUSERS` where there
/// are too many namespaces; `EPERM`; `EAGAIN` where a process limit is reached; `ENOSYS` before 5.3 or under
/// a filter.
pub fn clone(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    let mut pidfd: RawFd = -1;
    let mut arguments = with_pidfd(flags, cgroup, &mut pidfd);
    // SAFETY: `arguments` is a whole clone_args and `pidfd` an int, both alive across the call; without
    // CLONE_VM the child goes on with a copy of this stack.
    let child = unsafe { call(Sysno::clone3, [(&raw mut arguments) as usize, size_of::<clone_args>(), 0, 0, 0, 0])? };
    match Pid::from_raw(i32::try_from(child).unwrap_or(0)) {
        None => Ok(Side::Child),
        // SAFETY: the kernel has just made this descriptor for us: CLONE_PIDFD.
        Some(pid) => Ok(Side::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) })),
    }
}

/// As [`clone()`], but the new process borrows the caller's memory, and the caller waits until it has executed a program
/// or ended: nothing is copied, and nobody else runs in that memory meanwhile. It begins with `child`, on a stack of its
/// own. `CLONE_VFORK` of clone3(2).
///
/// # Errors
/// As [`clone()`]; `EINVAL` where the new process is to be in another time namespace than the caller.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn lend<T>(
    flags: u64,
    cgroup: Option<BorrowedFd<'_>>,
    stack: &mut [MaybeUninit<u128>],
    child: fn(&T) -> !,
    with: &T,
) -> Result<(Pid, OwnedFd), Errno> {
    let mut pidfd: RawFd = -1;
    let mut arguments = with_pidfd(flags | u64::from(CLONE_VM | CLONE_VFORK), cgroup, &mut pidfd);
    arguments.stack = stack.as_mut_ptr() as u64;
    arguments.stack_size = size_of_val(stack) as u64;
    let task = Task { child, with };
    // SAFETY: `arguments` is a whole clone_args, with a stack that nobody else has. The child runs `begin` on it and
    // never comes back here; until it is gone from this memory the caller does not run, so all that it borrows lives
    // and nothing is used by both at a time.
    let child = unsafe { clone_onto(&mut arguments, begin::<T> as *const () as usize, (&raw const task) as usize)? };
    // SAFETY: the kernel has just made this descriptor for us: CLONE_PIDFD.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((Pid::from_raw(i32::try_from(child).unwrap_or(0)).ok_or(Errno::SRCH)?, pidfd))
}

/// What a child does that borrows its parent's memory.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
struct Task<'a, T> {
    child: fn(&T) -> !,
    with: &'a T,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
extern "C" fn begin<T>(task: &Task<'_, T>) -> ! {
    (task.child)(task.with)
}

/// clone3(2), whose child calls `function` with `argument` on its new stack.
///
/// # Safety
/// `arguments` has a stack and shares memory; `function` takes one word and does not return; what `argument` leads to
/// outlives the child's stay.
#[cfg(target_arch = "x86_64")]
unsafe fn clone_onto(arguments: &mut clone_args, function: usize, argument: usize) -> Result<usize, Errno> {
    let result: usize;
    // SAFETY: as above. A system call changes rcx and r11; the child leaves by the call alone, with an aligned stack.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") Sysno::clone3 as usize => result,
            in("rdi") arguments,
            in("rsi") size_of::<clone_args>(),
            in("r12") function,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    answer(result)
}

/// clone3(2), whose child calls `function` with `argument` on its new stack.
///
/// # Safety
/// `arguments` has a stack and shares memory; `function` takes one word and does not return; what `argument` leads to
/// outlives the child's stay.
#[cfg(target_arch = "aarch64")]
unsafe fn clone_onto(arguments: &mut clone_args, function: usize, argument: usize) -> Result<usize, Errno> {
    let result: usize;
    // SAFETY: as above. The child leaves by the call alone, with an aligned stack.
    unsafe {
        core::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x21",
            "blr x20",
            "brk #1",
            "2:",
            inlateout("x0") core::ptr::from_mut(arguments) as usize => result,
            in("x1") size_of::<clone_args>(),
            in("x8") Sysno::clone3 as usize,
            in("x20") function,
            in("x21") argument,
        );
    }
    answer(result)
}

/// As [`clone()`], but this process ends, with status 0, and the new one goes on from here in its memory: nothing is copied,
/// and never do both use it. What comes back, in the new process, is its number in the PID namespace of the one that
/// ended. That one must have a single thread, as the new one has.
///
/// # Errors
/// As [`clone()`], and this process goes on; `EINVAL` where the new process is to be in another time namespace.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn go_on_as(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Pid, Errno> {
    let mut number: i32 = 0;
    let mut arguments = arguments(flags | u64::from(CLONE_VM | CLONE_PARENT_SETTID), cgroup);
    arguments.parent_tid = (&raw mut number) as u64;
    // SAFETY: `arguments` is a whole clone_args and `number` an int; without a stack in it the new process has this one,
    // which the old one, from the call on, does not touch. The kernel writes the number before the new one runs.
    unsafe { clone_and_exit(&mut arguments)? };
    Pid::from_raw(number).ok_or(Errno::SRCH)
}

/// clone3(2), which returns in the child alone, or with an error: the parent exits, using no memory.
///
/// # Safety
/// `arguments` shares memory and has no stack.
#[cfg(target_arch = "x86_64")]
unsafe fn clone_and_exit(arguments: &mut clone_args) -> Result<usize, Errno> {
    let result: usize;
    // SAFETY: as above. A system call changes rcx and r11.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jle 3f",
            "2:",
            "mov eax, {exit}",
            "xor edi, edi",
            "syscall",
            "jmp 2b",
            "3:",
            exit = const Sysno::exit_group as usize,
            inlateout("rax") Sysno::clone3 as usize => result,
            inlateout("rdi") arguments => _,
            in("rsi") size_of::<clone_args>(),
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    answer(result)
}

/// clone3(2), which returns in the child alone, or with an error: the parent exits, using no memory.
///
/// # Safety
/// `arguments` shares memory and has no stack.
#[cfg(target_arch = "aarch64")]
unsafe fn clone_and_exit(arguments: &mut clone_args) -> Result<usize, Errno> {
    let result: usize;
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "svc #0",
            "cmp x0, #0",
            "b.le 3f",
            "2:",
            "mov x8, {exit}",
            "mov x0, #0",
            "svc #0",
            "b 2b",
            "3:",
            exit = const Sysno::exit_group as usize,
            inlateout("x0") core::ptr::from_mut(arguments) as usize => result,
            in("x1") size_of::<clone_args>(),
            inlateout("x8") Sysno::clone3 as usize => _,
        );
    }
    answer(result)
}

fn with_pidfd(flags: u64, cgroup: Option<BorrowedFd<'_>>, pidfd: &mut RawFd) -> clone_args {
    let mut arguments = arguments(flags | u64::from(CLONE_PIDFD), cgroup);
    arguments.pidfd = core::ptr::from_mut(pidfd) as u64;
    arguments
}

fn arguments(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> clone_args {
    let mut arguments = clone_args {
        flags,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        // SIGCHLD; with CLONE_PARENT the signal is the parent's own and must be 0 here.
        exit_signal: if flags & u64::from(CLONE_PARENT) == 0 { 17 } else { 0 },
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::from(cgroup.as_raw_fd().unsigned_abs());
    }
    arguments
}

/// Ends this process at once, running nothing more of it. See exit_group(2).
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: takes an integer; it does not return.
        let _never = unsafe { call(Sysno::exit_group, [status.unsigned_abs() as usize, 0, 0, 0, 0, 0]) };
    }
}
