//! The short way to mount a file system: mount(2) on the working directory.

use arrayvec::ArrayVec;
use core::ffi::CStr;
use plan::{Attributes, Mount};
use rustix::mount::{MountFlags, mount as call};
use rustix::process::fchdir;
use sys::descriptor::Descriptor;
use sys::mount::{
    MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_STRICTATIME,
};

/// The file systems whose options mean the same in one string as one by one.
const KINDS: [&CStr; 5] = [c"proc", c"sysfs", c"tmpfs", c"devpts", c"mqueue"];

/// The flags of a mount that mean the same to mount(2). Not among them: read-only, which would be the file system's too.
const FLAGS: [(u32, MountFlags); 7] = [
    (MOUNT_ATTR_NOSUID, MountFlags::NOSUID),
    (MOUNT_ATTR_NODEV, MountFlags::NODEV),
    (MOUNT_ATTR_NOEXEC, MountFlags::NOEXEC),
    (MOUNT_ATTR_NOATIME, MountFlags::NOATIME),
    (MOUNT_ATTR_STRICTATIME, MountFlags::STRICTATIME),
    (MOUNT_ATTR_NODIRATIME, MountFlags::NODIRATIME),
    (MOUNT_ATTR_NOSYMFOLLOW, MountFlags::NOSYMFOLLOW),
];

/// Mounts it over `target` by two calls instead of one for each option and more. False where that can't say all that is
/// asked or does not work: then the long way does it, or finds the words for why not.
pub(super) fn is_done(step: &Mount<'_>, mode: Option<&CStr>, target: &Descriptor) -> bool {
    let Attributes { set, .. } = step.attributes;
    let only_set = step.attributes == Attributes { set, ..Attributes::default() };
    if !only_set || step.copy_up || !KINDS.contains(&step.kind.0) || step.source.bytes().is_empty() {
        return false;
    }
    let (Some(flags), Some(data)) = (flags(set), data(step, mode)) else { return false };
    let data = CStr::from_bytes_with_nul(&data).ok().filter(|data| !data.is_empty());
    fchdir(target).and_then(|()| call(step.source.0, c".", step.kind.0, flags, data)).is_ok()
}

fn flags(set: u64) -> Option<MountFlags> {
    let known = FLAGS.into_iter().filter(|(attribute, _)| set & u64::from(*attribute) != 0);
    let (same, flags) =
        known.fold((0, MountFlags::empty()), |(same, flags), (attribute, flag)| (same | attribute, flags | flag));
    (u64::from(same) == set).then_some(flags)
}

/// The options in one string, ended by NUL, where none holds a comma and all fit.
fn data(step: &Mount<'_>, mode: Option<&CStr>) -> Option<ArrayVec<u8, 1024>> {
    let mut data = ArrayVec::new();
    let mode = mode.map(CStr::to_bytes);
    let parts = mode.into_iter().flat_map(|mode| [b"mode=", mode, b","]);
    for part in parts {
        data.try_extend_from_slice(part).ok()?;
    }
    for option in step.options.iter().map(CStr::to_bytes) {
        if option.contains(&b',') {
            return None;
        }
        data.try_extend_from_slice(option).ok()?;
        data.try_push(b',').ok()?;
    }
    data.pop();
    data.try_push(0).ok()?;
    Some(data)
}
