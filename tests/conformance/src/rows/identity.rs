//! config.md, process: the user, its capabilities and its labels.

use super::refused;
use crate::verdict::skip;
use harness::{Bundle, Call, host, programs};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

super::rows! { "identity":
    "config.md, user" {
        ids_are_the_containers: "`uid` and `gid` are the process's, in all four of its ids",
        groups_are_exact: "`additionalGids` are the process's groups, and no others",
        ids_are_of_the_user_namespace: "ids are those of the container's user namespace",
        ids_that_are_not_mapped_are_refused: "an id that the user namespace has not is an error",
        groups_that_cannot_be_set_are_an_error: "groups where setgroups(2) is denied are an error",
        what_is_no_id_is_refused: "-1 is no id",
        the_umask_is_as_asked: "`umask` is the process's",
        the_umask_is_left_alone: "without `umask` the caller's stays",
        a_umask_is_one: "a `umask` is of nine bits",
    }
    "config.md, Linux process" {
        capabilities_are_exact: "the sets are as listed; what is not listed is not there",
        ambient_capabilities_reach_users: "`ambient` capabilities survive the exec of an ordinary user",
        unknown_capabilities_are_warnings: "a name that the kernel does not know is a warning",
        capabilities_that_cannot_be_granted_are_warnings: "what the runtime has not itself is a warning",
        what_breaks_the_kernels_rules_is_a_warning: "a capability that the other sets forbid is a warning",
        no_new_privileges: "`noNewPrivileges` is set, or not",
        without_apparmor_a_profile_is_an_error: "`apparmorProfile` where AppArmor is off is an error",
        an_apparmor_profile_confines: "`apparmorProfile` is the process's profile",
        an_unknown_apparmor_profile_is_an_error: "a profile that is not loaded is an error",
        without_selinux_a_label_is_an_error: "`selinuxLabel` where SELinux is off is an error",
        a_selinux_label_confines: "`selinuxLabel` is the process's label",
    }
}

fn ids_are_the_containers() {
    let seen = Bundle::new().with("/process/user", json!({"uid": 1234, "gid": 2345})).probe(&[]);
    assert_eq!(seen["status"]["Uid"], "1234 1234 1234 1234");
    assert_eq!(seen["status"]["Gid"], "2345 2345 2345 2345");
}

fn groups_are_exact() {
    let mut bundle = Bundle::new();
    // The calling shell has groups of its own.
    let mut groups = |user: Value| {
        bundle.set("/process/user", user);
        let outcome = Call::new(&programs::find("setpriv").expect("setpriv"), bundle.folder())
            .args(["--groups", "4242,4343"])
            .args([programs::runtime().as_os_str(), "--root".as_ref(), bundle.state_folder().as_os_str()])
            .args(["run", bundle.id()])
            .cwd(bundle.folder())
            .ok();
        harness::bundle::seen(&outcome)["status"]["Groups"].clone()
    };
    assert_eq!(groups(json!({"uid": 0, "gid": 0})), "");
    assert_eq!(groups(json!({"uid": 5, "gid": 6, "additionalGids": [3000, 70_000]})), "3000 70000");
}

fn ids_are_of_the_user_namespace() {
    let user = json!({"uid": 7, "gid": 8, "additionalGids": [9]});
    let bundle = Bundle::of_sleep().in_user_namespace().with("/process/user", user);
    bundle.up();
    let status = fs::read_to_string(format!("/proc/{}/status", bundle.pid())).expect("a status");
    for line in ["Uid:\t100007\t100007", "Gid:\t100008\t100008", "Groups:\t100009"] {
        assert!(status.contains(line), "no {line:?} in\n{status}");
    }
}

fn ids_that_are_not_mapped_are_refused() {
    for user in [
        json!({"uid": 65_536, "gid": 0}),
        json!({"uid": 0, "gid": 65_536}),
        json!({"uid": 0, "gid": 0, "additionalGids": [65_536]}),
    ] {
        refused(Bundle::of_shell("true").in_user_namespace(), "/process/user", user);
    }
}

/// A user namespace whose processes may not set their groups.
struct Denied(std::process::Child);

