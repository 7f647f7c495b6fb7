//! cgroups: create, limit, join, freeze, measure, kill, remove.
#![forbid(unsafe_code)]
