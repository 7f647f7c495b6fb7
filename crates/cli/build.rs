//! Has the linker lay the functions that commands run side by side, in the order of `layout.txt` (hack/layout), and take
//! our start of the C library (`sys::glibc`).

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=layout.txt");
    println!("cargo::rustc-check-cfg=cfg(wrapped_start)");
    let variable = |name| env::var(name).unwrap_or_default();
    let (target, folder) = (variable("TARGET"), PathBuf::from(variable("CARGO_MANIFEST_DIR")));
    wrap_start();
    // Not by the profile: the names of functions, which `layout.txt` gives, are others in each profile.
    println!("cargo::rerun-if-env-changed=KEEP_SYMBOLS");
    if variable("PROFILE") == "release" && variable("KEEP_SYMBOLS").is_empty() {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
    // Only lld knows how. The compiler brings it along, and takes it where it does, for this target.
    if variable("PROFILE") == "release" && target == "x86_64-unknown-linux-gnu" && has_lld(&target) {
        println!("cargo::rustc-link-arg-bins=-Wl,--symbol-ordering-file={}", folder.join("layout.txt").display());
        println!("cargo::rustc-link-arg-bins=-Wl,--no-warn-symbol-ordering");
    }
}

/// Where there is a C library of that kind in the program.
fn wrap_start() {
    let is = |variable: &str, value| env::var(variable).is_ok_and(|list| list.split(',').any(|one| one == value));
    if is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_FEATURE", "crt-static")
    {
        println!("cargo::rustc-cfg=wrapped_start");
        println!("cargo::rustc-link-arg-bins=-Wl,--wrap=__libc_start_main");
    }
}

fn has_lld(target: &str) -> bool {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = std::process::Command::new(compiler).args(["--print", "sysroot"]).output();
    let sysroot = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    PathBuf::from(sysroot).join("lib/rustlib").join(target).join("bin/gcc-ld/ld.lld").exists()
}
