//! The architectures that a process of this machine can make calls of.

use libseccomp::ScmpVersion;
use spec::oci;

/// One of the ABIs that the kernel of this machine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arch {
    /// As the config names it.
    pub(crate) name: oci::Arch,
    /// `AUDIT_ARCH_*`, as the kernel tells it to a filter.
    pub(crate) audit: u32,
    /// What is added to the numbers of calls: x32 has a bit of its own, and the audit value of x86-64.
    pub(crate) base: u32,
    /// Arguments have 64 bits.
    pub(crate) wide: bool,
    /// The newest call of Linux 3.0.
    pub(crate) old: u32,
}

/// `AUDIT_ARCH_X86_64`.
pub(crate) const X86_64: u32 = 0xc000_003e;

/// The bit in the numbers of x32's calls.
pub(crate) const X32: u32 = 0x4000_0000;

/// All, the native one first; the build script has the same list.
#[cfg(target_arch = "x86_64")]
pub(crate) const FAMILY: &[Arch] = &[
    Arch { name: oci::Arch::ScmpArchX86_64, audit: X86_64, base: 0, wide: true, old: 308 },
    Arch { name: oci::Arch::ScmpArchX86, audit: 0x4000_0003, base: 0, wide: false, old: 346 },
    Arch { name: oci::Arch::ScmpArchX32, audit: X86_64, base: X32, wide: false, old: X32 + 308 },
];

/// All, the native one first; the build script has the same list.
#[cfg(target_arch = "aarch64")]
pub(crate) const FAMILY: &[Arch] = &[
    Arch { name: oci::Arch::ScmpArchAarch64, audit: 0xc000_00b7, base: 0, wide: true, old: 268 },
    Arch { name: oci::Arch::ScmpArchArm, audit: 0x4000_0028, base: 0, wide: false, old: 375 },
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("a filter for this architecture needs a row in FAMILY: its audit value and its numbers");

/// The architectures of a profile that can occur here: the native one, listed or not, and those listed of its
/// family. All others are harmless: the kernel never tells a filter of them.
pub(crate) fn of(listed: &[oci::Arch]) -> Vec<Arch> {
    FAMILY
        .iter()
        .enumerate()
        .filter(|(index, arch)| *index == 0 || listed.contains(&arch.name))
        .map(|(_, arch)| *arch)
        .collect()
}

/// Whether this libseccomp knows an architecture: some are new in 2.6. Another one is an error in a config.
pub fn supported(arch: oci::Arch) -> bool {
    use oci::Arch::{ScmpArchLoongarch64, ScmpArchM68k, ScmpArchSh, ScmpArchSheb};
    let new = matches!(arch, ScmpArchLoongarch64 | ScmpArchM68k | ScmpArchSh | ScmpArchSheb);
    !new || libseccomp::check_version(ScmpVersion { major: 2, minor: 6, micro: 0 }).unwrap_or(false)
}
