use crate::config::*;
use serde_json::{Value, json};

#[test]
fn namespaces_are_listed_once_by_known_names() {
    let listed = |kinds: &[&str]| {
        [("/linux/namespaces", namespaces(kinds)), ("/hostname", json!("")), ("/linux/maskedPaths", json!([]))]
    };
    refused(&listed(&["pid", "uts", "pid"]), "/linux/namespaces/2/type", "duplicated ns");
    refused(&listed(&["net"]), "/linux/namespaces/0/type", "did you mean network?");
    let join = |path: &str| [("/linux/namespaces/5", json!({"type": "cgroup", "path": path}))];
    refused(&join("proc/1/ns/cgroup"), "/linux/namespaces/5/path", "absolute");
    accepted(&join("/proc/1/ns/cgroup"), 0);
    let loaded = accepted(&join(""), 0);
    assert_eq!(spec::namespace(&loaded.spec, spec::oci::LinuxNamespaceType::Cgroup), spec::Namespace::New);
    assert_eq!(spec::namespace(&loaded.spec, spec::oci::LinuxNamespaceType::User), spec::Namespace::Inherited);
}

#[test]
fn maps_go_with_a_new_user_namespace() {
    let (uids, gids) = ("/linux/uidMappings", "/linux/gidMappings");
    let one = json!([map(0, 1000, 1)]);
    refused(&[(gids, one.clone())], gids, "user namespace mappings specified, but user namespace isn't enabled");
    refused(&[user_namespace()], uids, "no namespace path to join nor mappings to apply");
    refused(&[user_namespace(), (uids, one.clone())], gids, "needs both");
    refused(&[user_namespace(), (gids, one.clone())], uids, "needs both");
    accepted(&[user_namespace(), (uids, one.clone()), (gids, one.clone())], 0);
    accepted(&[(uids, json!([])), (gids, Value::Null)], 0);
    let joined = ("/linux/namespaces/5", json!({"type": "user", "path": "/proc/9/ns/user"}));
    accepted(std::slice::from_ref(&joined), 0);
    accepted(&[joined, (uids, one.clone()), (gids, one)], 1);
}

#[test]
fn maps_are_sound() {
    let (uids, gids) = ("/linux/uidMappings", "/linux/gidMappings");
    let many = |count: u32| (0..count).map(|i| map(i, i, 1)).collect::<Value>();
    for (ranges, pointer, words) in [
        (json!([{"containerID": 0, "size": 1}]), "/linux/uidMappings/0/hostID", "is required"),
        (json!([map(0, 0, 1), {"hostID": 1, "size": 1}]), "/linux/uidMappings/1/containerID", "is required"),
        (json!([{"containerID": 0, "hostID": 0}]), "/linux/uidMappings/0/size", "is required"),
        (json!([map(0, 0, 0)]), "/linux/uidMappings/0/size", "at least one"),
        (json!([map(0, 1000, 10), map(5, 5000, 1)]), "/linux/uidMappings/1/containerID", "overlap"),
        (json!([map(9, 1005, 1), map(0, 1000, 9)]), "/linux/uidMappings/0/hostID", "overlap"),
        (json!([map(4_294_967_290, 0, 6)]), "/linux/uidMappings/0/containerID", "beyond"),
        (json!([map(0, u32::MAX, 1)]), "/linux/uidMappings/0/hostID", "beyond"),
        (many(341), uids, "at most 340"),
        (many(4000), uids, "at most 340"),
        (json!([{"containerID": -1}]), "/linux/uidMappings/0/containerID", "from 0 to 4294967295"),
    ] {
        refused(&[user_namespace(), (uids, ranges), (gids, json!([map(0, 0, 1)]))], pointer, words);
    }
    for ranges in [many(340), json!([map(0, 0, u32::MAX)]), json!([map(1, 101, 9), map(0, 100, 1)])] {
        accepted(&[user_namespace(), (uids, ranges), (gids, json!([map(0, 0, 1)]))], 0);
    }
}

#[test]
fn time_offsets_need_a_new_time_namespace() {
    let offsets = |value: Value| ("/linux/timeOffsets", value);
    let new = ("/linux/namespaces/5", json!({"type": "time"}));
    let joined = ("/linux/namespaces/5", json!({"type": "time", "path": "/proc/1/ns/time"}));
    let boot = offsets(json!({"boottime": {"secs": -5}}));
    refused(std::slice::from_ref(&boot), "/linux/timeOffsets", "time namespace isn't enabled in the config");
    refused(&[joined, boot.clone()], "/linux/timeOffsets", "both namespace path and time offsets specified");
    refused(&[new.clone(), offsets(json!({"realtime": {}}))], "/linux/timeOffsets", "monotonic and boottime");
    let nanosecs = offsets(json!({"monotonic": {"nanosecs": 1_000_000_000}}));
    refused(&[new.clone(), nanosecs], "/linux/timeOffsets/monotonic/nanosecs", "999999999");
    accepted(&[new, boot], 0);
    accepted(&[offsets(json!({}))], 0);
}

#[test]
fn sysctls_belong_to_a_namespace() {
    let sysctl = |key: &str| ("/linux/sysctl", json!({key: "1"}));
    for (key, without, words) in [
        ("kernel.shmmax", "ipc", "not allowed in the hosts ipc namespace"),
        ("kernel/shmmax", "ipc", "not allowed in the hosts ipc namespace"),
        ("fs.mqueue.msg_max", "ipc", "not allowed in the hosts ipc namespace"),
        ("net.ipv4.ip_forward", "network", "not allowed in host network namespace"),
        ("kernel.domainname", "uts", "not in a separate kernel namespace"),
    ] {
        let kinds: Vec<_> = ALL.iter().copied().filter(|kind| *kind != without).collect();
        let shared = [("/linux/namespaces", namespaces(&kinds)), ("/hostname", json!("")), sysctl(key)];
        refused(&shared, "/linux/sysctl", words);
        accepted(&[sysctl(key)], 0);
    }
    for (key, words) in [
        ("kernel.hostname", "conflicts with the OCI \"hostname\" field"),
        ("kernel.core_pattern", "not in a separate kernel namespace"),
        ("kernel/sysrq", "not in a separate kernel namespace"),
        ("user.max_user_namespaces", "setting ucounts without a user namespace not allowed"),
        ("net/../kernel/core_pattern", "name of a sysctl"),
        ("net/./x", "name of a sysctl"),
        ("net.ipv4.", "name of a sysctl"),
        ("net//x", "name of a sysctl"),
        ("/net/x", "name of a sysctl"),
        ("net.//.kernel.x", "name of a sysctl"),
        ("", "name of a sysctl"),
    ] {
        refused(&[sysctl(key)], "/linux/sysctl", words);
    }
    accepted(&[sysctl("net.ipv4.conf.eno2/100.rp_filter")], 0);
}
