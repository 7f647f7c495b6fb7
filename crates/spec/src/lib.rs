//! config.json to a valid Spec.
//!
//! [`load`] reads `<bundle>/config.json`, [`parse`] makes a [`oci::Spec`] of its bytes and checks every rule of
//! runtime-spec 1.3 that needs no look at the host. ([`load`] leaves one thing, since it has time: [`Loaded::seccomp`].)
//! What is wrong comes back as one line that names the place (a JSON pointer), what was found there, and what is allowed.
//! Unknown properties are ignored.
//!
//! The Spec that comes back is in a normal form, so that nobody downstream has to ask twice:
//! - a mount of type `bind` that has neither of the options `bind` and `rbind` has got `bind` (and a warning);
//! - the mode of a device has no file type bits;
//! - unknown capabilities are gone (a warning each); names in lower case, or without `CAP_`, are accepted;
//! - `pids` without a limit, and `seccomp` without anything in it, are gone.
#![forbid(unsafe_code)]

mod default;
mod document;
mod error;
mod explain;
mod features;
mod load;
mod lookup;
mod parse;
mod required;
mod scan;
mod trim;
mod validate;
mod version;
mod workarounds;

pub use default::default_config;
pub use document::SIZE;
pub use error::{Clean, Error, Fault};
pub use features::{Facts, features};
pub use load::load;
pub use lookup::{Namespace, is_bind, mask, namespace, process, seccomp, sysctl_path};
pub use oci_spec::runtime as oci;
pub use parse::{Loaded, parse, parse_intel_rdt, parse_kept, parse_process, parse_resources};
pub use trim::for_exec;
pub use validate::is_resctrl_name;
pub use version::OCI_VERSION;