impl Denied {
    fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", "exec >&-; exec sleep 100"]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("unshare");
        let _ended = std::io::Read::read(child.stdout.as_mut().expect("its stdout"), &mut [0]);
        Denied(child)
    }
}

impl Drop for Denied {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn groups_that_cannot_be_set_are_an_error() {
    let namespace = Denied::new();
    let path = format!("/proc/{}/ns/user", namespace.0.id());
    let bundle = || {
        let bundle = Bundle::of_shell("true").without_mounts(&["cgroup", "mqueue", "devpts"]);
        bundle.with("/linux/namespaces/-", json!({"type": "user", "path": path}))
    };
    bundle().run().ok();
    refused(bundle(), "/process/user/additionalGids", json!([0]));
}

fn what_is_no_id_is_refused() {
    for user in [
        json!({"uid": u32::MAX, "gid": 0}),
        json!({"uid": 0, "gid": u32::MAX}),
        json!({"uid": -1, "gid": 0}),
        json!({"uid": 1_u64 << 32, "gid": 0}),
        json!({"uid": 0, "gid": 0, "additionalGids": [u32::MAX]}),
    ] {
        refused(Bundle::of_shell("true"), "/process/user", user);
    }
}

fn the_umask_is_as_asked() {
    for (umask, shown) in [(0o27, "0027"), (0, "0000"), (0o777, "0777")] {
        let mut bundle = Bundle::new().with("/process/user/umask", json!(umask));
        assert_eq!(bundle.probe(&[])["status"]["Umask"], shown);
    }
}

fn the_umask_is_left_alone() {
    let bundle = Bundle::of_shell("umask");
    assert_eq!(bundle.call_after("umask 0037", ["run", bundle.id()]).ok().out, "0037\n");
}

fn a_umask_is_one() {
    refused(Bundle::of_shell("true"), "/process/user/umask", json!(-1));
    refused(Bundle::of_shell("true"), "/process/user/umask", json!("022"));
}

/// The capability sets that the probe sees: bounding, effective, permitted, inheritable, ambient.
fn sets(seen: &Value) -> [u64; 5] {
    ["CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb"].map(|set| {
        let set = seen["status"][set].as_str().expect("a set");
        u64::from_str_radix(set, 16).expect("a set")
    })
}

const CHOWN: u64 = 1;
const KILL: u64 = 1 << 5;
const NET_RAW: u64 = 1 << 13;

fn capabilities_are_exact() {
    let capabilities = json!({
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], "effective": ["CAP_CHOWN"],
        "permitted": ["CAP_CHOWN", "CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": [],
    });
    let mut bundle = Bundle::new().with("/process/capabilities", capabilities);
    let all = CHOWN | KILL | NET_RAW;
    // What root is permitted is effective at exec (capabilities(7)).
    assert_eq!(sets(&bundle.probe(&[])), [all, CHOWN | KILL, CHOWN | KILL, KILL, 0]);
    bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    assert_eq!(sets(&bundle.probe(&[])), [all, 0, 0, KILL, 0]);
    bundle.set("/process/capabilities", json!({"bounding": []}));
    assert_eq!(sets(&bundle.probe(&[])), [0; 5]);
}

fn ambient_capabilities_reach_users() {
    let set = json!(["CAP_KILL"]);
    let capabilities = json!({
        "bounding": ["CAP_CHOWN", "CAP_KILL"], "effective": set, "permitted": set, "inheritable": set, "ambient": set,
    });
    let bundle = Bundle::new().with("/process/capabilities", capabilities);
    let seen = bundle.with("/process/user", json!({"uid": 1000, "gid": 1000})).probe(&[]);
    assert_eq!(sets(&seen), [CHOWN | KILL, KILL, KILL, KILL, KILL]);
}

fn unknown_capabilities_are_warnings() {
    let names = json!(["CAP_CHOWN", "CAP_OF_THE_FUTURE"]);
    let sets_asked = json!({"bounding": names, "effective": names, "permitted": names});
    let seen = Bundle::new().with("/process/capabilities", sets_asked).probe(&[]);
    assert_eq!(sets(&seen)[..3], [CHOWN; 3]);
}

fn capabilities_that_cannot_be_granted_are_warnings() {
    let names = json!(["CAP_CHOWN", "CAP_WAKE_ALARM"]);
    let bundle = Bundle::new().with("/process/capabilities", json!({"bounding": names, "permitted": names}));
    let outcome = Call::new(&programs::find("setpriv").expect("setpriv"), bundle.folder())
        .args(["--bounding-set", "-wake_alarm"])
        .args([programs::runtime().as_os_str(), "--root".as_ref(), bundle.state_folder().as_os_str()])
        .args(["run", bundle.id()])
        .cwd(bundle.folder())
        .ok();
    assert_eq!(sets(&harness::bundle::seen(&outcome))[0], CHOWN);
}

fn what_breaks_the_kernels_rules_is_a_warning() {
    // Ambient capabilities must be permitted and inheritable, effective ones permitted.
    for rest in [json!({"ambient": ["CAP_KILL"]}), json!({"effective": ["CAP_KILL"]})] {
        let mut bundle = Bundle::new().with("/process/capabilities", rest);
        bundle.set("/process/capabilities/bounding", json!(["CAP_CHOWN", "CAP_KILL"]));
        bundle.set("/process/capabilities/permitted", json!(["CAP_CHOWN"]));
        bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        assert_eq!(sets(&bundle.probe(&[]))[1..], [0; 4]);
    }
}

fn no_new_privileges() {
    let mut bundle = Bundle::new();
    for (asked, shown) in [(json!(true), "1"), (json!(false), "0"), (Value::Null, "0")] {
        bundle.set("/process/noNewPrivileges", asked);
        assert_eq!(bundle.probe(&[])["status"]["NoNewPrivs"], shown);
    }
}

fn without_apparmor_a_profile_is_an_error() {
    if host::has_security_module("apparmor") {
        skip("AppArmor is on");
    }
    refused(Bundle::of_shell("true"), "/process/apparmorProfile", json!("some-profile"));
}

fn need_apparmor() {
    if !host::has_security_module("apparmor") {
        skip("the kernel has no AppArmor");
    }
}

fn an_apparmor_profile_confines() {
    need_apparmor();
    let mut bundle = Bundle::new();
    let profile = bundle.tag().to_owned();
    let text = format!("profile {profile} flags=(attach_disconnected) {{ file, capability, deny /forbidden rw, }}\n");
    let path = bundle.folder().join("profile");
    fs::write(&path, text).expect("a profile");
    let parser = |option: &str| Command::new("apparmor_parser").args([option, "-K"]).arg(&path).status();
    if !parser("-r").is_ok_and(|status| status.success()) {
        skip("apparmor_parser can't load a profile here");
    }
    fs::write(bundle.rootfs("forbidden"), "").expect("a file");
    bundle.set("/process/apparmorProfile", json!(profile));
    let seen = bundle.probe(&["open:/forbidden", "open:/etc/passwd"]);
    drop(parser("-R"));
    assert!(seen["attr/current"].as_str().is_some_and(|label| label.starts_with(&profile)), "{}", seen["attr/current"]);
    assert!(seen["answers"]["open:/forbidden"].as_str().is_some_and(|said| said.contains("Permission denied")));
    assert_eq!(seen["answers"]["open:/etc/passwd"], "ok");
}

fn an_unknown_apparmor_profile_is_an_error() {
    need_apparmor();
    let bundle = Bundle::of_shell("true").with("/process/apparmorProfile", json!("no-such-profile"));
    bundle.run().fails();
    bundle.assert_nothing_left();
}

fn without_selinux_a_label_is_an_error() {
    if host::has_security_module("selinux") {
        skip("SELinux is on");
    }
    refused(Bundle::of_shell("true"), "/process/selinuxLabel", json!("system_u:system_r:svirt_lxc_net_t:s0:c124,c675"));
}

fn a_selinux_label_confines() {
    if !fs::exists("/sys/fs/selinux/policyvers").unwrap_or(false) {
        skip("the kernel has no SELinux");
    }
    let label = fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
    let label = label.trim_end_matches(['\0', '\n']);
    let seen = Bundle::new().with("/process/selinuxLabel", json!(label)).probe(&[]);
    assert_eq!(seen["attr/current"].as_str().map(|label| label.trim_end_matches('\0')), Some(label));
}
