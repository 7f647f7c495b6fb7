//! What the container says of itself: its names, and the kernel's settings of its namespaces.

use crate::context::Context;
use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use plan::Text;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{retry_on_intr, write};
use rustix::system::{setdomainname, sethostname};
use sys::descriptor::Descriptor;

/// Sets the host name.
pub(crate) fn hostname(name: Text<'_>) -> Result<(), Fault> {
    sethostname(name.bytes()).map_err(|errno| Fault::call("sethostname", name.bytes(), errno))
}

/// Sets the NIS domain name.
pub(crate) fn domainname(name: Text<'_>) -> Result<(), Fault> {
    setdomainname(name.bytes()).map_err(|errno| Fault::call("setdomainname", name.bytes(), errno))
}

/// Writes a setting of the kernel's through our own procfs.
pub(crate) fn sysctl(context: &mut Context<'_>, path: Text<'_>, value: Text<'_>) -> Result<(), Fault> {
    let procfs = context.procfs.as_ref().ok_or_else(|| Fault::refusal("procfs is not open, to set", path.bytes()))?;
    let mut whole: ArrayVec<u8, 512> = ArrayVec::new();
    let parts: [&[u8]; 3] = [b"sys/", path.bytes(), b"\0"];
    for part in parts {
        whole
            .try_extend_from_slice(part)
            .map_err(|_| Fault::refusal("there is no setting with such a long name:", path.bytes()))?;
    }
    let name = CStr::from_bytes_with_nul(&whole).unwrap_or_default();
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let file = openat2(procfs, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty(), resolve)
        .map(Descriptor::from)
        .map_err(|errno| Fault::call("open sysctl", path.bytes(), errno))?;
    match retry_on_intr(|| write(&file, value.bytes())) {
        Ok(written) if written == value.bytes().len() => Ok(()),
        Ok(_) => Err(Fault::refusal("the kernel took only a part of the value of sysctl", path.bytes())),
        Err(errno) => Err(Fault::call("write sysctl", path.bytes(), errno)),
    }
}
