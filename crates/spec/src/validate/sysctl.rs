//! `linux.sysctl`: only what belongs to a namespace of the container's own may be written.

use super::check::Check;
use crate::error::{Fault, Quoted};
use crate::lookup::{Namespace, namespace, sysctl_path};
use oci_spec::runtime::{Linux, LinuxNamespaceType as Kind, Spec};

/// The sysctls of an IPC namespace, beside `fs/mqueue/`. `ipc_namespaces(7)`.
const IPC: [&str; 8] = [
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
];

/// A network namespace that is joined may still be the host's; whoever opens it has to compare.
pub(crate) fn check(spec: &Spec, linux: &Linux) -> Check {
    let own = |kind| namespace(spec, kind) != Namespace::Inherited;
    for key in linux.sysctl().iter().flatten().map(|(key, _)| key) {
        let path = sysctl_path(key);
        let refuse = |rule: &str| Err(Fault::new("/linux/sysctl", Quoted(key), rule));
        let outside = path.split('/').any(|part| part.is_empty() || part == "." || part == "..");
        if outside {
            return refuse("must be the name of a sysctl, such as net.ipv4.ip_forward");
        }
        if IPC.contains(&path.as_str()) || path.starts_with("fs/mqueue/") {
            if !own(Kind::Ipc) {
                return refuse("is not allowed in the hosts ipc namespace");
            }
        } else if path.starts_with("net/") {
            if !own(Kind::Network) {
                return refuse("not allowed in host network namespace");
            }
        } else if path == "kernel/hostname" && own(Kind::Uts) {
            return refuse("is not allowed as it conflicts with the OCI \"hostname\" field");
        } else if path.starts_with("user/") {
            if !own(Kind::User) {
                return refuse("setting ucounts without a user namespace not allowed");
            }
        } else if !(path == "kernel/domainname" && own(Kind::Uts)) {
            return refuse("is not in a separate kernel namespace");
        }
    }
    Ok(())
}
