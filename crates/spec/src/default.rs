//! The config that `cofferdam spec` writes, to be edited: a shell in a read-only root.

use crate::version::OCI_VERSION;

/// The default config, indented with tabs and in the order of runc's. `rootless` is for a user without
/// privileges: a user namespace that maps only that user, the host's network, no limits.
pub fn default_config(rootless: bool) -> String {
    let owner = rootless.then(|| (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()));
    let unified = rustix::fs::statfs("/sys/fs/cgroup").is_ok_and(|facts| facts.f_type == CGROUP2);
    config(owner, unified)
}

/// The magic number of a cgroup v2 file system. statfs(2).
const CGROUP2: rustix::fs::FsWord = 0x6367_7270;

const TEMPLATE: &str = include_str!("default.json.in");

const RESOURCES: &str = r#"		"resources": {
			"devices": [
				{
					"allow": false,
					"access": "rwm"
				}
			]
		},
"#;

const SYSFS: &str = r#"			"type": "sysfs",
			"source": "sysfs",
			"options": [
				"nosuid",
				"noexec",
				"nodev",
				"ro"
			]"#;

/// Mounting a sysfs takes a network namespace of one's own.
const HOST_SYSFS: &str = r#"			"type": "none",
			"source": "/sys",
			"options": [
				"rbind",
				"nosuid",
				"noexec",
				"nodev",
				"ro"
			]"#;

/// The default config for that host and that user (and group) without privileges.
fn config(owner: Option<(u32, u32)>, unified: bool) -> String {
    let sys = if owner.is_none() { SYSFS } else { HOST_SYSFS };
    let linux = match owner {
        None => RESOURCES.to_owned(),
        Some((user, group)) => map("uidMappings", user) + &map("gidMappings", group),
    };
    TEMPLATE
        .replace("@VERSION@", OCI_VERSION)
        .replace("@TTY@", if owner.is_none() { ",\n\t\t\t\t\"gid=5\"" } else { "" })
        .replace("@SYS@", sys)
        .replace("@LINUX@", &(linux + &namespaces(owner.is_some(), unified)))
}

/// Root inside is the one user outside.
fn map(name: &str, id: u32) -> String {
    format!(
        "\t\t\"{name}\": [\n\t\t\t{{\n\t\t\t\t\"containerID\": 0,\n\t\t\t\t\"hostID\": {id},\n\t\t\t\t\"size\": 1\n\t\t\t\
         }}\n\t\t],\n"
    )
}

fn namespaces(rootless: bool, unified: bool) -> String {
    let kinds = [
        ("pid", true),
        ("network", !rootless),
        ("ipc", true),
        ("uts", true),
        ("mount", true),
        ("cgroup", unified),
        ("user", rootless),
    ];
    let kinds = kinds.iter().filter(|(_, wanted)| *wanted);
    let kinds: Vec<_> = kinds.map(|(kind, _)| format!("\t\t\t{{\n\t\t\t\t\"type\": \"{kind}\"\n\t\t\t}}")).collect();
    format!("\t\t\"namespaces\": [\n{}\n\t\t],", kinds.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::{Namespace, namespace};
    use oci_spec::runtime::LinuxNamespaceType as Kind;
    use serde_json::Value;

    #[test]
    fn it_is_valid_in_every_form() {
        for (owner, unified) in [(None, false), (None, true), (Some((1000, 100)), false), (Some((7, 7)), true)] {
            let text = config(owner, unified);
            let loaded = crate::parse::parse(text.clone().into_bytes()).expect("a valid config");
            assert_eq!(loaded.warnings, Vec::<String>::new());
            assert_eq!(namespace(&loaded.spec, Kind::User) == Namespace::New, owner.is_some());
            assert_eq!(namespace(&loaded.spec, Kind::Network) == Namespace::New, owner.is_none());
            assert_eq!(namespace(&loaded.spec, Kind::Cgroup) == Namespace::New, unified);
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(text, tabbed(&value, &text), "indented as runc's encoder does");
            assert!(!text.contains('@'));
        }
    }

    #[test]
    fn rootless_asks_for_nothing_that_needs_root() {
        let value: Value = serde_json::from_str(&config(Some((1000, 100)), true)).expect("JSON");
        assert_eq!(value.pointer("/linux/uidMappings/0/hostID"), Some(&1000.into()));
        assert_eq!(value.pointer("/linux/gidMappings/0/hostID"), Some(&100.into()));
        assert_eq!(value.pointer("/linux/resources"), None);
        assert_eq!(value.pointer("/mounts/5/options/0"), Some(&"rbind".into()));
        assert!(!value.to_string().contains("gid="));
    }

    /// `value` indented by tabs, with the members in the order of `text`.
    fn tabbed(value: &Value, text: &str) -> String {
        fn write(value: &Value, text: &str, depth: usize, out: &mut String) {
            let items: Vec<(String, &Value)> = match value {
                Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
                Value::Object(members) => {
                    let mut members: Vec<_> =
                        members.iter().map(|(key, item)| (format!("\"{key}\": "), item)).collect();
                    members.sort_by_key(|(key, _)| text.find(&format!("\n{}{key}", "\t".repeat(depth + 1))));
                    members
                }
                other => return out.push_str(&other.to_string()),
            };
            let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
            out.push(open);
            for (i, (key, item)) in items.iter().enumerate() {
                out.push_str(if i == 0 { "\n" } else { ",\n" });
                out.push_str(&"\t".repeat(depth + 1));
                out.push_str(key);
                write(item, text, depth + 1, out);
            }
            out.push('\n');
            out.push_str(&"\t".repeat(depth));
            out.push(close);
        }
        let mut out = String::new();
        write(value, text, 0, &mut out);
        out + "\n"
    }
}
