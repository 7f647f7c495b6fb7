//! The real kernel: cgroups of this test's own are made, used and removed. Needs root; skips with a reason else.
//! Every test runs on the host's own layout and, where there is a v2 hierarchy beside v1, on that alone too.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod bench;
mod devices;
mod lifecycle;
mod limits;
mod news;
