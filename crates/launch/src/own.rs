//! What of this process init inherits: `/proc/self/status`, read once in place of a system call for each thing.

use rustix::fd::AsFd;
use rustix::fs::{CWD, Mode, OFlags, openat};

/// What of this process init inherits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Own {
    /// The effective user.
    pub(crate) user: u32,
    /// The user and group, where real, effective, saved and file system ones are all the same.
    pub(crate) identity: Option<(u32, u32)>,
    /// The umask; not all kernels tell.
    pub(crate) umask: Option<u32>,
    /// The signals that are ignored: bit 0 is signal 1.
    pub(crate) ignored: u64,
    /// The permitted capabilities.
    pub(crate) permitted: u64,
    /// The bounding set.
    pub(crate) bounding: u64,
}

impl Own {
    /// Looks. Where `/proc` says nothing, every signal may be ignored and every capability be in the bounding set.
    pub(crate) fn look() -> Self {
        let mut buffer = [0; 4096];
        read(&mut buffer).and_then(parse).unwrap_or_else(|| Own {
            user: rustix::process::geteuid().as_raw(),
            identity: None,
            umask: None,
            ignored: u64::MAX,
            permitted: security::capabilities::held(false),
            bounding: u64::MAX,
        })
    }
}

fn read(buffer: &mut [u8]) -> Option<&str> {
    let file = openat(CWD, c"/proc/self/status", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let count = rustix::io::read(file.as_fd(), &mut *buffer).ok()?;
    str::from_utf8(buffer.get(..count)?).ok()
}

/// `proc_pid_status(5)`.
fn parse(text: &str) -> Option<Own> {
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let mask = |name| u64::from_str_radix(line(name)?.trim(), 16).ok();
    Some(Own {
        umask: line("Umask:").and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok()),
        user: line("Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok()?,
        identity: only(line("Uid:")?).zip(only(line("Gid:")?)),
        ignored: mask("SigIgn:")?,
        permitted: mask("CapPrm:")?,
        bounding: mask("CapBnd:")?,
    })
}

/// The number that stands there four times.
fn only(numbers: &str) -> Option<u32> {
    let mut numbers = numbers.split_ascii_whitespace();
    let first = numbers.next()?;
    if numbers.eq([first; 3]) { first.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_status() {
        let text = "Name:\tUid:\t7 7 7 7\nUmask:\t0027\nUid:\t1\t2\t3\t4\nGid:\t5\t5\t5\t5\nSigIgn:\t0000000000001000\n\
                    CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n";
        let own = Own {
            user: 2,
            identity: None,
            umask: Some(0o27),
            ignored: 0x1000,
            permitted: 0x1ff_ffff_ffff,
            bounding: 0xa804_25fb,
        };
        assert_eq!(parse(text), Some(own));
        assert_eq!(parse("Uid:\t1\t2\t3\t4\nSigIgn:\tx\n"), None);
        let all = text.replace("1\t2\t3\t4", "1\t1\t1\t1");
        assert_eq!(parse(&all).unwrap().identity, Some((1, 5)));
        assert_eq!(parse(&all.replace("5\t5\t5\t5", "5\t5\t6\t5")).unwrap().identity, None);
    }

    #[test]
    fn as_the_kernel_says() {
        let own = Own::look();
        assert_eq!(own.user, rustix::process::geteuid().as_raw());
        assert_eq!(own.permitted, security::capabilities::held(false));
    }
}
