//! Who the process is: user, groups, capabilities.

use crate::context::Context;
use crate::conversation::warn;
use crate::directory;
use crate::fault::Fault;
use crate::namespaces::set_user;
use crate::number::decimal;
use rustix::fd::AsFd;
use rustix::fs::{FileType, Gid, Uid, fchown, fstat, major, minor};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities,
};
use sys::Errno;
use sys::descriptor::borrow;

pub(crate) fn bounding_set(drop: u64) -> Result<(), Fault> {
    for number in (0..u64::BITS).filter(|number| drop >> number & 1 == 1) {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // Above the last one that this kernel knows.
            Err(Errno::INVAL) => break,
            Err(errno) => {
                return Err(Fault::call("drop from the bounding set capability", &decimal(u64::from(number)), errno));
            }
        }
    }
    Ok(())
}

pub(crate) fn keep_capabilities() -> Result<(), Fault> {
    set_keep_capabilities(true).map_err(|errno| Fault::call("prctl", b"PR_SET_KEEPCAPS", errno))
}

pub(crate) fn groups(ids: &[u8]) -> Result<(), Fault> {
    match sys::process::set_groups(ids) {
        // A user namespace may forbid to give groups up: then all in it keep those they have. user_namespaces(7)
        Err(Errno::PERM) if ids.is_empty() && may_set_groups() => Ok(()),
        result => result.map_err(|errno| Fault::call("setgroups", b"", errno)),
    }
}

fn may_set_groups() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETGID))
}

/// Changes to the payload's user, and as that user into a working directory that root could not enter.
pub(crate) fn user(context: &mut Context<'_>, uid: u32, gid: u32) -> Result<(), Fault> {
    set_user(context, uid, gid)?;
    match context.directory.take() {
        Some(path) => directory::enter(path),
        None => Ok(()),
    }
}

/// Gives the standard streams to the payload's user.
pub(crate) fn own_standard_streams(uid: u32, gid: u32) -> Result<(), Fault> {
    for (number, name) in [b"stdin".as_slice(), b"stdout", b"stderr"].into_iter().enumerate() {
        let stream = borrow(i32::try_from(number).unwrap_or(-1));
        let stat = match fstat(stream) {
            Ok(stat) => stat,
            Err(Errno::BADF) => continue,
            Err(errno) => {
                return Err(Fault::call("fstat", name, errno));
            }
        };
        let device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
        let null = device && (major(stat.st_rdev), minor(stat.st_rdev)) == (1, 3);
        if null || stat.st_uid == uid {
            continue;
        }
        // The group of a terminal is the devpts mount's to say.
        let group = (!device && gid != u32::MAX).then(|| Gid::from_raw(gid));
        match fchown(stream, Some(Uid::from_raw(uid)), group) {
            // Not ours to give: an owner outside the user namespace, a read-only file system.
            Ok(()) | Err(Errno::PERM | Errno::ROFS | Errno::INVAL) => {}
            Err(errno) => {
                return Err(Fault::call("fchown", name, errno));
            }
        }
    }
    Ok(())
}

pub(crate) fn capabilities(context: &Context<'_>, sets: CapabilitySets, ambient: u64) -> Result<(), Fault> {
    // capset leaves of the ambient set only what is permitted and inheritable.
    let kept = sets.permitted & sets.inheritable;
    if !CapabilitySet::from_bits_retain(ambient).contains(kept) {
        clear_ambient_capability_set().map_err(|errno| Fault::call("prctl", b"PR_CAP_AMBIENT_CLEAR_ALL", errno))?;
    }
    set_capabilities(None, sets).map_err(|errno| Fault::call("unable to apply caps", b"", errno))?;
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(ambient & (1 << number));
        if capability.is_empty() {
            continue;
        }
        if let Err(errno) = configure_capability_in_ambient_set(capability, true) {
            let number = decimal(u64::from(number));
            let name = capability.iter_names().next().map_or("", |(name, _)| name);
            let mut fault = Fault::call("can't raise ambient capability", b"CAP_", errno);
            fault.push(if name.is_empty() { &number } else { name.as_bytes() });
            warn(context.sync.as_fd(), context.step, &fault)?;
        }
    }
    Ok(())
}

/// Three capability sets from their bits.
pub(crate) fn sets(effective: u64, permitted: u64, inheritable: u64) -> CapabilitySets {
    CapabilitySets {
        effective: CapabilitySet::from_bits_retain(effective),
        permitted: CapabilitySet::from_bits_retain(permitted),
        inheritable: CapabilitySet::from_bits_retain(inheritable),
    }
}
