//! A system call that fails where it never does: a clear error and nothing left over, or the container exactly as
//! it was asked for.

use harness::bundle::seen;
use harness::strace::{Point, Points};
use harness::{Bundle, Outcome, need_cofferdam, need_root, programs, skip, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

const ERRORS: [&str; 4] = ["ENOMEM", "EPERM", "ENOSPC", "EMFILE"];

/// Calls whose failure tells nothing: of the allocator and of the language's start, which end the process; of the
/// end itself; and of what cannot fail.
const NOT_FAILED: &str = " arch_prctl brk execve exit_group mmap mprotect munmap rseq rt_sigaction rt_sigprocmask \
    set_robust_list set_tid_address sigaltstack close getrandom poll capget clock_gettime getpid gettid getuid geteuid umask sched_getaffinity ";

/// A container with something of everything that confines it.
fn confined() -> Bundle {
    let shut = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]});
    let bundle = Bundle::new()
        .with("/linux/seccomp", shut)
        .with("/root/readonly", json!(true))
        .with("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100}]))
        .with("/process/oomScoreAdj", json!(500))
        .with("/process/user", json!({"uid": 1000, "gid": 1000, "additionalGids": [5], "umask": 0o27}))
        .with("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}))
        .with("/linux/resources/pids", json!({"limit": 20}))
        .with("/linux/resources/memory", json!({"limit": 67_108_864}));
    bundle.with(
        "/process/args",
        json!([
            "/probe",
            "list:/dev",
            "read:/proc/sys/net/ipv4/ip_forward",
            "read:/proc/kcore",
            "read:/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "read:/sys/fs/cgroup/pids/pids.max",
            "read:/sys/fs/cgroup/memory.max",
            "read:/sys/fs/cgroup/pids.max"
        ]),
    )
}

/// What of the probe's view must not change from one container to the next.
fn policy(view: &Value) -> Value {
    let keys =
        ["Uid", "Gid", "Groups", "Umask", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"];
    let mounts: Vec<Value> = view["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| json!([mount["target"], mount["kind"], mount["options"], mount["propagation"]]))
        .collect();
    let own = |kind: &str| {
        let host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        view["namespaces"][kind] != json!(host.to_string_lossy())
    };
    let descriptors: Vec<&String> = view["descriptors"].as_object().unwrap().keys().collect();
    // HOME is not asked for: it is / where /etc/passwd can't be read.
    let environment: Vec<_> =
        view["env"].as_array().unwrap().iter().filter(|one| !one.as_str().unwrap().starts_with("HOME=")).collect();
    let status = keys.map(|key| view["status"][key].clone());
    let new = ["ipc", "mnt", "net", "pid", "uts"].map(own);
    json!({
        "status": status, "mounts": mounts, "descriptors": descriptors,
        "namespaces": new, "limits": view["limits"],
        "answers": view["answers"], "environment": environment, "cwd": view["cwd"], "hostname": view["hostname"],
        "oom": view["oom_score_adj"], "pid": view["pid"], "stat": view["stat"],
    })
}

/// A view's parts that differ from what was asked for.
fn differences(view: &Value, whole: &Value) -> String {
    let parts = whole.as_object().unwrap().iter().filter(|(key, value)| view[key.as_str()] != **value);
    let parts: Vec<_> = parts.map(|(key, value)| format!("{key}: {}\nnot {value}", view[key.as_str()])).collect();
    parts.join("\n")
}

/// What is wrong with how the runtime took a failure; `late` came after the program's end.
fn judged(bundle: &Bundle, outcome: &Outcome, whole: &Value, late: bool) -> Option<String> {
    if outcome.err.contains("panicked") || outcome.took > Duration::from_secs(5) {
        return Some(format!("{:?}: {outcome}", outcome.took));
    }
    if outcome.code == 0 {
        let text = differences(&policy(&seen(outcome)), whole);
        return (!text.is_empty()).then(|| format!("another container: {text}"));
    }
    let errors = outcome.err.lines().filter(|line| line.contains("level=error")).count();
    if errors != 1 || outcome.code >= 128 {
        return Some(outcome.to_string());
    }
    if late {
        // What could not be deleted can be later.
        bundle.call(["delete", "--force", bundle.id()]).ok();
    }
    let gone = until(Duration::from_secs(2), || bundle.footprint().is_empty());
    (!gone).then(|| format!("{:?} left after {outcome}", bundle.footprint()))
}

/// The points that are tried: each kind of call a few times, since the same one at many places is the same code. What
/// strace has no name for it can't fail: calls newer than it is, for which there is another way.
fn chosen(points: &Points) -> Vec<&Point> {
    let mut met = BTreeSet::new();
    let of_program = |point: &Point| points.program.iter().any(|one| (&one.name, one.nth) == (&point.name, point.nth));
    let all = points.runtime.iter().chain(&points.init);
    all.filter(|point| !point.name.starts_with("syscall_"))
        .filter(|point| !NOT_FAILED.contains(&format!(" {} ", point.name)) && !of_program(point))
        .filter(|point| point.nth.is_power_of_two() && met.insert((&point.name, point.nth)))
        .collect()
}

#[test]
fn failures_are_told_and_leave_nothing() {
    need_root!();
    need_cofferdam!("a sweep is about its system calls");
    if programs::find("strace").is_none() {
        skip!("needs strace");
    }
    let bundle = confined();
    let whole = policy(&seen(&bundle.run().ok()));
    let points = bundle.points_of_run();
    let end = points.runtime.iter().rposition(|point| point.name == "ppoll").unwrap();
    let chosen = chosen(&points);
    assert!(chosen.len() > 80, "{chosen:?}");
    let mut wrong = Vec::new();
    for (point, errno) in chosen.iter().zip(ERRORS.iter().cycle()) {
        // Devices that may not be made are the host's, bound.
        let errno = if point.name == "mknodat" { "ENOSPC" } else { errno };
        let late = points.runtime[end + 1..].contains(point);
        let outcome = bundle.failing_at(point, errno, ["run", bundle.id()]).outcome();
        let text = judged(&bundle, &outcome, &whole, late);
        wrong.extend(text.map(|text| format!("{errno} of {point}: {text}")));
        bundle.call(["delete", "--force", bundle.id()]).ok();
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), chosen.len(), wrong.join("\n"));
}
