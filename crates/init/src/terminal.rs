//! The container's terminal.

use crate::context::Context;
use crate::conversation::hand_over;
use crate::fault::Fault;
use crate::root::beneath::{self, Entry, Missing};
use crate::root::tree;
use plan::FromInit;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{FileType, OFlags, Uid, fchown, fstat, fstatfs, major, minor};
use rustix::process::ioctl_tiocsctty;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use sys::Errno;
use sys::descriptor::Descriptor;

/// `DEVPTS_SUPER_MAGIC` of linux/magic.h.
const DEVPTS: i64 = 0x1cd1;

/// The inode of `ptmx` on every devpts.
const PTMX: u64 = 2;

/// Opens a terminal of the container's devpts, makes its peer the standard streams and the controlling
/// terminal, and gives its master to the runtime process. An owner of `u32::MAX` leaves the peer's.
pub(crate) fn give(context: &mut Context<'_>, rows: u16, columns: u16, console: bool, owner: u32) -> Result<(), Fault> {
    let master = context.beneath(master)??;
    let terminal = |act| move |errno| Fault::call(act, b"/dev/pts/ptmx", errno);
    unlockpt(&master).map_err(terminal("unlock the terminal"))?;
    let peer = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .map_err(terminal("open the terminal's peer"))?;
    if rows != 0 && columns != 0 {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).map_err(terminal("set the terminal's size"))?;
    }
    if owner != u32::MAX {
        match fchown(&peer, Some(Uid::from_raw(owner)), None) {
            // The payload can do without, as long as it does not open the terminal by its name.
            Ok(()) | Err(Errno::PERM | Errno::ROFS | Errno::INVAL) => {}
            Err(errno) => return Err(terminal("fchown the terminal")(errno)),
        }
    }
    if console {
        mount_console(&context.root_mut()?.entry(c"/dev/console")?, peer.as_fd())?;
    }
    hand_over(context.sync.as_fd(), &FromInit::Terminal, &[master.as_fd()])?;
    for number in 0..3 {
        sys::descriptor::replace(number, peer.as_fd()).map_err(terminal("dup3 the terminal"))?;
    }
    ioctl_tiocsctty(&peer).map_err(terminal("ioctl(setctty)"))
}

/// Opens the multiplexer of the devpts at `/dev/pts`, and nothing that an image or a mount put in its place.
fn master(root: BorrowedFd<'_>) -> Result<Descriptor, Fault> {
    let fault = |errno| Fault::call("open", b"/dev/pts/ptmx", errno);
    let devpts = beneath::open(root, c"dev/pts", OFlags::PATH | OFlags::DIRECTORY)
        .map_err(|errno| Fault::call("open", b"/dev/pts", errno))?;
    if fstatfs(&devpts).map_err(fault)?.f_type != DEVPTS {
        return Err(Fault::refusal("a terminal needs a devpts that is mounted at", b"/dev/pts"));
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let master = beneath::open(devpts.as_fd(), c"ptmx", flags).map_err(fault)?;
    let stat = fstat(&master).map_err(fault)?;
    let device = (major(stat.st_rdev), minor(stat.st_rdev));
    let node = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && device == (5, 2);
    let own = stat.st_ino == PTMX && stat.st_dev == fstat(&devpts).map_err(fault)?.st_dev;
    if !(node && own) {
        return Err(Fault::refusal("not the multiplexer of a devpts:", b"/dev/pts/ptmx"));
    }
    Ok(master)
}

/// Mounts the peer at `/dev/console`, which is made where it is missing, and must not be a link.
fn mount_console(entry: &Entry<'_, BorrowedFd<'_>>, peer: BorrowedFd<'_>) -> Result<(), Fault> {
    let fault = |act| move |errno| Fault::call(act, b"/dev/console", errno);
    match entry.make(Missing::File) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(fault("create")(errno)),
    }
    let console = entry.open(OFlags::PATH).map_err(fault("open"))?;
    if FileType::from_raw_mode(fstat(&console).map_err(fault("fstat"))?.st_mode) == FileType::Symlink {
        return Err(fault("create")(Errno::LOOP));
    }
    let copy = tree::copy(peer, false).map_err(fault("open_tree of the terminal for"))?;
    tree::attach(copy.as_fd(), console.as_fd()).map_err(fault("move_mount to"))
}
