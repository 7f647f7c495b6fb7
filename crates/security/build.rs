//! Writes the table of system calls: all that libseccomp knows, with their numbers. To ask it for each name of a profile
//! takes a tenth of a container's start: for i386 it tries some thirty names with each.

use libseccomp::{ScmpArch, ScmpSyscall};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

/// The numbers that libseccomp gives to calls, and, below 0, to calls of other architectures.
const NUMBERS: std::ops::Range<i32> = -11_000..1_000;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| std::env::var(name).unwrap_or_default();
    // In the order of `FAMILY` in src/seccomp/arch.rs.
    let family: &[&str] = match variable("CARGO_CFG_TARGET_ARCH").as_str() {
        "x86_64" => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => &[],
    };
    let arches: Vec<_> = family.iter().filter_map(|name| ScmpArch::from_str(name).ok()).collect();
    let names = arches.iter().flat_map(|arch| NUMBERS.filter_map(|number| name(number, *arch)));
    let number = |name: &String, arch: &ScmpArch| ScmpSyscall::from_name_by_arch(name, *arch).map_or(-1, i32::from);
    let calls: BTreeMap<_, Vec<_>> =
        names.map(|name| (name.clone(), arches.iter().map(|arch| number(&name, arch)).collect())).collect();
    let mut table = String::from("[\n");
    for (name, numbers) in &calls {
        // Writing to a string does not fail.
        let _fits = writeln!(table, "    ({name:?}, {numbers:?}),");
    }
    let file = PathBuf::from(variable("OUT_DIR")).join("calls.rs");
    if calls.is_empty() || std::fs::write(file, table + "]\n").is_err() {
        println!("cargo::error=libseccomp tells of no system calls, or there is no place to write them");
    }
}

fn name(number: i32, arch: ScmpArch) -> Option<String> {
    ScmpSyscall::from_raw_syscall(number).get_name_by_arch(arch).ok()
}
