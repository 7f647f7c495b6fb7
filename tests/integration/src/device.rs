//! Network devices of a test, made with ip(8) and named after its bundle.

use crate::Bundle;
use serde_json::{Value, json};
use std::process::Command;

/// A network device on the host. It and what belongs to it are gone when this is dropped, wherever it is by then.
#[derive(Debug)]
pub struct Device {
    name: String,
    /// The end that stays on the host and takes the other one with it.
    peer: Option<String>,
}

impl Device {
    /// One end of a pair, up with its carrier; `None` where the kernel has no such devices. `letter` tells the bundle's
    /// devices apart.
    pub fn pair(bundle: &Bundle, letter: char) -> Option<Self> {
        let (name, peer) = (name(bundle, letter), name(bundle, letter.to_ascii_uppercase()));
        ip(&format!("link add {name} type veth peer name {peer}")).ok()?;
        let device = Device { name, peer: Some(peer) };
        ip(&format!("link set {} up", device.peer.as_ref()?)).expect("the peer up");
        ip(&format!("link set {} up", device.name)).expect("the device up");
        Some(device)
    }

    /// A device that leads nowhere; `None` where the kernel has no such devices.
    pub fn dummy(bundle: &Bundle, letter: char) -> Option<Self> {
        let name = name(bundle, letter);
        ip(&format!("link add {name} type dummy")).ok()?;
        Some(Device { name, peer: None })
    }

    /// Its name on the host.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the end that stays on the host; empty where there is none.
    pub fn peer(&self) -> String {
        self.peer.clone().unwrap_or_default()
    }

    /// `ip COMMAND dev NAME REST`, which succeeds.
    #[track_caller]
    pub fn set(&self, command: &str, rest: &str) {
        let done = ip(&format!("{command} dev {} {rest}", self.name));
        done.unwrap_or_else(|error| panic!("{command} {rest}: {error}"));
    }

    /// What it is on the host now; null where it is not there.
    pub fn on_host(&self) -> Value {
        look(&["ip"], &self.name)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let name = self.peer.as_ref().unwrap_or(&self.name);
        // One without a peer may have ended with the container's namespace.
        drop(ip(&format!("link del {name}")));
    }
}

/// A name of at most 15 bytes that no other test has.
fn name(bundle: &Bundle, letter: char) -> String {
    format!("{letter}{}", bundle.tag().trim_start_matches("cft").trim_end_matches('x'))
}

/// The device of that name in the network namespace of a process.
pub fn inside(pid: u32, name: &str) -> Value {
    look(&["nsenter", "--net", "--target", &pid.to_string(), "ip"], name)
}

/// What does not change by itself of a device: its flags, attributes and addresses.
fn look(ip: &[&str], name: &str) -> Value {
    let command = [ip, &["-json", "address", "show", "dev", name]].concat();
    let found: Value = run(&command).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let Some(found) = found.as_array().into_iter().flatten().find(|device| device["ifname"] == name) else {
        return Value::Null;
    };
    let up = found["flags"].as_array().is_some_and(|flags| flags.contains(&json!("UP")));
    let addresses: Vec<String> = found["addr_info"].as_array().into_iter().flatten().map(address).collect();
    json!({"name": name, "up": up, "mtu": found["mtu"], "mac": found["address"], "queue": found["txqlen"],
        "addresses": addresses})
}

/// `198.18.0.1/24 global`, and what else it has: a peer, a broadcast address, a label, an end.
fn address(address: &Value) -> String {
    let text = |key: &str| address[key].as_str().unwrap_or_default().to_owned();
    let mut words = vec![format!("{}/{}", text("local"), address["prefixlen"]), text("scope")];
    for key in ["address", "broadcast", "metric"].into_iter().filter(|key| !address[key].is_null()) {
        words.extend([key.to_owned(), address[key].to_string().trim_matches('"').to_owned()]);
    }
    if text("label").contains(':') {
        words.extend(["label".to_owned(), text("label")]);
    }
    let flags = ["dynamic", "nodad", "noprefixroute"].into_iter().filter(|flag| address[flag] == true);
    words.extend(flags.map(str::to_owned));
    words.join(" ")
}

/// Runs ip(8): what it prints, or why it failed.
pub fn ip(arguments: &str) -> Result<String, String> {
    let command: Vec<&str> = ["ip"].into_iter().chain(arguments.split_whitespace()).collect();
    run(&command)
}

fn run(command: &[&str]) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let outcome = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if outcome.status.success() { Ok(text(&outcome.stdout)) } else { Err(text(&outcome.stderr)) }
}
