//! Network devices. See netdevice(7).

use crate::call::{Sysno, call};
use crate::descriptor::Descriptor;
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// The part of `struct ifreq` that the call uses, and the rest of its 40 bytes.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const SET_FLAGS: usize = 0x8914;
const UP: u16 = 1;

/// Sets `lo` of a new network namespace up.
///
/// # Errors
/// `EPERM` without CAP_NET_ADMIN over the namespace.
pub fn set_loopback_up() -> Result<(), Errno> {
    let socket = Descriptor::from(socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?);
    // Of a new namespace's it has no other flag that can be set.
    let mut request = Request { name: *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0", flags: UP, rest: [0; 22] };
    // SAFETY: the call reads a whole struct ifreq and no more.
    unsafe {
        call(Sysno::ioctl, [socket.as_fd().as_raw_fd() as usize, SET_FLAGS, (&raw mut request) as usize, 0, 0, 0])
    }
    .map(drop)
}
