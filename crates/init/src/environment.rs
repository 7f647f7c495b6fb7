//! The environment of the program.

use crate::fault::Fault;
use core::ffi::{CStr, c_char};
use core::ptr;
use plan::Texts;
use sys::Errno;
use sys::exec::Pointers;

/// Settings as the config gives them, and `HOME` where they don't set it.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'p> {
    pub settings: Texts<'p>,
    pub home: Option<&'p CStr>,
}

impl<'p> Environment<'p> {
    /// The value of the last setting of that name.
    pub(crate) fn value(self, wanted: &[u8]) -> Option<&'p [u8]> {
        let values = self.settings.iter().filter_map(|setting| setting.to_bytes().strip_prefix(wanted));
        values.filter_map(|rest| rest.strip_prefix(b"=")).last()
    }

    /// The list that the program gets: of a name that is set twice only the last setting.
    pub(crate) fn pointers(self) -> Result<Pointers<'p, 'p>, Fault> {
        let count = self.settings.count();
        let fault = |errno| Fault::call("lay out the environment", b"", errno);
        let slots = sys::memory::array::<*const c_char>(count + 2, ptr::null()).map_err(fault)?;
        let last = Last::of(self.settings, count).map_err(fault)?;
        let mut pointers = Pointers::new(slots);
        let home = self.home.filter(|_| self.value(b"HOME").is_none_or(<[u8]>::is_empty));
        for setting in self.settings.iter() {
            let replaced = home.is_some() && setting.to_bytes() == b"HOME=";
            if !replaced && last.is(setting) {
                pointers.push(setting).map_err(fault)?;
            }
        }
        if let Some(home) = home {
            pointers.push(home).map_err(fault)?;
        }
        Ok(pointers)
    }
}

/// The last setting of each name: a hash table, so that thousands of settings are no matter.
struct Last<'p> {
    slots: &'p mut [Option<&'p CStr>],
}

impl<'p> Last<'p> {
    fn of(settings: Texts<'p>, count: usize) -> Result<Self, Errno> {
        let last = Last { slots: sys::memory::array((count + 1) * 2, None)? };
        for setting in settings.iter() {
            let at = last.place(name(setting));
            if let Some(slot) = last.slots.get_mut(at) {
                *slot = Some(setting);
            }
        }
        Ok(last)
    }

    fn is(&self, setting: &CStr) -> bool {
        let last = self.slots.get(self.place(name(setting))).copied().flatten();
        last.is_some_and(|last| ptr::eq(last, setting))
    }

    /// Where the setting of that name is, or a free place for it: there are more slots than settings.
    fn place(&self, wanted: &[u8]) -> usize {
        // FNV-1a.
        let hash = wanted
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        let slots = self.slots.len();
        let start = usize::try_from(hash % slots as u64).unwrap_or(0);
        let taken = |at: &usize| self.slots.get(*at).copied().flatten().is_none_or(|setting| name(setting) == wanted);
        (start..slots).chain(0..start).find(taken).unwrap_or(start)
    }
}

fn name(setting: &CStr) -> &[u8] {
    setting.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}
