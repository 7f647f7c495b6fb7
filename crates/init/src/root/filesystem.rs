//! A file system of its own, made detached.

use crate::fault::Fault;
use arrayvec::ArrayVec;
use core::ffi::CStr;
use rustix::fd::AsFd;
use rustix::io::read;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, FsPickFlags, MountAttrFlags, fsconfig_create, fsconfig_reconfigure, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, fspick,
};
use sys::Errno;
use sys::descriptor::Descriptor;

/// The longest key or value that fsconfig(2) takes, with its NUL.
const VALUE: usize = 256;

/// A file system on its way to be mounted (or remounted).
pub(super) struct Filesystem {
    settings: Descriptor,
}

impl Filesystem {
    /// Begins a file system of that kind.
    pub(super) fn new(kind: &CStr) -> Result<Self, Fault> {
        let settings =
            fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).map_err(|errno| Fault::call("fsopen", kind.to_bytes(), errno))?;
        Ok(Filesystem { settings: settings.into() })
    }

    /// Takes the file system that `mount` is open on, to change its options.
    pub(super) fn of(mount: &Descriptor) -> Result<Self, Errno> {
        let settings = fspick(mount, c"", FsPickFlags::FSPICK_EMPTY_PATH | FsPickFlags::FSPICK_CLOEXEC)?;
        Ok(Filesystem { settings: settings.into() })
    }

    /// Sets an option: a flag or `key=value`.
    pub(super) fn option(&self, option: &CStr) -> Result<(), Fault> {
        let bytes = option.to_bytes();
        let result = match bytes.iter().position(|byte| *byte == b'=') {
            None => fsconfig_set_flag(&self.settings, option),
            Some(equals) => {
                let (key, value) = option.to_bytes_with_nul().split_at_checked(equals).unwrap_or_default();
                let value = value.get(1..).and_then(|value| CStr::from_bytes_with_nul(value).ok()).unwrap_or_default();
                if value.count_bytes() >= VALUE {
                    return Err(Fault::refusal(
                        "fsconfig takes at most 255 bytes as the value of an option, not",
                        bytes,
                    ));
                }
                with_key(key, |key| fsconfig_set_string(&self.settings, key, value))
            }
        };
        result.map_err(|errno| self.fault("fsconfig", bytes, errno))
    }

    /// Sets `key` to `value`.
    pub(super) fn set(&self, key: &CStr, value: &CStr) -> Result<(), Fault> {
        fsconfig_set_string(&self.settings, key, value).map_err(|errno| self.fault("fsconfig", value.to_bytes(), errno))
    }

    /// Makes the file system and a detached mount of it with the flags `MOUNT_ATTR_*`.
    pub(super) fn mount(self, kind: &CStr, flags: u64) -> Result<Descriptor, Fault> {
        fsconfig_create(&self.settings).map_err(|errno| self.fault("fsconfig", kind.to_bytes(), errno))?;
        // fsmount takes 32 bits; what is beyond is not one of its flags.
        let Ok(flags) = u32::try_from(flags) else { return Err(Fault::call("fsmount", kind.to_bytes(), Errno::INVAL)) };
        fsmount(self.settings.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::from_bits_retain(flags))
            .map(Descriptor::from)
            .map_err(|errno| self.fault("fsmount", kind.to_bytes(), errno))
    }

    /// Makes the new options those of the file system.
    pub(super) fn reconfigure(self, target: &CStr) -> Result<(), Fault> {
        fsconfig_reconfigure(&self.settings).map_err(|errno| self.fault("fsconfig", target.to_bytes(), errno))
    }

    /// The kernel's answer, with its own words where it has any.
    fn fault(&self, act: &'static str, object: &[u8], errno: Errno) -> Fault {
        let mut detail: ArrayVec<u8, 400> = object.iter().copied().take(200).collect();
        let mut line = [0; 256];
        while let Ok(length) = read(&self.settings, &mut line) {
            // `e `, `w ` or `i `, then the message.
            let words = line.get(2..length).unwrap_or_default().trim_ascii();
            if words.is_empty() {
                break;
            }
            let separator: &[u8] = if detail.is_empty() { b"" } else { b": " };
            detail.extend(separator.iter().chain(words).copied().take(detail.remaining_capacity()));
        }
        Fault::call(act, &detail, errno)
    }
}

/// Calls `set` with `key` as a string of its own.
fn with_key(key: &[u8], set: impl FnOnce(&CStr) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut text: ArrayVec<u8, VALUE> = ArrayVec::new();
    text.try_extend_from_slice(key).map_err(|_| Errno::INVAL)?;
    text.try_push(0).map_err(|_| Errno::INVAL)?;
    set(CStr::from_bytes_with_nul(&text).map_err(|_| Errno::INVAL)?)
}
