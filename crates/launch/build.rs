//! Builds the init stage, a program without a C library, so that it can be embedded.
//!
//! It is a program of its own, with its own flags, so cargo is run once more, in a target directory of its own.

#![allow(clippy::expect_used, clippy::panic, reason = "a build that can't go on says so and stops")]

use std::env;
use std::path::PathBuf;
use std::process::Command;

const FLAGS: [&str; 6] = [
    "-Crelocation-model=static",
    "-Ctarget-feature=+crt-static",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-static",
    "-Clink-arg=-Wl,--build-id=none,-z,noseparate-code,-z,norelro,--no-eh-frame-hdr",
];

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

fn main() {
    let crates = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    for name in ["init", "plan", "sys"] {
        println!("cargo::rerun-if-changed={}", crates.join(name).display());
    }
    let mut flags = FLAGS.map(str::to_owned).to_vec();
    flags.push(format!("-Clink-arg=-Wl,-T,{}", crates.join("init/discard.ld").display()));
    let (target, out) = (variable("TARGET"), PathBuf::from(variable("OUT_DIR")));
    let built = Command::new(variable("CARGO"))
        .args(["build", "--package", "cofferdam-init", "--release", "--target", &target, "--target-dir"])
        .arg(out.join("init"))
        .arg("--manifest-path")
        .arg(crates.join("init/Cargo.toml"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        // It is copied on every start and does little but system calls: small is fast.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the init stage does not build");
    let program = out.join("init").join(target).join("release/cofferdam-init");
    println!("cargo::rustc-env=COFFERDAM_INIT={}", program.display());
}
