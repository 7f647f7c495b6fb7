//! The real binary, subject by subject. Each test has a bundle, a state folder and cgroups of its own.
#![allow(missing_docs)]

mod cases;
mod errors;
mod exec;
mod lifecycle;
mod mounts;
mod namespaces;
mod process;
mod seccomp;
