//! B04: sysctls are written after the runtime's hooks have run: they may be about a device that a hook made.

use harness::{Bundle, need_root, programs, skip};
use serde_json::json;
use std::process::Command;

const KEY: &str = "net.ipv6.conf.d0.accept_ra";

/// A bundle that wants the sysctl and shows it; `stage` names the hook that makes the device.
fn bundle(stage: Option<&str>) -> Bundle {
    let mut bundle = Bundle::of_shell("cat /proc/sys/net/ipv6/conf/d0/accept_ra");
    bundle.set("/linux/sysctl", json!({KEY: "2"}));
    if let Some(stage) = stage {
        let script = "pid=$(jq .pid); nsenter --net=/proc/$pid/ns/net ip link add d0 type veth peer name d1";
        let env = json!(["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
        bundle.set("/hooks", json!({stage: [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": env}]}));
    }
    bundle
}

fn can_make_devices() -> bool {
    let tools = ["ip", "jq", "nsenter"].iter().all(|name| programs::find(name).is_some());
    let made =
        Command::new("unshare").args(["-n", "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1"]).output();
    tools && made.is_ok_and(|output| output.status.success())
}

#[test]
fn a_hook_makes_the_device_first() {
    need_root!();
    if !can_make_devices() {
        skip!("needs ip, jq, nsenter, and veth in the kernel");
    }
    for stage in ["createRuntime", "prestart"] {
        let bundle = bundle(Some(stage));
        assert_eq!(bundle.run().ok().out, "2\n", "{stage}");
        bundle.assert_nothing_left();
    }
}

#[test]
fn without_the_device_the_key_is_named() {
    need_root!();
    let bundle = bundle(None);
    let outcome = bundle.create().fails();
    assert!(outcome.err.contains("d0") && outcome.err.contains("accept_ra"), "{outcome}");
    if programs::is_cofferdam() {
        assert!(outcome.err.contains(KEY), "{outcome}");
    }
    bundle.assert_nothing_left();
}
