//! Kernel parameters: `/linux/sysctl`. Only those that the kernel keeps for each namespace, and only where
//! that namespace is the container's own: nothing that is written here changes the host.

use crate::Error;
use crate::error::text;
use plan::{Step, Text, Writer};
use spec::oci::Linux;

/// Which namespaces the container does not share with the host (nor with whatever the runtime runs in): new
/// ones, and joined ones that are not the runtime's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "four independent facts")]
pub struct Own {
    /// System V IPC and POSIX message queues.
    pub ipc: bool,
    /// Network.
    pub network: bool,
    /// Host and domain name.
    pub uts: bool,
    /// User.
    pub user: bool,
}

/// Parameters of the IPC namespace beside `fs.mqueue.*`. `sysctl_ipc(5)`, `ipc/ipc_sysctl.c` in the kernel.
const IPC: [&str; 12] = [
    "kernel/auto_msgmni",
    "kernel/msg_next_id",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/sem_next_id",
    "kernel/shm_next_id",
    "kernel/shm_rmid_forced",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
];

/// Adds a step for each parameter, in the order of their names.
///
/// # Errors
/// [`Error::Value`] for a parameter that is not kept for a namespace of the container's own, and for a key that
/// is not a plain path below `/proc/sys`.
pub fn push_sysctls(linux: &Linux, own: Own, to: &mut Writer) -> Result<(), Error> {
    let mut sysctls: Vec<_> = linux.sysctl().iter().flatten().collect();
    sysctls.sort();
    for (key, value) in sysctls {
        let place = format!("/linux/sysctl/{}", key.replace('~', "~0").replace('/', "~1"));
        let path =
            path(key).ok_or_else(|| Error::value(&*place, format!("sysctl {key:?} is not a name below /proc/sys")))?;
        check(key, &path, own).map_err(|why| Error::value(&*place, why))?;
        let path = text(&place, "sysctl", path)?;
        let value = text(&place, "sysctl value", value.as_str())?;
        to.push(&place, Step::Sysctl { path: Text(&path), value: Text(&value) });
    }
    Ok(())
}

/// A key's path below `/proc/sys`. Keys are spelt with dots, where a slash stands for a dot within a name, or
/// with slashes; the first of either tells. sysctl(8).
fn path(key: &str) -> Option<String> {
    let path = match key.find(['.', '/']).and_then(|first| key.as_bytes().get(first)) {
        Some(b'.') => key
            .chars()
            .map(|letter| match letter {
                '.' => '/',
                '/' => '.',
                other => other,
            })
            .collect(),
        _ => key.to_owned(),
    };
    path.split('/').all(|name| !matches!(name, "" | "." | "..")).then_some(path)
}

