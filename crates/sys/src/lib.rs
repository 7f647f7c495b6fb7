//! The floor: system calls that [`rustix`] does not wrap, each a small safe function that names its man
//! page, and the only `unsafe` in Cofferdam. It needs neither the standard library nor a C library, so the
//! runtime and its init stage (which has neither) stand on the same floor.
#![no_std]
// A descriptor or a pid goes to the kernel as a word.
#![allow(clippy::cast_sign_loss, clippy::many_single_char_names)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "entry")]
pub mod entry;

pub mod bpf;
mod call;
pub mod clone;
pub mod descriptor;
pub mod exec;
pub mod file;
#[cfg(all(target_arch = "x86_64", target_env = "gnu", target_feature = "crt-static"))]
pub mod glibc;
pub mod keyring;
pub mod lsm;
pub mod memory;
pub mod mount;
pub mod mountinfo;
pub mod namespace;
pub mod netlink;
pub mod network;
pub mod pidfd;
pub mod process;
pub mod schedule;
pub mod seccomp;
pub mod signal;
#[cfg(feature = "std")]
pub mod start;
#[cfg(feature = "std")]
pub mod text;

pub use rustix::io::Errno;
