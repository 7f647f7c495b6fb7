//! The real binary, subject by subject. Each test has a bundle, a state folder and cgroups of its own.
#![allow(missing_docs)]

mod cases;
mod cgroups;
mod commands;
mod errors;
mod exec;
mod faults;
mod hooks;
mod lifecycle;
mod mounts;
mod namespaces;
mod network_devices;
mod process;
mod resctrl;
mod resources;
mod robustness;
mod rootless;
mod seccomp;
mod sub_cgroups;
mod sweep;
mod systemd;
mod systemd_bus;
mod systemd_properties;
mod terminal;
mod updates;
