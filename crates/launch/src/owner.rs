//! To whom the container's cgroup is given, so that its root can make cgroups below: config-linux.md, cgroup ownership.

use namespaces::{Map, Wanted};
use spec::oci::{Mount, Spec};
use std::path::Path;
use sys::namespace::{CLONE_NEWCGROUP, CLONE_NEWUSER};

/// The host's id of the container's user, where he can see the cgroup as the root of a hierarchy and write there. None
/// too where he is the host's root, who owns it anyway, or where only a joined user namespace knows who he is.
pub(crate) fn owner(spec: &Spec, wanted: &Wanted, ids: &Map) -> Option<u32> {
    let writable = spec.mounts().iter().flatten().any(is_writable_cgroup);
    if !wanted.makes(CLONE_NEWCGROUP) || !writable || wanted.join(CLONE_NEWUSER).is_some() {
        return None;
    }
    let user = spec.process().as_ref()?.user().uid();
    let user = if wanted.makes(CLONE_NEWUSER) { Map::outside(&ids.users, user)? } else { user };
    (user != 0).then_some(user)
}

fn is_writable_cgroup(mount: &Mount) -> bool {
    let read_only = mount.options().iter().flatten().any(|option| option == "ro");
    let source = mount.source().as_deref() == Some(Path::new("cgroup"));
    source && mount.destination() == Path::new("/sys/fs/cgroup") && !read_only
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(change: &[(&str, Value)]) -> Option<u32> {
        let mut config = json!({
            "ociVersion": "1.3.0",
            "root": {"path": "/"},
            "process": {"cwd": "/", "args": ["x"], "user": {"uid": 7, "gid": 0}},
            "mounts": [{"destination": "/sys/fs/cgroup/", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "rw"]}],
            "linux": {
                "namespaces": [{"type": "cgroup"}, {"type": "mount"}, {"type": "user"}],
                "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
            },
        });
        for (pointer, value) in change {
            *config.pointer_mut(pointer).unwrap() = value.clone();
        }
        let spec: Spec = serde_json::from_value(config).unwrap();
        let ids = Map::new(spec.linux().as_ref().unwrap().uid_mappings().as_ref().unwrap(), &[]);
        owner(&spec, &namespaces::wanted(&spec), &ids)
    }

    #[test]
    fn only_who_can_write_it_gets_it() {
        assert_eq!(of(&[]), Some(1007));
        let namespaces = |list: &[&str]| list.iter().map(|kind| json!({"type": kind})).collect::<Value>();
        assert_eq!(of(&[("/linux/namespaces", namespaces(&["cgroup"]))]), Some(7));
        assert_eq!(of(&[("/linux/namespaces", namespaces(&["cgroup"])), ("/process/user/uid", json!(0))]), None);
        for change in [
            ("/linux/namespaces", namespaces(&["user"])),
            ("/linux/namespaces", json!([{"type": "cgroup", "path": "/proc/1/ns/cgroup"}])),
            ("/linux/namespaces", json!([{"type": "cgroup"}, {"type": "user", "path": "/proc/1/ns/user"}])),
            ("/mounts/0/options", json!(["ro", "nosuid"])),
            ("/mounts/0/source", json!("tmpfs")),
            ("/mounts/0/destination", json!("/cgroup")),
            ("/mounts", json!([])),
            ("/process/user/uid", json!(10)),
        ] {
            assert_eq!(of(std::slice::from_ref(&change)), None, "{change:?}");
        }
    }
}
