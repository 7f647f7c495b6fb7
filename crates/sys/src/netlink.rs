//! Netlink. See netlink(7).

use crate::call::{Sysno, call};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

const SOL_NETLINK: usize = 270;
const CAP_ACK: usize = 10;
const EXT_ACK: usize = 11;
const GET_STRICT_CHK: usize = 12;

/// A rtnetlink(7) socket of this network namespace: it stays of that one, wherever its holder goes. Where the kernel
/// can, it says in words why it refuses (Linux 4.12), leaves the request out of that answer, and lists only what is
/// asked for (Linux 4.20).
///
/// # Errors
/// As socket(2).
pub fn route_socket() -> Result<OwnedFd, Errno> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    for option in [CAP_ACK, EXT_ACK, GET_STRICT_CHK] {
        let on = 1_i32;
        let arguments =
            [socket.as_raw_fd() as usize, SOL_NETLINK, option, (&raw const on) as usize, size_of::<i32>(), 0];
        // SAFETY: the call reads an int, which outlives it.
        let _older_kernel = unsafe { call(Sysno::setsockopt, arguments) };
    }
    Ok(socket)
}
