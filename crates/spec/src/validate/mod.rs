//! The rules of the specification that need no look at the host, one file a section.

mod check;
mod devices;
mod hooks;
mod identity;
mod intel_rdt;
mod linux;
mod memory_policy;
mod mounts;
mod namespaces;
mod process;
mod resources;
mod seccomp;
mod sysctl;

pub(crate) use intel_rdt::check as intel_rdt;
pub use intel_rdt::is_resctrl_name;
pub(crate) use process::process;
pub(crate) use resources::resources;
pub(crate) use seccomp::check as seccomp;

use crate::error::{Fault, Quoted};
use crate::lookup::{Namespace, namespace};
use crate::version;
use check::Check;
use oci_spec::runtime::{LinuxNamespaceType, Spec};

/// The longest host name and domain name that Linux takes, in bytes.
const NAME: usize = 64;

/// Checks a whole config, and brings it into the normal form that the crate promises.
pub(crate) fn config(spec: &mut Spec, warnings: &mut Vec<String>) -> Check {
    version::check(spec.version())?;
    root(spec)?;
    names(spec)?;
    annotations(spec)?;
    if let Some(process) = spec.process() {
        self::process("/process", process)?;
    }
    if let Some(hooks) = spec.hooks() {
        hooks::check(hooks)?;
    }
    namespaces::check(spec, warnings)?;
    mounts::check(spec, warnings)?;
    linux::check(spec, warnings)?;
    if let Some(linux) = spec.linux_mut() {
        devices::normalize(linux);
    }
    Ok(())
}

fn root(spec: &Spec) -> Check {
    let Some(root) = spec.root() else { return Err(Fault::missing("/root", "root must be specified")) };
    if root.path().as_os_str().is_empty() {
        return Err(Fault::missing("/root/path", "must be the path of the root file system"));
    }
    Ok(())
}

fn names(spec: &Spec) -> Check {
    for (key, name) in [("hostname", spec.hostname()), ("domainname", spec.domainname())] {
        let Some(name) = name.as_deref().filter(|name| !name.is_empty()) else { continue };
        let pointer = format!("/{key}");
        if namespace(spec, LinuxNamespaceType::Uts) == Namespace::Inherited {
            let rule = format!("unable to set {key} without a private UTS namespace");
            return Err(Fault::new(pointer, Quoted(name), rule)
                .hint(format_args!("add {{\"type\": \"uts\"}} to /linux/namespaces, or remove {key}")));
        }
        if name.len() > NAME {
            return Err(Fault::new(pointer, format_args!("{} bytes long", name.len()), "at most 64 bytes are allowed"));
        }
    }
    Ok(())
}

fn annotations(spec: &Spec) -> Check {
    match spec.annotations() {
        Some(annotations) if annotations.contains_key("") => {
            Err(Fault::new("/annotations/", "an empty key", "the key of an annotation must not be empty"))
        }
        _ => Ok(()),
    }
}
