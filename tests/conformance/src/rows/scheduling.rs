//! How the process is scheduled: config.md, Linux process (`oomScoreAdj`, `scheduler`, `ioPriority`,
//! `execCPUAffinity`); config-linux.md, memory policy.

use super::refused;
use crate::verdict::skip;
use harness::{Bundle, host};
use rustix::thread::{CpuSet, sched_getaffinity};
use serde_json::{Value, json};
use std::fs;

super::rows! { "scheduling":
    "config.md, Linux process, oomScoreAdj" {
        the_score_is_as_asked: "`oomScoreAdj` is the process's",
        the_score_is_left_alone: "without `oomScoreAdj` the caller's stays",
        a_score_is_from_minus_1000_to_1000: "what the kernel refuses is an error",
    }
    "config.md, Linux process, scheduler" {
        a_policy_and_its_nice_value: "`policy` and `nice` are the process's",
        a_nice_value_defaults_to_zero: "`nice` defaults to 0",
        real_time_policies_have_a_priority: "`SCHED_FIFO` and `SCHED_RR` with `priority`",
        a_deadline: "`SCHED_DEADLINE` with `runtime`, `deadline`, `period`",
        a_policy_that_no_kernel_has: "`SCHED_ISO`, which Linux has not, is an error",
        a_child_does_not_inherit_what_is_reset: "`SCHED_FLAG_RESET_ON_FORK`",
        flags_of_deadlines: "`SCHED_FLAG_RECLAIM`, `SCHED_FLAG_DL_OVERRUN`",
        flags_that_keep: "`SCHED_FLAG_KEEP_POLICY`, `SCHED_FLAG_KEEP_PARAMS`",
        utilization_clamps: "`SCHED_FLAG_UTIL_CLAMP_MIN`, `SCHED_FLAG_UTIL_CLAMP_MAX`",
        a_policy_is_required: "`policy` is required, and known",
        an_unknown_flag_is_refused: "a flag that is not listed is an error",
        what_does_not_go_together_is_refused: "what the kernel refuses of a policy is an error",
        a_scheduler_goes_for_exec: "`scheduler` goes for a process that joins the container",
    }
    "config.md, Linux process, ioPriority" {
        each_class_of_priority: "`class` and `priority` are the process's",
        children_have_the_priority: "the priority goes for all processes of the container",
        a_class_is_required: "`class` is required, and known",
        a_priority_is_from_0_to_7: "`priority` is from 0 to 7",
        a_class_is_enough: "`class` is enough, as the schema has it",
        a_priority_goes_for_exec: "`ioPriority` goes for a process that joins the container",
    }
    "config.md, Linux process, execCPUAffinity" {
        the_affinity_is_not_inits: "`execCPUAffinity` does not go for the container's init",
        the_final_affinity_is_execs: "`final` is the affinity of a process that joins",
        without_a_final_affinity_the_kernel_decides: "without `final` the affinity is the kernel's choice",
        a_list_of_cpus_has_ranges: "a list has commas, and dashes for ranges",
        a_list_that_is_none_is_refused: "what is no list of CPUs is an error",
    }
}

fn the_score_is_as_asked() {
    let seen = Bundle::new().with("/process/oomScoreAdj", json!(321)).probe(&[]);
    assert_eq!(seen["oom_score_adj"], "321");
}

fn the_score_is_left_alone() {
    let bundle = Bundle::of_shell("cat /proc/self/oom_score_adj");
    let outcome = bundle.call_after("echo 77 >/proc/self/oom_score_adj", ["run", bundle.id()]).ok();
    assert_eq!(outcome.out, "77\n");
}

fn a_score_is_from_minus_1000_to_1000() {
    for score in [-1001, 1001] {
        refused(Bundle::of_shell("true"), "/process/oomScoreAdj", json!(score));
    }
}

/// Policy, nice value and real-time priority of a program with `scheduler`.
fn scheduled(scheduler: &Value) -> [i64; 3] {
    shown(&in_real_time(Bundle::new().with("/process/scheduler", scheduler.clone())).probe(&[]))
}

fn shown(seen: &Value) -> [i64; 3] {
    ["policy", "nice", "priority"].map(|name| seen["stat"][name].as_i64().expect("a number"))
}

/// Where real time is shared out by cgroups, a cgroup has none unless it asks.
fn in_real_time(bundle: Bundle) -> Bundle {
    let groups = host::hierarchy("cpu").is_some_and(|top| top.join("cpu.rt_runtime_us").exists());
    let real_time = json!({"realtimePeriod": 1_000_000, "realtimeRuntime": 1000});
    if groups { bundle.with("/linux/resources/cpu", real_time) } else { bundle }
}

fn a_policy_and_its_nice_value() {
    for (policy, number, nice) in [("SCHED_OTHER", 0, -3), ("SCHED_BATCH", 3, 7), ("SCHED_BATCH", 3, 19)] {
        assert_eq!(scheduled(&json!({"policy": policy, "nice": nice})), [number, nice, 0]);
    }
    assert_eq!(scheduled(&json!({"policy": "SCHED_IDLE"}))[0], 5);
}

