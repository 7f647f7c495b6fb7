//! config-linux.md, network devices.

use crate::verdict::skip;
use harness::Bundle;
use harness::device::{Device, inside, ip};
use serde_json::{Value, json};

super::rows! { "network_devices":
    "config-linux.md, network devices" {
        a_device_moves: "a device of the host is there inside, up, and not on the host",
        its_name_is_kept_or_given: "its name is the host's, or `name`",
        a_template_is_filled_in: "the kernel completes a `name` that ends in `%d`",
        a_name_that_is_taken_is_refused: "a `name` that is there already is an error",
        attributes_are_kept: "attributes and permanent addresses of global scope are kept",
        what_cannot_move_is_refused: "a device that can't move is an error",
        the_hosts_network_takes_none: "without a network namespace of the container's own it is an error",
        nothing_moves_back: "a virtual device ends with the namespace; the runtime moves nothing back",
    }
}

/// A sleeping bundle with a device on the host, that it takes in with those properties.
fn taking(properties: Value) -> (Bundle, Device) {
    let bundle = Bundle::of_sleep();
    let device = Device::pair(&bundle, 'a').unwrap_or_else(|| skip("the kernel has no veth devices"));
    let bundle = bundle.with(&format!("/linux/netDevices/{}", device.name()), properties);
    (bundle, device)
}

/// Fails unless create does, and leaves the device where it is.
#[track_caller]
fn is_refused(bundle: &Bundle, device: &Device) {
    bundle.create().fails();
    assert_eq!(device.on_host()["name"], device.name());
    bundle.assert_nothing_left();
}

fn a_device_moves() {
    let (bundle, device) = taking(json!({}));
    device.set("link set", "down");
    bundle.create().ok();
    assert_eq!(device.on_host(), Value::Null);
    assert_eq!(inside(bundle.pid(), device.name())["up"], true);
}

fn its_name_is_kept_or_given() {
    let (bundle, kept) = taking(json!({}));
    let given = Device::pair(&bundle, 'b').expect("a device");
    let bundle = bundle.with(&format!("/linux/netDevices/{}", given.name()), json!({"name": "eth7"}));
    bundle.create().ok();
    assert_eq!(inside(bundle.pid(), kept.name())["name"], kept.name());
    assert_eq!(inside(bundle.pid(), "eth7")["name"], "eth7");
}

fn a_template_is_filled_in() {
    let (bundle, _device) = taking(json!({"name": "eth%d"}));
    bundle.create().ok();
    assert_eq!(inside(bundle.pid(), "eth0")["up"], true);
}

fn a_name_that_is_taken_is_refused() {
    let (bundle, device) = taking(json!({"name": "lo"}));
    is_refused(&bundle, &device);
}

fn attributes_are_kept() {
    let (bundle, device) = taking(json!({}));
    device.set("link set", "mtu 1400 txqueuelen 77");
    device.set("address add", "198.18.7.1/24");
    device.set("address add", "2001:db8::1/64 nodad");
    device.set("address add", "198.18.7.2/24 valid_lft 1000 preferred_lft 1000");
    let before = device.on_host();
    bundle.create().ok();
    let seen = inside(bundle.pid(), device.name());
    assert_eq!([&seen["mtu"], &seen["queue"], &seen["mac"]], [&before["mtu"], &before["queue"], &before["mac"]]);
    let kept = seen["addresses"].to_string();
    assert!(!kept.contains("198.18.7.2/24"), "one with an end: {kept}");
    assert!(kept.contains("198.18.7.1/24 global") && kept.contains("2001:db8::1/64 global"), "{kept}");
}

fn what_cannot_move_is_refused() {
    let (bundle, device) = taking(json!({}));
    is_refused(&bundle.with("/linux/netDevices/nosuchdevice", json!({})), &device);
}

fn the_hosts_network_takes_none() {
    let (bundle, device) = taking(json!({}));
    is_refused(&bundle.without_namespace("network").without_mounts(&["sysfs"]), &device);
}

fn nothing_moves_back() {
    let (bundle, device) = taking(json!({}));
    bundle.create().ok();
    bundle.call(["delete", "--force", bundle.id()]).ok();
    let name = device.name();
    harness::eventually("the device's end", || !ip("-brief link").expect("the devices").contains(&name[1..]));
}
