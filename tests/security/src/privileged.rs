//! Containers with all rights that the machine gives.

use harness::Bundle;
use serde_json::json;
use std::fs;

/// The kernel's capabilities by number, less their `CAP_`. capabilities(7)
pub const CAPABILITIES: &str = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE \
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT \
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE \
    AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ \
    PERFMON BPF CHECKPOINT_RESTORE";

/// The name of the capability of that number.
pub fn capability(number: u32) -> Option<String> {
    CAPABILITIES.split_whitespace().nth(number as usize).map(|name| format!("CAP_{name}"))
}

/// The capabilities that this machine can give.
pub fn all_capabilities() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).expect("the bounding set");
    let all = u64::from_str_radix(line.trim(), 16).expect("a number");
    (0..64).filter(|bit| all >> bit & 1 == 1).filter_map(capability).collect()
}

/// A container with all rights that the machine gives, no filter, and the host's devices.
pub fn privileged(script: &str) -> Bundle {
    let names = all_capabilities();
    let mut bundle = Bundle::of_shell(script);
    bundle.set("/process/capabilities", json!({"bounding": names, "effective": names, "permitted": names}));
    bundle.set("/process/noNewPrivileges", json!(false));
    bundle.set("/linux/maskedPaths", json!([]));
    bundle.set("/linux/readonlyPaths", json!([]));
    bundle.set("/linux/resources/devices", json!([{"allow": true, "access": "rwm"}]));
    bundle
}