fn a_nice_value_defaults_to_zero() {
    let bundle = Bundle::new().with("/process/scheduler", json!({"policy": "SCHED_OTHER"}));
    let bundle = bundle.with("/process/args", json!(["/probe"]));
    let outcome = bundle.call_after("renice -n 5 $$ >/dev/null", ["run", bundle.id()]).ok();
    assert_eq!(shown(&harness::bundle::seen(&outcome)), [0, 0, 0]);
}

fn real_time_policies_have_a_priority() {
    if host::is_user_mode() {
        skip("the kernel shares real time out by cgroups of v1 alone");
    }
    for (policy, number) in [("SCHED_FIFO", 1), ("SCHED_RR", 2)] {
        let [policy, _, priority] = scheduled(&json!({"policy": policy, "priority": 9}));
        assert_eq!([policy, priority], [number, 9]);
    }
}

fn deadline(flags: &[&str]) -> Value {
    let times = (1_000_000, 20_000_000, 50_000_000);
    json!({"policy": "SCHED_DEADLINE", "flags": flags, "runtime": times.0, "deadline": times.1, "period": times.2})
}

fn a_deadline() {
    assert_eq!(scheduled(&deadline(&[]))[0], 6);
}

fn a_policy_that_no_kernel_has() {
    refused(Bundle::of_shell("true"), "/process/scheduler", json!({"policy": "SCHED_ISO"}));
}

fn a_child_does_not_inherit_what_is_reset() {
    let nice_values = |flags: Value| {
        // Of a child, and of the program.
        let bundle = Bundle::of_shell("cat /proc/self/stat; cat /proc/1/stat");
        let bundle = bundle.with("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": -5, "flags": flags}));
        let out = bundle.run().ok().out;
        let nice = out.lines().map(|line| line.rsplit_once(')').expect("a stat").1.split(' ').nth(17));
        nice.map(|nice| nice.expect("a nice value").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(nice_values(json!([])), ["-5", "-5"]);
    assert_eq!(nice_values(json!(["SCHED_FLAG_RESET_ON_FORK"])), ["0", "-5"]);
}

fn flags_of_deadlines() {
    for flag in ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"] {
        assert_eq!(scheduled(&deadline(&[flag]))[0], 6, "{flag}");
    }
}

fn flags_that_keep() {
    let own = shown(&Bundle::new().probe(&[]));
    let keeping = |flag: &str| scheduled(&json!({"policy": "SCHED_BATCH", "nice": 13, "flags": [flag]}));
    assert_eq!(keeping("SCHED_FLAG_KEEP_POLICY")[..2], [own[0], 13]);
    // The kernel keeps the policy with them.
    assert_eq!(keeping("SCHED_FLAG_KEEP_PARAMS")[..2], own[..2]);
}

fn utilization_clamps() {
    if !fs::exists("/proc/sys/kernel/sched_util_clamp_min").unwrap_or(false) {
        // Not quietly, at least.
        for flag in ["SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"] {
            refused(Bundle::of_shell("true"), "/process/scheduler", json!({"policy": "SCHED_OTHER", "flags": [flag]}));
        }
        skip("the kernel clamps no utilization; it is refused");
    }
    for flag in ["SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"] {
        assert_eq!(scheduled(&json!({"policy": "SCHED_BATCH", "flags": [flag]}))[0], 3, "{flag}");
    }
}

fn a_policy_is_required() {
    refused(Bundle::of_shell("true"), "/process/scheduler", json!({"nice": 1}));
    for policy in ["SCHED_X", "OTHER", "sched_other", ""] {
        refused(Bundle::of_shell("true"), "/process/scheduler", json!({"policy": policy}));
    }
}

fn an_unknown_flag_is_refused() {
    for flag in ["SCHED_FLAG_X", "SCHED_RESET_ON_FORK", "RECLAIM", ""] {
        refused(Bundle::of_shell("true"), "/process/scheduler", json!({"policy": "SCHED_OTHER", "flags": [flag]}));
    }
}

fn what_does_not_go_together_is_refused() {
    for scheduler in [
        json!({"policy": "SCHED_OTHER", "nice": 20}),
        json!({"policy": "SCHED_BATCH", "nice": -21}),
        json!({"policy": "SCHED_FIFO", "priority": 100}),
        json!({"policy": "SCHED_FIFO", "priority": -1}),
        json!({"policy": "SCHED_DEADLINE"}),
        json!({"policy": "SCHED_DEADLINE", "runtime": 9_000_000, "deadline": 2_000_000, "period": 2_000_000}),
    ] {
        refused(in_real_time(Bundle::of_shell("true")), "/process/scheduler", scheduler);
    }
}

/// What the probe sees as a process that joins a container with this process.
fn joining(bundle: &Bundle) -> Value {
    bundle.up();
    let mut process = bundle.config["process"].clone();
    process["args"] = json!(["/probe"]);
    harness::bundle::seen(&bundle.exec_process(&process).ok())
}

