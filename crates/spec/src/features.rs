//! The document that `features` prints: what this runtime can do, whatever the host.

use crate::version::OCI_VERSION;
use serde_json::{Map, Value, json};

// What is implemented, all in one place: add a name when its code lands.

const HOOKS: &[&str] = &["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

const MOUNT_OPTIONS: &[&str] = &[
    "async",
    "atime",
    "bind",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "idmap",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "noiversion",
    "nolazytime",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "private",
    "ratime",
    "rbind",
    "rdev",
    "rdiratime",
    "relatime",
    "remount",
    "rexec",
    "ridmap",
    "rnoatime",
    "rnodev",
    "rnodiratime",
    "rnoexec",
    "rnorelatime",
    "rnostrictatime",
    "rnosuid",
    "rnosymfollow",
    "ro",
    "rprivate",
    "rrelatime",
    "rro",
    "rrw",
    "rshared",
    "rslave",
    "rstrictatime",
    "rsuid",
    "rsymfollow",
    "runbindable",
    "rw",
    "shared",
    "silent",
    "slave",
    "strictatime",
    "suid",
    "symfollow",
    "sync",
    "tmpcopyup",
    "unbindable",
];

const NAMESPACES: &[&str] = &["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"];

/// In the order of their numbers. capabilities(7)
const CAPABILITIES: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

const SECCOMP_ACTIONS: &[&str] = &[
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];

const SECCOMP_OPERATORS: &[&str] =
    &["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"];

/// Those of libseccomp 2.5.
const SECCOMP_ARCHS: &[&str] = &[
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
];

const SECCOMP_FLAGS: &[&str] = &[
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

const MEMORY_POLICY_MODES: &[&str] = &[
    "MPOL_BIND",
    "MPOL_DEFAULT",
    "MPOL_INTERLEAVE",
    "MPOL_LOCAL",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_WEIGHTED_INTERLEAVE",
];

const MEMORY_POLICY_FLAGS: &[&str] = &["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];

/// Annotations that change what a container may do, so that a caller may want to refuse them from its users.
const UNSAFE_ANNOTATIONS: &[&str] = &["org.systemd.property."];

const SYSTEMD: bool = true;
const SYSTEMD_USER: bool = false;
const INTEL_RDT: bool = true;
const CHECKPOINT: bool = false;

/// What the document needs to know from the other crates.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The version of this runtime.
    pub version: &'a str,
    /// Major, minor and patch of the libseccomp that is linked in.
    pub libseccomp: (u32, u32, u32),
    /// The `SECCOMP_FILTER_FLAG_*` that the running kernel takes.
    pub seccomp_flags: &'a [&'a str],
}

/// The features document of runtime-spec 1.3 (features.md).
pub fn features(facts: &Facts) -> Value {
    let (major, minor, patch) = facts.libseccomp;
    let mut document = json!({
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": HOOKS,
        "mountOptions": MOUNT_OPTIONS,
        "linux": linux(facts),
        "annotations": {
            "io.github.seccomp.libseccomp.version": format!("{major}.{minor}.{patch}"),
            "org.opencontainers.runc.checkpoint.enabled": CHECKPOINT.to_string(),
            "cofferdam.version": facts.version,
        },
    });
    if let Some(members) = document.as_object_mut().filter(|_| !UNSAFE_ANNOTATIONS.is_empty()) {
        members.insert("potentiallyUnsafeConfigAnnotations".to_owned(), json!(UNSAFE_ANNOTATIONS));
    }
    document
}

fn linux(facts: &Facts) -> Map<String, Value> {
    let members = [
        ("namespaces", json!(NAMESPACES)),
        ("capabilities", json!(CAPABILITIES)),
        ("cgroup", json!({ "v1": true, "v2": true, "systemd": SYSTEMD, "systemdUser": SYSTEMD_USER, "rdma": true })),
        (
            "seccomp",
            json!({
                "enabled": true,
                "actions": SECCOMP_ACTIONS,
                "operators": SECCOMP_OPERATORS,
                "archs": SECCOMP_ARCHS,
                "knownFlags": SECCOMP_FLAGS,
                "supportedFlags": facts.seccomp_flags,
            }),
        ),
        ("apparmor", json!({ "enabled": true })),
        ("selinux", json!({ "enabled": true })),
        ("intelRdt", json!({ "enabled": INTEL_RDT, "schemata": INTEL_RDT, "monitoring": INTEL_RDT })),
        ("memoryPolicy", json!({ "modes": MEMORY_POLICY_MODES, "flags": MEMORY_POLICY_FLAGS })),
        ("mountExtensions", json!({ "idmap": { "enabled": true } })),
        ("netDevices", json!({ "enabled": true })),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime as oci;
    use serde::de::DeserializeOwned;

    fn all_known<T: DeserializeOwned>(names: &[&str]) {
        assert!(names.is_sorted() || names == HOOKS || names == CAPABILITIES);
        for name in names {
            assert!(serde_json::from_value::<T>(json!(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn every_name_is_recognized_in_a_config() {
        all_known::<oci::LinuxNamespaceType>(NAMESPACES);
        all_known::<oci::Capability>(CAPABILITIES);
        all_known::<oci::LinuxSeccompAction>(SECCOMP_ACTIONS);
        all_known::<oci::LinuxSeccompOperator>(SECCOMP_OPERATORS);
        all_known::<oci::Arch>(SECCOMP_ARCHS);
        all_known::<oci::LinuxSeccompFilterFlag>(SECCOMP_FLAGS);
        all_known::<oci::MemoryPolicyModeType>(MEMORY_POLICY_MODES);
        all_known::<oci::MemoryPolicyFlagType>(MEMORY_POLICY_FLAGS);
        assert!(MOUNT_OPTIONS.is_sorted());
    }

    #[test]
    fn it_is_a_features_document() {
        let facts = Facts { version: "0.1.0", libseccomp: (2, 5, 4), seccomp_flags: &["SECCOMP_FILTER_FLAG_LOG"] };
        let document = features(&facts);
        assert!(serde_json::from_value::<oci::Features>(document.clone()).is_ok());
        assert_eq!(document.pointer("/annotations/io.github.seccomp.libseccomp.version"), Some(&"2.5.4".into()));
        assert_eq!(document.pointer("/linux/capabilities").and_then(Value::as_array).map(Vec::len), Some(41));
    }
}
