//! The five capability sets of the process, exact: what the config does not list is absent.

use rustix::thread::{CapabilitySet, capability_is_in_bounding_set};
use spec::oci::{Capabilities, Capability, Process};

/// Capabilities as masks: bit `CAP_CHOWN` is the lowest. See capabilities(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sets {
    /// What exec may ever give.
    pub bounding: u64,
    /// What is checked.
    pub effective: u64,
    /// What may be made effective.
    pub permitted: u64,
    /// What a file with inheritable capabilities lets through.
    pub inheritable: u64,
    /// What is kept across exec of an ordinary program by an ordinary user.
    pub ambient: u64,
}

/// The sets that `process` asks for, and a warning for each thing that can't be had: a container whose
/// engine is newer than the kernel, or whose host is itself confined, must start all the same. `held` is what
/// init will hold before it drops anything (see [`held`]).
pub fn capabilities(process: &Process, held: u64) -> (Sets, Vec<String>) {
    let Some(asked) = process.capabilities() else { return (Sets::default(), Vec::new()) };
    let mask = |set: &Option<Capabilities>| set.iter().flatten().fold(0, |mask, one| mask | 1 << number(*one));
    let asked = Sets {
        bounding: mask(asked.bounding()),
        effective: mask(asked.effective()),
        permitted: mask(asked.permitted()),
        inheritable: mask(asked.inheritable()),
        ambient: mask(asked.ambient()),
    };
    let mut warnings = Vec::new();
    let missing = (asked.bounding | asked.effective | asked.permitted | asked.inheritable | asked.ambient) & !held;
    if missing != 0 {
        warnings.push(format!("ignoring unknown or unavailable capabilities: [{}]", names(missing).join(" ")));
    }
    // The kernel's own rules of capset(2) and PR_CAP_AMBIENT: whoever breaks them gets EPERM for the whole set.
    let bounding = asked.bounding & held;
    let permitted = asked.permitted & held;
    let effective = asked.effective & held & permitted;
    let inheritable = asked.inheritable & held & bounding;
    let ambient = asked.ambient & held & permitted & inheritable;
    for (set, wanted, got, why) in [
        ("effective", asked.effective, effective, "it is not permitted"),
        ("inheritable", asked.inheritable, inheritable, "it is not in the bounding set"),
    ] {
        for name in names(wanted & held & !got) {
            warnings.push(format!("can't set {set} capability {name}: {why}"));
        }
    }
    for name in names(asked.ambient & held & !ambient) {
        warnings.push(format!("can't raise ambient capability {name}: operation not permitted"));
    }
    (Sets { bounding, effective, permitted, inheritable, ambient }, warnings)
}

/// What this process may give to init: its own permitted set or, where init is in a user namespace below
/// this one, all that the kernel knows. capget(2), prctl(2).
pub fn held(user_namespace: bool) -> u64 {
    if !user_namespace {
        return rustix::thread::capabilities(None).map_or(0, |sets| sets.permitted.bits());
    }
    // A kernel answers for those that it has.
    let known = |bit: &u32| capability_is_in_bounding_set(CapabilitySet::from_bits_retain(1 << bit)).is_ok();
    (0..64).take_while(known).fold(0, |mask, bit| mask | 1 << bit)
}

/// The names of a mask.
pub fn names(mask: u64) -> Vec<&'static str> {
    NAMES.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, (_, name))| *name).collect()
}

/// Its number in capability.h.
fn number(capability: Capability) -> usize {
    // All are in the list (there is a test); a bit that no kernel has stands for one that is not.
    NAMES.iter().position(|(one, _)| *one == capability).unwrap_or(63)
}

