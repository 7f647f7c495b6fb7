//! Network devices that move into the container: `linux.netDevices`.

use harness::device::{Device, inside, ip};
use harness::{Bundle, eventually, need_cofferdam, need_root, skip};
use serde_json::{Value, json};

// The addresses are of 198.18.0.0/15, which is for tests of networks (RFC 2544): on the way they are the host's.

/// A pair's end, or the end of the test.
macro_rules! device {
    ($bundle:expr, $letter:literal) => {
        match Device::pair($bundle, $letter) {
            Some(device) => device,
            None => skip!("the kernel has no veth devices"),
        }
    };
}

macro_rules! need_net_devices {
    () => {
        need_root!();
        need_cofferdam!("netDevices are newer");
    };
}

/// A bundle that sleeps and takes devices in.
fn taking(mut bundle: Bundle, devices: &[(&Device, Value)]) -> Bundle {
    let devices: Value = devices.iter().map(|(device, value)| (device.name().to_owned(), value.clone())).collect();
    bundle.set("/linux/netDevices", devices);
    bundle
}

/// A route that does not come with an address is gone as soon as its device leaves.
fn has_route(device: &Device) -> bool {
    ip(&format!("route show dev {}", device.name())).unwrap().contains("198.18.79.128/25")
}

fn exists(name: &str) -> bool {
    ip(&format!("link show {name}")).is_ok()
}

/// A device's addresses without those that the kernel makes.
fn own_addresses(seen: &Value) -> Vec<&str> {
    let all = seen["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.filter(|address| !address.starts_with("fe80:")).collect()
}

/// Waits for the addresses that the kernel makes: then a device is what it will be.
fn settle(device: &Device) -> Value {
    let own = |seen: &Value| seen["addresses"].to_string().contains("fe80:");
    if std::path::Path::new("/proc/net/if_inet6").exists() {
        eventually("a link-local address", || own(&device.on_host()));
    }
    device.on_host()
}

/// That all of a device is on the host as it was.
#[track_caller]
fn assert_back(device: &Device, was: &Value) {
    // Addresses of IPv6 are sorted by their scope alone, and the kernel's own comes in its own time.
    let sorted = |seen: &Value| {
        let mut seen = seen.clone();
        if let Some(list) = seen["addresses"].as_array_mut() {
            list.sort_by_key(ToString::to_string);
        }
        seen
    };
    eventually(&format!("{was:#} again, not {:#}", device.on_host()), || sorted(&device.on_host()) == sorted(was));
    assert_eq!(own_addresses(&device.on_host()), own_addresses(was));
}

fn addressed(device: &Device) {
    device.set("link set", "down mtu 1400 txqueuelen 77 address 02:00:5e:00:53:07");
    device.set("link set", "up");
    device.set("address add", "198.18.77.1/24 broadcast 198.18.77.255");
    device.set("address add", "198.18.77.9/24 metric 7");
    device.set("address add", "198.18.78.1 peer 198.18.79.5/32");
    device.set("address add", "2001:db8::1/64 nodad");
    device.set("address add", "2001:db8:1::2/48 noprefixroute");
}

const ADDRESSES: [&str; 5] = [
    "198.18.77.1/24 global broadcast 198.18.77.255",
    "198.18.77.9/24 global metric 7",
    "198.18.78.1/32 global address 198.18.79.5",
    "2001:db8:1::2/48 global noprefixroute",
    "2001:db8::1/64 global nodad",
];

#[test]
fn a_device_moves_with_its_attributes_and_addresses() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let device = device!(&bundle, 'a');
    addressed(&device);
    let bundle = taking(bundle, &[(&device, json!({}))]);
    bundle.create().ok();
    assert_eq!(device.on_host(), Value::Null);
    let seen = inside(bundle.pid(), device.name());
    assert_eq!(
        [&seen["up"], &seen["mtu"], &seen["queue"], &seen["mac"]],
        [&json!(true), &json!(1400), &json!(77), &json!("02:00:5e:00:53:07")]
    );
    let mut addresses = own_addresses(&seen);
    addresses.sort_unstable();
    assert_eq!(addresses, ADDRESSES);
    bundle.call(["delete", "--force", bundle.id()]).ok();
    eventually("the device's end with the namespace", || {
        ip("-brief link").unwrap().find(&device.name()[1..]).is_none()
    });
    bundle.assert_nothing_left();
}

#[test]
fn a_dummy_device_that_is_down_is_up_inside() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let Some(device) = Device::dummy(&bundle, 'd') else { skip!("the kernel has no dummy devices") };
    device.set("address add", "198.18.77.7/32");
    let bundle = taking(bundle, &[(&device, json!({"name": "dummy"}))]);
    bundle.up();
    let seen = inside(bundle.pid(), "dummy");
    assert_eq!((&seen["up"], own_addresses(&seen)), (&json!(true), vec!["198.18.77.7/32 global"]));
}

