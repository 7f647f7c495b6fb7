//! What the config wants of each kind of namespace.

use spec::oci::{LinuxNamespaceType, Spec};
use std::path::PathBuf;
use sys::namespace::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS,
};

/// A namespace to join.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Join {
    /// Its `CLONE_NEW*` flag.
    pub kind: u32,
    /// Its path in the runtime's mount namespace.
    pub path: PathBuf,
    /// JSON pointer of that path.
    pub place: String,
}

/// Which namespaces to make and which to join; all others are the runtime's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `CLONE_NEW*` of those to make.
    pub new: u32,
    /// Those to join, in the config's order.
    pub joined: Vec<Join>,
}

impl Wanted {
    /// Whether the container has a namespace of this kind of its own, new or joined.
    pub fn has(&self, kind: u32) -> bool {
        self.makes(kind) || self.join(kind).is_some()
    }

    /// Whether a namespace of this kind is made.
    pub fn makes(&self, kind: u32) -> bool {
        self.new & kind != 0
    }

    /// The namespace of this kind that is joined.
    pub fn join(&self, kind: u32) -> Option<&Join> {
        self.joined.iter().find(|join| join.kind == kind)
    }
}

/// Reads `/linux/namespaces`. That no kind stands there twice has been checked.
pub fn wanted(spec: &Spec) -> Wanted {
    let mut wanted = Wanted::default();
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    for (index, namespace) in namespaces.into_iter().flatten().enumerate() {
        let kind = flag(namespace.typ());
        match namespace.path().as_ref().filter(|path| !path.as_os_str().is_empty()) {
            None => wanted.new |= kind,
            Some(path) => {
                wanted.joined.push(Join { kind, path: path.clone(), place: format!("/linux/namespaces/{index}/path") });
            }
        }
    }
    wanted
}

/// The `CLONE_NEW*` flag of a kind.
fn flag(kind: LinuxNamespaceType) -> u32 {
    match kind {
        LinuxNamespaceType::Mount => CLONE_NEWNS,
        LinuxNamespaceType::Cgroup => CLONE_NEWCGROUP,
        LinuxNamespaceType::Uts => CLONE_NEWUTS,
        LinuxNamespaceType::Ipc => CLONE_NEWIPC,
        LinuxNamespaceType::User => CLONE_NEWUSER,
        LinuxNamespaceType::Pid => CLONE_NEWPID,
        LinuxNamespaceType::Network => CLONE_NEWNET,
        LinuxNamespaceType::Time => CLONE_NEWTIME,
    }
}

/// The word of the config for a `CLONE_NEW*` flag.
pub(crate) fn name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        CLONE_NEWNS => "mount",
        CLONE_NEWCGROUP => "cgroup",
        CLONE_NEWUTS => "uts",
        CLONE_NEWIPC => "ipc",
        CLONE_NEWUSER => "user",
        CLONE_NEWPID => "pid",
        CLONE_NEWNET => "network",
        CLONE_NEWTIME => "time",
        _ => return None,
    })
}