/// By number, capability.h.
const NAMES: [(Capability, &str); 41] = [
    (Capability::Chown, "CAP_CHOWN"),
    (Capability::DacOverride, "CAP_DAC_OVERRIDE"),
    (Capability::DacReadSearch, "CAP_DAC_READ_SEARCH"),
    (Capability::Fowner, "CAP_FOWNER"),
    (Capability::Fsetid, "CAP_FSETID"),
    (Capability::Kill, "CAP_KILL"),
    (Capability::Setgid, "CAP_SETGID"),
    (Capability::Setuid, "CAP_SETUID"),
    (Capability::Setpcap, "CAP_SETPCAP"),
    (Capability::LinuxImmutable, "CAP_LINUX_IMMUTABLE"),
    (Capability::NetBindService, "CAP_NET_BIND_SERVICE"),
    (Capability::NetBroadcast, "CAP_NET_BROADCAST"),
    (Capability::NetAdmin, "CAP_NET_ADMIN"),
    (Capability::NetRaw, "CAP_NET_RAW"),
    (Capability::IpcLock, "CAP_IPC_LOCK"),
    (Capability::IpcOwner, "CAP_IPC_OWNER"),
    (Capability::SysModule, "CAP_SYS_MODULE"),
    (Capability::SysRawio, "CAP_SYS_RAWIO"),
    (Capability::SysChroot, "CAP_SYS_CHROOT"),
    (Capability::SysPtrace, "CAP_SYS_PTRACE"),
    (Capability::SysPacct, "CAP_SYS_PACCT"),
    (Capability::SysAdmin, "CAP_SYS_ADMIN"),
    (Capability::SysBoot, "CAP_SYS_BOOT"),
    (Capability::SysNice, "CAP_SYS_NICE"),
    (Capability::SysResource, "CAP_SYS_RESOURCE"),
    (Capability::SysTime, "CAP_SYS_TIME"),
    (Capability::SysTtyConfig, "CAP_SYS_TTY_CONFIG"),
    (Capability::Mknod, "CAP_MKNOD"),
    (Capability::Lease, "CAP_LEASE"),
    (Capability::AuditWrite, "CAP_AUDIT_WRITE"),
    (Capability::AuditControl, "CAP_AUDIT_CONTROL"),
    (Capability::Setfcap, "CAP_SETFCAP"),
    (Capability::MacOverride, "CAP_MAC_OVERRIDE"),
    (Capability::MacAdmin, "CAP_MAC_ADMIN"),
    (Capability::Syslog, "CAP_SYSLOG"),
    (Capability::WakeAlarm, "CAP_WAKE_ALARM"),
    (Capability::BlockSuspend, "CAP_BLOCK_SUSPEND"),
    (Capability::AuditRead, "CAP_AUDIT_READ"),
    (Capability::Perfmon, "CAP_PERFMON"),
    (Capability::Bpf, "CAP_BPF"),
    (Capability::CheckpointRestore, "CAP_CHECKPOINT_RESTORE"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: u64 = (1 << 41) - 1;

    fn process(capabilities: &serde_json::Value) -> Process {
        serde_json::from_value(json!({"cwd": "/", "user": {}, "capabilities": capabilities})).unwrap()
    }

    #[test]
    fn numbers_are_the_kernels() {
        for (number, (one, name)) in NAMES.iter().enumerate() {
            assert_eq!(*name, format!("CAP_{one}"));
            // capability.h as the floor crate has it.
            let flag = CapabilitySet::from_name(name.trim_start_matches("CAP_")).unwrap();
            assert_eq!(flag.bits(), 1 << number, "{name}");
        }
    }

    #[test]
    fn sets_are_exact() {
        let asked = json!({
            "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SYSLOG"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
            "effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"],
        });
        let (sets, warnings) = capabilities(&process(&asked), ALL);
        let wanted =
            Sets { bounding: 1 | 1 << 5 | 1 << 34, permitted: 0x21, effective: 1, inheritable: 0x20, ambient: 0x20 };
        assert_eq!((sets, warnings), (wanted, vec![]));
    }

    #[test]
    fn absent_sets_are_empty() {
        let (sets, warnings) = capabilities(&process(&json!({"bounding": ["CAP_CHOWN"]})), ALL);
        assert_eq!((sets, warnings), (Sets { bounding: 1, ..Sets::default() }, vec![]));
        assert_eq!(capabilities(&process(&json!(null)), ALL), (Sets::default(), vec![]));
    }

    #[test]
    fn what_is_not_held_is_dropped_with_a_warning() {
        let asked = json!({"bounding": ["CAP_SYS_RESOURCE", "CAP_CHOWN"], "permitted": ["CAP_SYS_RESOURCE", "CAP_CHOWN"],
            "effective": ["CAP_SYS_RESOURCE", "CAP_CHOWN"]});
        let (sets, warnings) = capabilities(&process(&asked), ALL & !(1 << 24));
        assert_eq!(sets, Sets { bounding: 1, permitted: 1, effective: 1, ..Sets::default() });
        assert_eq!(warnings, ["ignoring unknown or unavailable capabilities: [CAP_SYS_RESOURCE]"]);
    }

    #[test]
    fn what_the_kernel_would_refuse_is_dropped_with_a_warning() {
        let asked = json!({"permitted": ["CAP_KILL"], "effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"],
            "ambient": ["CAP_KILL"]});
        let (sets, warnings) = capabilities(&process(&asked), ALL);
        assert_eq!(sets, Sets { permitted: 0x20, ..Sets::default() });
        assert_eq!(
            warnings,
            [
                "can't set effective capability CAP_CHOWN: it is not permitted",
                "can't set inheritable capability CAP_KILL: it is not in the bounding set",
                "can't raise ambient capability CAP_KILL: operation not permitted",
            ]
        );
    }

    #[test]
    fn below_a_user_namespace_all_are_held() {
        assert_eq!(held(true) & ALL, ALL);
        assert_eq!(held(false) & !held(true), 0);
    }
}