#[test]
fn only_addresses_that_last_move_along() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let device = device!(&bundle, 'a');
    device.set("address add", "198.18.77.1/24");
    device.set("address add", "198.18.77.2/24 valid_lft 1000 preferred_lft 1000");
    device.set("address add", "169.254.2.3/16 scope link");
    device.set("address add", "198.18.78.4/24 scope host");
    device.set("address add", "2001:db8::1/64 nodad");
    device.set("address add", "2001:db8::2/64 nodad valid_lft 1000 preferred_lft 1000");
    device.set("address add", "2001:db8::3/64 nodad preferred_lft 0");
    let bundle = taking(bundle, &[(&device, json!({"name": "eth0"}))]);
    bundle.up();
    let seen = inside(bundle.pid(), "eth0");
    let kept = ["198.18.77.1/24 global", "2001:db8::3/64 global nodad", "2001:db8::1/64 global nodad"];
    assert_eq!(own_addresses(&seen), kept);
    assert_eq!(device.on_host(), Value::Null);
}

#[test]
fn names_are_kept_given_or_made_by_the_kernel() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let (kept, null) = (device!(&bundle, 'a'), device!(&bundle, 'b'));
    let (named, first, second) = (device!(&bundle, 'c'), device!(&bundle, 'd'), device!(&bundle, 'e'));
    kept.set("address add", &format!("198.18.77.1/24 label {}:x", kept.name()));
    named.set("address add", &format!("198.18.77.2/24 label {}:x", named.name()));
    first.set("address add", "198.18.77.10/24");
    second.set("address add", "198.18.77.11/24");
    let bundle = taking(
        bundle,
        &[
            (&kept, json!({"name": ""})),
            (&null, Value::Null),
            (&named, json!({"name": "eth0"})),
            (&first, json!({"name": "eth%d"})),
            (&second, json!({"name": "eth%d"})),
        ],
    );
    bundle.up();
    let seen = |name: &str| inside(bundle.pid(), name);
    assert_eq!(own_addresses(&seen(kept.name())), [format!("198.18.77.1/24 global label {}:x", kept.name())]);
    assert_eq!(own_addresses(&seen("eth0")), ["198.18.77.2/24 global"]);
    assert_eq!(seen(null.name())["up"], true);
    assert_eq!(own_addresses(&seen("eth1")), ["198.18.77.10/24 global"]);
    assert_eq!(own_addresses(&seen("eth2")), ["198.18.77.11/24 global"]);
}

#[test]
fn the_program_the_hooks_and_the_sysctls_find_the_device() {
    need_net_devices!();
    let mut bundle = Bundle::new();
    let device = device!(&bundle, 'a');
    device.set("address add", "198.18.77.1/24");
    let log = bundle.folder().join("log");
    let look = "pid=$(grep -o '\"pid\": *[0-9]*' | grep -o '[0-9]*'); nsenter -t $pid -n ip -o address show dev net7";
    let hook =
        |script: &str| json!([{"path": "/bin/sh", "args": ["sh", "-c", format!("{script} >>{}", log.display())]}]);
    bundle.set("/hooks", json!({"createRuntime": hook(look), "createContainer": hook("ip -o address show dev net7")}));
    bundle.set("/linux/sysctl", json!({"net.ipv4.conf.net7.forwarding": "1"}));
    let mut bundle = taking(bundle, &[(&device, json!({"name": "net7"}))]);
    let forwarding = "read:/proc/sys/net/ipv4/conf/net7/forwarding";
    let seen = bundle.probe(&[forwarding, "read:/sys/class/net/net7/flags"]);
    assert_eq!(seen["answers"][forwarding], "1");
    assert_eq!(seen["answers"]["read:/sys/class/net/net7/flags"], "0x1003");
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("198.18.77.1/24").count(), 2, "{log}");
}

/// Without hooks nothing else makes init wait for its devices.
#[test]
fn a_sysctl_alone_waits_for_the_device() {
    need_net_devices!();
    let bundle = Bundle::new();
    let device = device!(&bundle, 'a');
    let mut bundle = taking(bundle, &[(&device, json!({"name": "net7"}))]);
    bundle.set("/linux/sysctl", json!({"net.ipv4.conf.net7.forwarding": "1"}));
    let forwarding = "read:/proc/sys/net/ipv4/conf/net7/forwarding";
    assert_eq!(bundle.probe(&[forwarding])["answers"][forwarding], "1");
}