fn a_scheduler_goes_for_exec() {
    let bundle = Bundle::of_sleep().with("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 7}));
    assert_eq!(shown(&joining(&bundle)), [3, 7, 0]);
}

/// What ionice(1) tells of a program with `priority`, in `script`.
fn prioritized(script: &str, priority: &Value) -> String {
    let bundle = Bundle::of_shell(script).with("/process/ioPriority", priority.clone());
    bundle.run().ok().out.trim().to_owned()
}

fn each_class_of_priority() {
    for (class, priority, told) in [
        ("IOPRIO_CLASS_BE", 6, "best-effort: prio 6"),
        ("IOPRIO_CLASS_BE", 0, "best-effort: prio 0"),
        ("IOPRIO_CLASS_RT", 7, "realtime: prio 7"),
    ] {
        assert_eq!(prioritized("exec ionice -p 1", &json!({"class": class, "priority": priority})), told);
    }
    let idle = prioritized("exec ionice -p 1", &json!({"class": "IOPRIO_CLASS_IDLE", "priority": 0}));
    assert!(idle.starts_with("idle"), "{idle}");
}

fn children_have_the_priority() {
    let told = prioritized("(ionice; sh -c ionice)", &json!({"class": "IOPRIO_CLASS_BE", "priority": 2}));
    assert_eq!(told, "best-effort: prio 2\nbest-effort: prio 2");
}

fn a_class_is_required() {
    refused(Bundle::of_shell("true"), "/process/ioPriority", json!({"priority": 1}));
    for class in ["IOPRIO_CLASS_NONE", "BE", ""] {
        refused(Bundle::of_shell("true"), "/process/ioPriority", json!({"class": class, "priority": 1}));
    }
}

fn a_priority_is_from_0_to_7() {
    for priority in [-1, 8] {
        let asked = json!({"class": "IOPRIO_CLASS_BE", "priority": priority});
        refused(Bundle::of_shell("true"), "/process/ioPriority", asked);
    }
}

fn a_class_is_enough() {
    Bundle::of_shell("true").with("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE"})).run().ok();
}

fn a_priority_goes_for_exec() {
    let bundle = Bundle::of_sleep().with("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 6}));
    bundle.up();
    let mut process = bundle.config["process"].clone();
    process["args"] = json!(["/bin/sh", "-c", "ionice -p $$"]);
    assert_eq!(bundle.exec_process(&process).ok().out, "best-effort: prio 6\n");
}

/// Two CPUs that we may run on.
fn two_cpus() -> [String; 2] {
    let all = sched_getaffinity(None).expect("our own CPUs");
    let mut held = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).map(|cpu| cpu.to_string());
    match (held.next(), held.next()) {
        (Some(first), Some(second)) => [first, second],
        _ => skip("there is only one CPU"),
    }
}

fn cpus(seen: &Value) -> String {
    seen["status"]["Cpus_allowed_list"].as_str().expect("a list").to_owned()
}

/// A container whose processes that join have this affinity; what one without it has.
fn with_affinity(affinity: Value) -> (Bundle, String) {
    let all = cpus(&Bundle::new().probe(&[]));
    let bundle = Bundle::of_sleep().with("/process/execCPUAffinity", affinity);
    (bundle, all)
}

fn the_affinity_is_not_inits() {
    let [first, _] = two_cpus();
    let (bundle, all) = with_affinity(json!({"initial": first, "final": first}));
    assert_eq!(cpus(&bundle.with("/process/args", json!(["/probe"])).probe(&[])), all);
}

fn the_final_affinity_is_execs() {
    let [first, second] = two_cpus();
    for (initial, last) in [(json!(first), &second), (Value::Null, &second), (json!(second), &first)] {
        let (bundle, _) = with_affinity(json!({"initial": initial, "final": last}));
        bundle.up();
        assert_eq!(cpus(&bundle.exec_probe(&[], &[])), *last);
    }
}

fn without_a_final_affinity_the_kernel_decides() {
    let [first, _] = two_cpus();
    for last in [Value::Null, json!("")] {
        let (bundle, all) = with_affinity(json!({"initial": first, "final": last}));
        bundle.up();
        let own = cpus(&bundle.exec_probe(&[], &[]));
        assert!(own == first || own == all, "{own}");
    }
}

fn a_list_of_cpus_has_ranges() {
    let [first, second] = two_cpus();
    let list = format!("{first}-{second},{first}");
    let (bundle, _) = with_affinity(json!({"initial": list, "final": list}));
    bundle.up();
    let own = cpus(&bundle.exec_probe(&[], &[]));
    assert!(own == format!("{first}-{second}") || own == format!("{first},{second}"), "{own}");
}

fn a_list_that_is_none_is_refused() {
    for list in ["x", "1-0", "0,", "-1", "0--1"] {
        for member in ["initial", "final"] {
            let bundle = Bundle::of_sleep().with("/process/execCPUAffinity", json!({member: list}));
            // It is looked at when the container is made, or when a process joins.
            if bundle.create().code == 0 {
                bundle.call(["start", bundle.id()]).ok();
                let outcome = bundle.exec(&["true"]);
                assert!(outcome.code != 0, "{list:?} as {member}: {outcome}");
            }
        }
    }
}