/// Whether the container may set what is at `path`; why not, in runc's words.
fn check(key: &str, path: &str, own: Own) -> Result<(), String> {
    let conflict = || format!("sysctl {key:?} is not allowed as it conflicts with the OCI \"hostname\" field");
    if IPC.contains(&path) || path.starts_with("fs/mqueue/") {
        return own
            .ipc
            .then_some(())
            .ok_or_else(|| format!("sysctl {key:?} is not allowed in the hosts ipc namespace"));
    }
    if path.starts_with("net/") {
        return own
            .network
            .then_some(())
            .ok_or_else(|| format!("sysctl {key:?} not allowed in host network namespace"));
    }
    if path.starts_with("user/") {
        let why = || format!("setting ucounts without a user namespace not allowed: {key}");
        return own.user.then_some(()).ok_or_else(why);
    }
    match path {
        "kernel/domainname" if own.uts => Ok(()),
        "kernel/hostname" if own.uts => Err(conflict()),
        _ => Err(format!("sysctl {key:?} is not in a separate kernel namespace")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn linux(sysctl: &serde_json::Value) -> Linux {
        serde_json::from_value(json!({ "sysctl": sysctl })).unwrap()
    }

    const ALL: Own = Own { ipc: true, network: true, uts: true, user: true };

    fn plan(key: &str, own: Own) -> Result<(String, String), Error> {
        let mut to = Writer::default();
        push_sysctls(&linux(&json!({ key: "7" })), own, &mut to)?;
        let placed = to.steps().next().unwrap();
        let Step::Sysctl { path, value } = placed.step else { panic!("{placed:?}") };
        assert_eq!(value.bytes(), b"7");
        Ok((placed.place.to_owned(), String::from_utf8(path.bytes().to_vec()).unwrap()))
    }

    #[test]
    fn both_spellings_lead_to_the_same_file() {
        for key in ["net.core.somaxconn", "net/core/somaxconn"] {
            assert_eq!(plan(key, ALL).unwrap().1, "net/core/somaxconn");
        }
        for key in ["net.ipv4.conf.eno2/100.rp_filter", "net/ipv4/conf/eno2.100/rp_filter"] {
            assert_eq!(plan(key, ALL).unwrap().1, "net/ipv4/conf/eno2.100/rp_filter");
        }
        assert_eq!(plan("net/core/somaxconn", ALL).unwrap().0, "/linux/sysctl/net~1core~1somaxconn");
    }

    #[test]
    fn each_is_written_only_where_its_namespace_is_the_containers() {
        let none = Own::default();
        let keys: [(&[&str], Own); 4] = [
            (
                &["kernel.msgmax", "kernel.shm_rmid_forced", "kernel.sem", "kernel.auto_msgmni", "fs.mqueue.msg_max"],
                Own { ipc: true, ..none },
            ),
            (&["net.ipv4.ip_forward", "net.core.somaxconn"], Own { network: true, ..none }),
            (&["kernel.domainname"], Own { uts: true, ..none }),
            (&["user.max_user_namespaces"], Own { user: true, ..none }),
        ];
        for (keys, own) in keys {
            let others = Own { ipc: !own.ipc, network: !own.network, uts: !own.uts, user: !own.user };
            for key in keys.iter().flat_map(|key| [(*key).to_owned(), key.replace('.', "/")]) {
                assert!(plan(&key, own).is_ok(), "{key}");
                assert!(plan(&key, none).is_err(), "{key}");
                assert!(plan(&key, others).is_err(), "{key}");
            }
        }
    }

    #[test]
    fn what_belongs_to_the_whole_machine_is_never_written() {
        for key in [
            "kernel.core_pattern",
            "kernel.panic",
            "kernel.sysrq",
            "kernel.modprobe",
            "vm.overcommit_memory",
            "fs.file-max",
            "kernel.shmmaxx",
            "kernel.msg",
            "kernel.hostname",
            "kernel",
            "net",
            "dev.cdrom.info",
            "abi.vsyscall32",
            "debug.x",
            "fs.mqueue",
            "sem",
            "netx.core",
        ] {
            for key in [key.to_owned(), key.replace('.', "/")] {
                assert!(plan(&key, ALL).is_err(), "{key}");
            }
        }
    }

    #[test]
    fn no_key_leaves_its_directory() {
        for key in [
            "net/../kernel/core_pattern",
            "net.//.kernel.core_pattern",
            "net/./core/somaxconn",
            "net..core",
            "net//core",
            "/net/core/somaxconn",
            ".net.core",
            "net.core.",
            "net/core/",
            "",
            ".",
            "..",
            "/",
            "net/..",
            "fs.mqueue.//.//.kernel.panic",
        ] {
            assert!(plan(key, ALL).is_err(), "{key:?}");
        }
    }

    #[test]
    fn the_words_are_runcs() {
        let said = |key, own| plan(key, own).unwrap_err().to_string();
        assert_eq!(
            said("kernel.hostname", ALL),
            "/linux/sysctl/kernel.hostname: sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field"
        );
        assert!(said("kernel.hostname", Own::default()).contains("is not in a separate kernel namespace"));
        assert!(said("net.core.somaxconn", Own::default()).contains("not allowed in host network namespace"));
    }

    #[test]
    fn nul_is_refused_and_order_is_stable() {
        let mut to = Writer::default();
        assert!(matches!(push_sysctls(&linux(&json!({"net.a": "\0"})), ALL, &mut to), Err(Error::Nul { .. })));
        let many: std::collections::HashMap<_, _> = (0..50).map(|n| (format!("net.x{n:02}"), "")).collect();
        let mut to = Writer::default();
        push_sysctls(&linux(&json!(many)), ALL, &mut to).unwrap();
        let places: Vec<_> = to.steps().map(|placed| placed.place).collect();
        assert!(places.is_sorted() && places.len() == 50);
    }
}
