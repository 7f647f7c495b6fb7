//! What confines the process: capabilities, seccomp, labels, limits, sysctls.
#![forbid(unsafe_code)]
