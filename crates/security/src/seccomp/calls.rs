//! The numbers that a call's name stands for. libseccomp has most, gathered by this crate's build script; what it lacks
//! is here.

use super::arch::{Arch, FAMILY, X86_64};
use spec::oci;

/// The calls that libseccomp knows, by name. Negative numbers stand for calls of other architectures and, by hundreds, for
/// those behind a multiplexer.
#[allow(clippy::unreadable_literal, reason = "a program wrote them")]
static CALLS: &[(&str, [i32; FAMILY.len()])] = &include!(concat!(env!("OUT_DIR"), "/calls.rs"));

/// The number of a call that an architecture does not have.
const NONE: i32 = -1;

/// The numbers of a call, in the order of [`FAMILY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers([i32; FAMILY.len()]);

/// One way to make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// The number.
    pub(crate) number: u32,
    /// The first argument, where the number is that of socketcall(2) or ipc(2), which stand for many calls. The
    /// call's own arguments are in memory then, out of a filter's reach.
    pub(crate) selector: Option<u32>,
}

/// The ways to make a call: two at most.
pub(crate) type Ways = [Option<Way>; 2];

/// Looks for calls by name, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Finder {
    /// The place after the last one that was found: profiles list names in their order, so the next one is near.
    near: usize,
}

impl Finder {
    /// The numbers of the call of that name. `None` where no architecture has such a call.
    pub(crate) fn find(&mut self, name: &str) -> Option<Numbers> {
        const NEAR: usize = 4;
        let near = CALLS.iter().skip(self.near).take(NEAR).position(|(one, _)| *one == name);
        let place = near.map(|offset| self.near + offset);
        let Some(place) = place.or_else(|| CALLS.binary_search_by(|(one, _)| (*one).cmp(name)).ok()) else {
            return newer(name);
        };
        self.near = place + 1;
        CALLS.get(place).map(|(_, numbers)| Numbers(*numbers))
    }
}

/// Those of a call that libseccomp does not know.
fn newer(name: &str) -> Option<Numbers> {
    let find = |calls: &[(&str, i32)]| calls.iter().find(|(one, _)| *one == name).map(|(_, number)| *number);
    let (everywhere, native) = (find(&NEWER), find(&ONLY_X86_64));
    let known = everywhere.is_some() || native.is_some() || ELSEWHERE.contains(&name);
    let number = |arch: Arch| {
        let here = everywhere.or(native.filter(|_| arch.audit == X86_64));
        here.map_or(NONE, |number| number + arch.base.cast_signed())
    };
    known.then(|| Numbers(std::array::from_fn(|place| FAMILY.get(place).map_or(NONE, |arch| number(*arch)))))
}

/// The ways to make the call of that name; `None` where no architecture has such a call.
#[cfg(any(test, fuzzing))]
pub(crate) fn ways(name: &str, arch: Arch) -> Option<Ways> {
    Finder::default().find(name).map(|numbers| numbers.ways(name, arch))
}

impl Numbers {
    /// All ways to make the call, whose name is `name`: none where `arch` does not have it.
    pub(crate) fn ways(self, name: &str, arch: Arch) -> Ways {
        let known = FAMILY.iter().zip(self.0).find(|(one, _)| one.name == arch.name);
        let number = known.map_or(NONE, |(_, number)| number);
        let multiplexer = match number {
            0.. => return [Some(way(number)), None],
            _ if arch.name != oci::Arch::ScmpArchX86 => return [None, None],
            -120..=-100 => SOCKETCALL,
            -224..=-200 => IPC,
            _ => return [None, None],
        };
        let direct = X86.iter().find(|(one, _)| *one == name).map(|(_, number)| way(*number));
        [direct, Some(Way { number: multiplexer, selector: Some(number.unsigned_abs() % 100) })]
    }
}

fn way(number: i32) -> Way {
    Way { number: number.unsigned_abs(), selector: None }
}

