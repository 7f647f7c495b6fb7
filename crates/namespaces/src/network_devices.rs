//! Which network devices the container gets from the host: `linux.netDevices`.

use crate::error::Error;
use crate::wanted::{Join, Wanted};
use serde::Serialize;
use spec::oci::Spec;
use std::path::PathBuf;
use sys::namespace::CLONE_NEWNET;

/// A network device that moves into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkDevice {
    /// Its name on the host.
    pub name: String,
    /// Its name in the container; with `%d` the kernel puts a number in that place.
    pub target: String,
    /// JSON pointer.
    pub place: String,
}

impl NetworkDevice {
    /// Whether the kernel is to find a name that is free.
    pub(crate) fn is_template(&self) -> bool {
        self.target.contains('%')
    }
}

/// Reads `/linux/netDevices`, in the order of the names on the host. `shared` are the `CLONE_NEW*` of the namespaces
/// that are joined and that are the host's.
///
/// # Errors
/// Where the container's network is the host's: then there is nowhere to move a device to. That there is a namespace
/// in the config has been checked.
pub fn network_devices(spec: &Spec, wanted: &Wanted, shared: u32) -> Result<Vec<NetworkDevice>, Error> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.net_devices().as_ref());
    let mut devices: Vec<NetworkDevice> = listed
        .into_iter()
        .flatten()
        .map(|(name, device)| NetworkDevice {
            name: name.clone(),
            target: device.name().clone().filter(|target| !target.is_empty()).unwrap_or_else(|| name.clone()),
            place: format!("/linux/netDevices/{}", name.replace('~', "~0").replace('/', "~1")),
        })
        .collect();
    devices.sort_by(|one, other| one.name.cmp(&other.name));
    let own = shared & CLONE_NEWNET == 0 && wanted.has(CLONE_NEWNET);
    match devices.first().filter(|_| !own) {
        None => Ok(devices),
        Some(_) => Err(Error::HostNetwork {
            path: wanted.join(CLONE_NEWNET).map_or_else(PathBuf::new, |join: &Join| join.path.clone()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(linux: &str, shared: u32) -> Result<Vec<NetworkDevice>, Error> {
        let config = format!(
            r#"{{"ociVersion":"1.3.0","root":{{"path":"r"}},"process":{{"cwd":"/","args":["x"],"user":{{}}}},
                "linux":{{{linux}}}}}"#
        );
        let spec = spec::parse(config.into_bytes()).expect("a config").spec;
        network_devices(&spec, &crate::wanted(&spec), shared)
    }

    fn names(linux: &str) -> Vec<(String, String, String)> {
        let found = devices(linux, 0).expect("devices");
        found.into_iter().map(|device| (device.name, device.target, device.place)).collect()
    }

    #[test]
    fn a_device_keeps_its_name_unless_it_is_given_one() {
        let linux = r#""namespaces":[{"type":"network"}],
            "netDevices":{"w~": {"name":""}, "b": {"name": "eth%d"}, "a": {"name": "eth0"}, "c": {}, "d": null}"#;
        let row = |name: &str, target: &str, place: &str| {
            (name.to_owned(), target.to_owned(), format!("/linux/netDevices/{place}"))
        };
        assert_eq!(
            names(linux),
            [
                row("a", "eth0", "a"),
                row("b", "eth%d", "b"),
                row("c", "c", "c"),
                row("d", "d", "d"),
                row("w~", "w~", "w~0")
            ]
        );
        assert_eq!(names(r#""netDevices":{}"#), []);
        assert_eq!(names(""), []);
    }

    #[test]
    fn the_hosts_network_takes_no_device() {
        let linux = r#""namespaces":[{"type":"network","path":"/proc/1/ns/net"}],"netDevices":{"a":{}}"#;
        assert_eq!(devices(linux, 0).expect("devices").len(), 1);
        let error = devices(linux, CLONE_NEWNET).expect_err("the host's network");
        assert_eq!(error.place(), "/linux/netDevices");
        assert!(error.to_string().contains("/proc/1/ns/net"), "{error}");
    }
}
