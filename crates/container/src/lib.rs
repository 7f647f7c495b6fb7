//! What a container is between two calls: state, lifecycle, hooks, exec.
#![forbid(unsafe_code)]
