//! Every known way out of a container, tried: one file a class of vulnerability, numbered as in `docs/security.md`.
#![allow(missing_docs)]

mod c01_own_binary;
mod c02_joining;
mod c03_descriptors;
mod c04_exchange;
mod c05_before_pivot;
mod c06_image_inodes;
mod c07_console;
mod c08_procfs;
mod c09_capabilities;
mod c10_users;
mod c11_lengths;
mod c12_cgroups;
mod c13_checkpoint;
mod c14_hooks;
mod c15_foreign_files;
mod c16_exhaustion;
mod c17_ids;
mod c18_sysctls;
mod c19_control_points;
mod c20_kernel_structs;
mod c21_filters;
mod hostile_configs;
mod identity;
mod labels;
mod selinux;
mod swaps;
mod swaps_inside;
