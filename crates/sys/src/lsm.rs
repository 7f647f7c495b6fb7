//! Which mandatory access control modules the kernel runs.

use core::ffi::CStr;
use rustix::fs::{CWD, Mode, OFlags, open, statat};
use rustix::io::read;

/// Whether AppArmor is on. See apparmor(7).
pub fn apparmor() -> bool {
    starts_with(c"/sys/module/apparmor/parameters/enabled", b"Y")
}

/// Whether SELinux is on and has a policy. See selinux(8).
pub fn selinux() -> bool {
    // Without a policy every process is "kernel".
    statat(CWD, c"/sys/fs/selinux/enforce", rustix::fs::AtFlags::empty()).is_ok()
        && !starts_with(c"/proc/self/attr/current", b"kernel\0")
}

fn starts_with(path: &CStr, text: &[u8]) -> bool {
    let mut start = [0; 8];
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    file.and_then(|file| read(file, &mut start)).is_ok_and(|length| start[..length].starts_with(text))
}