#[test]
fn a_joined_network_takes_devices_and_keeps_them() {
    need_net_devices!();
    let other = Bundle::of_sleep();
    other.up();
    let bundle = Bundle::of_sleep()
        .with("/linux/namespaces/1", json!({"type": "network", "path": format!("/proc/{}/ns/net", other.pid())}));
    let (first, second) = (device!(&bundle, 'a'), device!(&bundle, 'b'));
    first.set("address add", "198.18.77.1/24");
    addressed(&second);
    let bundle = taking(bundle, &[(&first, json!({"name": "eth0"}))]);
    bundle.up();
    assert_eq!(own_addresses(&inside(bundle.pid(), "eth0")), ["198.18.77.1/24 global"]);
    bundle.call(["delete", "--force", bundle.id()]).ok();
    assert_eq!(own_addresses(&inside(other.pid(), "eth0")), ["198.18.77.1/24 global"]);

    // The name is taken now.
    let mut bundle = taking(bundle, &[(&second, json!({"name": "eth0"}))]);
    second.set("route add 198.18.79.128/25", "");
    let was = settle(&second);
    bundle.create().fails().says(&format!("/linux/netDevices/{}", second.name())).says("in the container: file exists");
    assert_eq!(second.on_host(), was);
    assert!(has_route(&second), "touched");
    bundle.assert_nothing_left();

    bundle.set(&format!("/linux/netDevices/{}/name", second.name()), json!("eth%d"));
    bundle.up();
    assert_eq!(own_addresses(&inside(other.pid(), "eth1")).len(), ADDRESSES.len());
}

#[test]
fn a_device_that_is_missing_or_cannot_move_is_an_error() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let device = device!(&bundle, 'a');
    addressed(&device);
    device.set("address add", "198.18.77.77/24 valid_lft 10000 preferred_lft 10000");
    device.set("address add", &format!("169.254.2.78/16 scope link label {}:x", device.name()));
    device.set("route add 198.18.79.128/25", "");
    let was = settle(&device);
    let mut bundle = taking(bundle, &[(&device, json!({"name": "eth0"}))]);
    bundle.set("/linux/netDevices/nosuchdevice", json!({}));
    let place = "/linux/netDevices/nosuchdevice";
    bundle.create().fails().says(place).says("find network device").says("no such device");
    assert_eq!(device.on_host(), was);
    assert!(has_route(&device), "touched");
    bundle.remove(place);

    // Found out only when the first one has moved.
    bundle.set("/linux/netDevices/lo", json!({"name": "zzz"}));
    bundle.create().fails().says("/linux/netDevices/lo").says("move network device").says("invalid argument");
    assert_back(&device, &was);
    bundle.assert_nothing_left();
    bundle.remove("/linux/netDevices/lo");
    bundle.up();
    assert_eq!(own_addresses(&inside(bundle.pid(), "eth0")).len(), ADDRESSES.len());
}

#[test]
fn devices_come_back_when_no_container_comes_of_it() {
    need_net_devices!();
    let mut bundle = Bundle::of_sleep();
    let (up, down) = (device!(&bundle, 'a'), device!(&bundle, 'b'));
    addressed(&up);
    let was = settle(&up);
    down.set("link set", "down");
    down.set("address add", "198.18.77.5/24");
    let was_down = down.on_host();
    assert_eq!(was_down["up"], false);
    bundle.set("/process/args", json!(["/no/such/program"]));
    let mut bundle = taking(bundle, &[(&up, json!({"name": "eth0"})), (&down, json!({"name": "eth%d"}))]);
    for command in ["create", "run"] {
        bundle.call([command, bundle.id()]).fails().says("/no/such/program");
        assert_back(&up, &was);
        assert_back(&down, &was_down);
    }
    bundle.set("/process/args", json!(["/bin/sleep", "1000"]));
    bundle.set("/hooks", json!({"createRuntime": [{"path": "/bin/false"}]}));
    bundle.create().fails();
    assert_back(&up, &was);
    assert_back(&down, &was_down);
    bundle.assert_nothing_left();
}

/// The program has had it.
#[test]
fn a_device_does_not_come_back_from_a_program() {
    need_net_devices!();
    let bundle = Bundle::of_sleep().with("/hooks", json!({"poststart": [{"path": "/bin/false"}]}));
    let device = device!(&bundle, 'a');
    let bundle = taking(bundle, &[(&device, json!({"name": "eth0"}))]);
    bundle.call(["run", "--detach", bundle.id()]).fails().says("poststart");
    assert_eq!(device.on_host(), Value::Null);
    bundle.assert_nothing_left();
}

