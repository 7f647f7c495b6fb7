//! The root file system: which mounts, devices, links, masks, in which order.
#![forbid(unsafe_code)]
