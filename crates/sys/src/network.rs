//! Network devices. See netdevice(7).

use crate::call::{Sysno, call};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// The part of `struct ifreq` that the two calls use, and the rest of its 40 bytes.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const GET_FLAGS: usize = 0x8913;
const SET_FLAGS: usize = 0x8914;
const UP: u16 = 1;

/// Sets `lo` of this network namespace up.
///
/// # Errors
/// `EPERM` without CAP_NET_ADMIN over the namespace.
pub fn set_loopback_up() -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let mut request = Request { name: *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0", flags: 0, rest: [0; 22] };
    ask(&socket, GET_FLAGS, &mut request)?;
    request.flags |= UP;
    ask(&socket, SET_FLAGS, &mut request)
}

fn ask(socket: &OwnedFd, what: usize, request: &mut Request) -> Result<(), Errno> {
    // SAFETY: both calls read and write a whole struct ifreq and no more.
    unsafe { call(Sysno::ioctl, [socket.as_raw_fd() as usize, what, (&raw mut *request) as usize, 0, 0, 0]) }.map(drop)
}