/// Calls of Linux 5.18 to 7.1: libseccomp 2.5.4 knows those up to 5.17, and it is linked in and can't learn.
/// They have the same number everywhere.
const NEWER: [(&str, i32); 21] = [
    ("cachestat", 451),
    ("fchmodat2", 452),
    ("map_shadow_stack", 453),
    ("futex_wake", 454),
    ("futex_wait", 455),
    ("futex_requeue", 456),
    ("statmount", 457),
    ("listmount", 458),
    ("lsm_get_self_attr", 459),
    ("lsm_set_self_attr", 460),
    ("lsm_list_modules", 461),
    ("mseal", 462),
    ("setxattrat", 463),
    ("getxattrat", 464),
    ("listxattrat", 465),
    ("removexattrat", 466),
    ("open_tree_attr", 467),
    ("file_getattr", 468),
    ("file_setattr", 469),
    ("listns", 470),
    ("rseq_slice_yield", 471),
];

/// The same, in a gap of x86-64's and x32's own numbers.
const ONLY_X86_64: [(&str, i32); 2] = [("uretprobe", 335), ("uprobe", 336)];

/// The same, of architectures that are not in [`super::arch::FAMILY`].
const ELSEWHERE: [&str; 4] = ["riscv_hwprobe", "atomic_barrier", "atomic_cmpxchg_32", "getpagesize"];

/// socketcall(2) of i386.
const SOCKETCALL: u32 = 102;

/// ipc(2) of i386.
const IPC: u32 = 117;

/// Calls of i386 that got a number of their own beside that of their multiplexer (Linux 2.6.33 to 5.1). For
/// these, libseccomp tells the multiplexer's only.
const X86: [(&str, i32); 27] = [
    ("recvmmsg", 337),
    ("sendmmsg", 345),
    ("socket", 359),
    ("socketpair", 360),
    ("bind", 361),
    ("connect", 362),
    ("listen", 363),
    ("accept4", 364),
    ("getsockopt", 365),
    ("setsockopt", 366),
    ("getsockname", 367),
    ("getpeername", 368),
    ("sendto", 369),
    ("sendmsg", 370),
    ("recvfrom", 371),
    ("recvmsg", 372),
    ("shutdown", 373),
    ("semget", 393),
    ("semctl", 394),
    ("shmget", 395),
    ("shmctl", 396),
    ("shmat", 397),
    ("shmdt", 398),
    ("msgget", 399),
    ("msgsnd", 400),
    ("msgrcv", 401),
    ("msgctl", 402),
];

#[cfg(test)]
mod tests {
    use super::super::tests::reference::token;
    use super::*;
    use libseccomp::{ScmpArch, ScmpSyscall};

    #[test]
    fn numbers_of_i386_are_libseccomps() {
        for (name, number) in X86 {
            let call = ScmpSyscall::from_raw_syscall(number);
            assert_eq!(call.get_name_by_arch(ScmpArch::X86).unwrap(), name);
        }
        let multiplexed = |name| ways(name, FAMILY[1]).unwrap()[1].unwrap();
        assert_eq!(multiplexed("socket"), Way { number: 102, selector: Some(1) });
        assert_eq!(multiplexed("sendmmsg"), Way { number: 102, selector: Some(20) });
        assert_eq!(multiplexed("semop"), Way { number: 117, selector: Some(1) });
        assert_eq!(multiplexed("shmctl"), Way { number: 117, selector: Some(24) });
    }

    #[test]
    fn every_call_that_libseccomp_has_is_found() {
        for arch in FAMILY {
            for number in (0..1000).map(|number| number + arch.base.cast_signed()) {
                let Ok(name) = ScmpSyscall::from_raw_syscall(number).get_name_by_arch(token(*arch)) else { continue };
                assert_eq!(ways(&name, *arch).unwrap()[0], Some(way(number)), "{name} of {:?}", arch.name);
            }
        }
    }

    #[test]
    fn newer_calls_are_known_everywhere() {
        for (name, number) in NEWER {
            for arch in FAMILY.iter().take(2) {
                assert_eq!(ways(name, *arch), Some([Some(way(number)), None]), "{name}");
            }
        }
        let one = |number| Some([Some(way(number)), None]);
        assert_eq!(ways("mseal", FAMILY[2]), one(0x4000_0000 + 462));
        assert_eq!(ways("uretprobe", FAMILY[0]), one(335));
        assert_eq!(ways("uretprobe", FAMILY[1]), Some([None, None]));
        for elsewhere in ["riscv_hwprobe", "s390_pci_mmio_read"] {
            assert_eq!(ways(elsewhere, FAMILY[0]), Some([None, None]), "{elsewhere}");
        }
        assert_eq!(ways("no_such_call", FAMILY[0]), None);
    }
}
