//! The home directory of the payload's user.

use crate::passwd::{LINE, search};
use crate::root::beneath;
use core::ffi::CStr;
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::{read, retry_on_intr};
use sys::Errno;
use sys::descriptor::Descriptor;

/// The setting of `HOME`, as it goes into the environment.
pub(crate) struct Home {
    setting: [u8; LINE + 8],
}

impl Home {
    /// `HOME=` and the directory that the container's `/etc/passwd` names for the user, `/` where it names none or is
    /// missing or broken: that is no error.
    pub(crate) fn of(root: BorrowedFd<'_>, uid: u32) -> Self {
        let mut home = Home { setting: [0; LINE + 8] };
        let found = passwd(root).is_ok_and(|passwd| {
            let more = |room: &mut [u8]| retry_on_intr(|| read(&passwd, &mut *room)).unwrap_or(0);
            search(more, uid, |directory| home.set(directory))
        });
        if !found {
            home.set(b"/");
        }
        home
    }

    fn set(&mut self, directory: &[u8]) {
        let setting = b"HOME=".iter().chain(directory).chain(&[0]);
        self.setting.iter_mut().zip(setting).for_each(|(to, from)| *to = *from);
    }

    pub(crate) fn setting(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.setting).unwrap_or_default()
    }
}

fn passwd(root: BorrowedFd<'_>) -> Result<Descriptor, Errno> {
    let file = beneath::open(root, c"etc/passwd", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
    if kind == FileType::RegularFile { Ok(file) } else { Err(Errno::INVAL) }
}