#[test]
fn a_device_ends_with_its_network_when_the_runtime_is_killed() {
    need_net_devices!();
    let mut bundle = Bundle::of_sleep();
    let device = device!(&bundle, 'a');
    let mark = bundle.folder().join("in-hook");
    let script = format!("touch {}; exec sleep 1000", mark.display());
    bundle.set("/hooks", json!({"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}));
    let bundle = taking(bundle, &[(&device, json!({"name": "eth0"}))]);
    let mut runtime = bundle.call(["create", bundle.id()]).begin();
    eventually("the hook", || mark.exists());
    assert!(exists(&device.peer()) && device.on_host().is_null());
    runtime.child.kill().unwrap();
    runtime.child.wait().unwrap();
    // The hook lives on, and has nothing of ours in its hands.
    eventually("the end of the pair", || !exists(&device.peer()));
}

#[test]
fn a_port_of_a_bridge_comes_back_to_it() {
    need_net_devices!();
    let bundle = Bundle::new().with("/process/args", json!(["/no/such/program"]));
    let device = device!(&bundle, 'a');
    let bridge = format!("z{}", &device.name()[1..]);
    if ip(&format!("link add {bridge} type bridge")).is_err() {
        skip!("the kernel has no bridges");
    }
    device.set("link set", &format!("master {bridge}"));
    let ports = || ip(&format!("-brief link show master {bridge}")).unwrap();
    assert!(ports().contains(device.name()));
    let bundle = taking(bundle, &[(&device, json!({"name": "eth0"}))]);
    bundle.create().fails();
    let after = ports();
    ip(&format!("link del {bridge}")).unwrap();
    assert!(after.contains(device.name()), "{after}");
}

#[test]
fn the_hosts_network_takes_no_device() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let device = device!(&bundle, 'a');
    let was = settle(&device);
    let mut bundle = taking(bundle, &[(&device, json!({}))]);
    let words = "unable to move network devices without a NET namespace";
    bundle.set("/linux/namespaces/1", json!({"type": "network", "path": "/proc/self/ns/net"}));
    bundle.create().fails().says("/linux/netDevices").says(words);
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != "network");
    bundle.set("/hostname", json!("inside"));
    bundle.create().fails().says("/linux/netDevices").says(words);
    assert_eq!(device.on_host(), was);
    bundle.assert_nothing_left();
}

#[test]
fn a_network_of_a_user_namespace_takes_devices() {
    need_net_devices!();
    let mapping = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
    let user = |bundle: Bundle| {
        let bundle = bundle.with("/linux/namespaces/-", json!({"type": "user"}));
        bundle.with("/linux/uidMappings", mapping.clone()).with("/linux/gidMappings", mapping.clone())
    };
    let new = user(Bundle::of_sleep());
    let device = device!(&new, 'a');
    addressed(&device);
    let new = taking(new, &[(&device, json!({"name": "eth0"}))]);
    new.up();
    assert_eq!(own_addresses(&inside(new.pid(), "eth0")).len(), ADDRESSES.len());

    // The user namespace is joined, so that init is born in two steps, and the network is new.
    let path = format!("/proc/{}/ns/user", new.pid());
    let joining = Bundle::of_sleep().with("/linux/namespaces/-", json!({"type": "user", "path": path}));
    let device = device!(&joining, 'a');
    addressed(&device);
    let joining = taking(joining, &[(&device, json!({"name": "eth0"}))]);
    joining.up();
    assert_eq!(own_addresses(&inside(joining.pid(), "eth0")).len(), ADDRESSES.len());

    // And both are joined: the network of the host's user namespace.
    let other = Bundle::of_sleep();
    other.up();
    let path = format!("/proc/{}/ns/net", other.pid());
    let mut both = user(Bundle::of_sleep()).with("/linux/namespaces/1", json!({"type": "network", "path": path}));
    // Only the owner of the network may mount one.
    both.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "sysfs" && mount["type"] != "cgroup");
    let device = device!(&both, 'a');
    addressed(&device);
    let both = taking(both, &[(&device, json!({"name": "eth0"}))]);
    both.up();
    assert_eq!(own_addresses(&inside(other.pid(), "eth0")).len(), ADDRESSES.len());
}

#[test]
fn the_step_is_in_the_plan_and_in_the_trace() {
    need_net_devices!();
    let bundle = Bundle::of_sleep();
    let device = device!(&bundle, 'a');
    let bundle = taking(bundle, &[(&device, json!({"name": "eth0"}))]);
    let plan = bundle.call(["plan", bundle.id()]).ok().out;
    let line = plan.lines().find(|line| line.contains("NetworkDevices")).unwrap_or_else(|| panic!("{plan}"));
    assert!(line.contains(device.name()) && line.contains("eth0"), "{line}");
    assert_eq!(device.on_host()["up"], true);
    let trace = bundle.folder().join("trace");
    bundle.call(["create", "--trace", trace.to_str().unwrap(), bundle.id()]).ok();
    assert!(std::fs::read_to_string(trace).unwrap().contains("NetworkDevices"));
    let features: Value = serde_json::from_str(&bundle.call(["features"]).ok().out).unwrap();
    assert_eq!(features["linux"]["netDevices"]["enabled"], true);
}
