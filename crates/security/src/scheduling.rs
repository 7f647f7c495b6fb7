//! How the process is scheduled and where: scheduler, I/O priority, memory policy, personality, CPUs.

use crate::Error;
use plan::{Bytes, Step, Writer};
use spec::oci::{
    IOPriorityClass, Linux, LinuxPersonalityDomain, LinuxSchedulerFlag, LinuxSchedulerPolicy as Policy,
    MemoryPolicyFlagType, MemoryPolicyModeType as Mode, Process, Scheduler,
};

/// The most CPUs that a list may name: the kernel's largest `NR_CPUS`.
const CPUS: usize = 8192;

/// The most nodes: the kernel's largest `MAX_NUMNODES`.
const NODES: usize = 1024;

/// Adds the scheduler that `process` asks for. `sched_setattr(2)`.
///
/// # Errors
/// [`Error::Value`] for a value that has no meaning for its policy.
pub fn push_scheduler(process: &Process, to: &mut Writer) -> Result<(), Error> {
    let Some(asked) = process.scheduler() else { return Ok(()) };
    check(asked).map_err(|(field, why)| Error::value(format!("/process/scheduler/{field}"), why))?;
    let step = plan::Scheduler {
        policy: policy(*asked.policy()),
        flags: asked.flags().iter().flatten().fold(0, |flags, one| flags | flag(*one)),
        nice: asked.nice().unwrap_or(0),
        priority: asked.priority().unwrap_or(0).unsigned_abs(),
        runtime: asked.runtime().unwrap_or(0),
        deadline: asked.deadline().unwrap_or(0),
        period: asked.period().unwrap_or(0),
    };
    to.push("/process/scheduler", Step::Scheduler(step));
    Ok(())
}

/// The field that is wrong, and why, in runc's words.
fn check(asked: &Scheduler) -> Result<(), (&'static str, String)> {
    let (policy, nice, priority) = (*asked.policy(), asked.nice().unwrap_or(0), asked.priority().unwrap_or(0));
    if matches!(policy, Policy::SchedOther | Policy::SchedBatch) && !(-20..=19).contains(&nice) {
        return Err((
            "nice",
            format!("invalid scheduler.nice: {nice} when scheduler.policy is {policy}; -20 to 19 is allowed"),
        ));
    }
    if priority != 0 && !matches!(policy, Policy::SchedFifo | Policy::SchedRr) {
        return Err(("priority", "scheduler.priority can only be specified for SchedFIFO or SchedRR policy".into()));
    }
    if priority < 0 {
        return Err(("priority", format!("scheduler.priority is {priority}; 1 to 99 is allowed")));
    }
    let deadline = [("runtime", asked.runtime()), ("deadline", asked.deadline()), ("period", asked.period())];
    match deadline.into_iter().find(|(_, value)| value.unwrap_or(0) != 0) {
        Some((field, _)) if policy != Policy::SchedDeadline => {
            Err((field, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy".into()))
        }
        _ => Ok(()),
    }
}

/// `SCHED_*`.
fn policy(policy: Policy) -> u32 {
    match policy {
        Policy::SchedOther => 0,
        Policy::SchedFifo => 1,
        Policy::SchedRr => 2,
        Policy::SchedBatch => 3,
        Policy::SchedIso => 4,
        Policy::SchedIdle => 5,
        Policy::SchedDeadline => 6,
    }
}

/// `SCHED_FLAG_*`.
fn flag(flag: LinuxSchedulerFlag) -> u64 {
    match flag {
        LinuxSchedulerFlag::SchedResetOnFork => 1,
        LinuxSchedulerFlag::SchedFlagReclaim => 2,
        LinuxSchedulerFlag::SchedFlagDLOverrun => 4,
        LinuxSchedulerFlag::SchedFlagKeepPolicy => 8,
        LinuxSchedulerFlag::SchedFlagKeepParams => 16,
        LinuxSchedulerFlag::SchedFlagUtilClampMin => 32,
        LinuxSchedulerFlag::SchedFlagUtilClampMax => 64,
    }
}

/// Adds the I/O priority that `process` asks for. `ioprio_set(2)`.
///
/// # Errors
/// [`Error::Value`] for a priority other than 0 to 7.
pub fn push_io_priority(process: &Process, to: &mut Writer) -> Result<(), Error> {
    let Some(asked) = process.io_priority() else { return Ok(()) };
    let priority = u8::try_from(asked.priority()).ok().filter(|priority| *priority <= 7).ok_or_else(|| {
        let why = format!("invalid ioPriority.Priority: {}; 0 (highest) to 7 is allowed", asked.priority());
        Error::value("/process/ioPriority/priority", why)
    })?;
    let class = match asked.class() {
        IOPriorityClass::IoprioClassRt => 1,
        IOPriorityClass::IoprioClassBe => 2,
        IOPriorityClass::IoprioClassIdle => 3,
    };
    to.push("/process/ioPriority", Step::IoPriority { class, priority });
    Ok(())
}

/// Adds the NUMA memory policy. `set_mempolicy(2)`.
///
/// # Errors
/// [`Error::Value`] for a list of nodes that can't be read, or that does not suit the mode.
pub fn push_memory_policy(linux: &Linux, to: &mut Writer) -> Result<(), Error> {
    const PLACE: &str = "/linux/memoryPolicy/nodes";
    let Some(asked) = linux.memory_policy() else { return Ok(()) };
    let list = asked.nodes().as_deref().unwrap_or_default();
    let nodes =
        mask(list, NODES).map_err(|why| Error::value(PLACE, format!("invalid memory policy nodes {list:?}: {why}")))?;
    let count: u32 = nodes.iter().map(|byte| byte.count_ones()).sum();
    let mode = match asked.mode() {
        Mode::MpolDefault | Mode::MpolLocal if count != 0 => {
            return Err(Error::value(PLACE, format!("memory policy mode requires 0 nodes but got {count}")));
        }
        Mode::MpolBind | Mode::MpolInterleave | Mode::MpolPreferredMany | Mode::MpolWeightedInterleave
            if count == 0 =>
        {
            return Err(Error::value(PLACE, "memory policy mode requires at least one node but got 0"));
        }
        Mode::MpolDefault => 0,
        Mode::MpolPreferred => 1,
        Mode::MpolBind => 2,
        Mode::MpolInterleave => 3,
        Mode::MpolLocal => 4,
        Mode::MpolPreferredMany => 5,
        Mode::MpolWeightedInterleave => 6,
    };
    let flags = asked.flags().iter().flatten().fold(0, |flags, one| {
        flags
            | match one {
                MemoryPolicyFlagType::MpolFNumaBalancing => 1 << 13,
                MemoryPolicyFlagType::MpolFRelativeNodes => 1 << 14,
                MemoryPolicyFlagType::MpolFStaticNodes => 1 << 15,
            }
    });
    to.push("/linux/memoryPolicy", Step::MemoryPolicy { mode: mode | flags, nodes: Bytes(&nodes) });
    Ok(())
}

/// Adds the execution domain. personality(2).
///
/// # Errors
/// [`Error::Value`] for any flag: runtime-spec has none.
pub fn push_personality(linux: &Linux, to: &mut Writer) -> Result<(), Error> {
    let Some(asked) = linux.personality() else { return Ok(()) };
    if let Some(flag) = asked.flags().iter().flatten().next() {
        return Err(Error::value("/linux/personality/flags/0", format!("{flag:?} is not a flag; there are none")));
    }
    let domain = match asked.domain() {
        LinuxPersonalityDomain::PerLinux => 0,
        LinuxPersonalityDomain::PerLinux32 => 8,
    };
    to.push("/linux/personality", Step::Personality { domain });
    Ok(())
}

/// A list of CPUs (`0-3,7`) as a mask for `sched_setaffinity(2)`, lowest first. Empty for an empty list.
///
/// # Errors
/// [`Error::Value`] where it can't be read; `place` is where it stands in the config.
pub fn cpus(place: &str, list: &str) -> Result<Vec<u8>, Error> {
    mask(list, CPUS).map_err(|why| Error::value(place, format!("invalid list of CPUs {list:?}: {why}")))
}

/// A list of numbers below `bound` and of ranges (both ends included), with commas between them; blanks are
/// allowed. No item may be empty, but the list may.
fn mask(list: &str, bound: usize) -> Result<Vec<u8>, String> {
    let mut mask = Vec::new();
    if list.split(',').count() > bound {
        return Err(format!("the list is longer than {bound} items"));
    }
    let number = |text: &str| match text.trim().parse::<usize>() {
        _ if !text.trim().bytes().all(|byte| byte.is_ascii_digit()) || text.trim().is_empty() => {
            Err(format!("{:?} is not a number", text.trim()))
        }
        Ok(number) if number < bound => Ok(number),
        _ => Err(format!("{} is too large; the highest is {}", text.trim(), bound - 1)),
    };
    for item in list.split(',').filter(|_| !list.trim().is_empty()) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(format!("the range {:?} ends before it begins", item.trim()));
        }
        mask.resize(mask.len().max(last / 8 + 1), 0u8);
        for bit in first..=last {
            mask[bit / 8] |= 1 << (bit % 8);
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of_process(key: &str, value: &Value) -> Result<Vec<String>, Error> {
        let process = serde_json::from_value(json!({"cwd": "/", "user": {}, key: value})).unwrap();
        let mut to = Writer::default();
        push_scheduler(&process, &mut to)?;
        push_io_priority(&process, &mut to)?;
        Ok(to.steps().map(|placed| format!("{} {:?}", placed.place, placed.step)).collect())
    }

    fn of_linux(key: &str, value: &Value) -> Result<Writer, Error> {
        let linux = serde_json::from_value(json!({key: value})).unwrap();
        let mut to = Writer::default();
        push_memory_policy(&linux, &mut to)?;
        push_personality(&linux, &mut to)?;
        Ok(to)
    }

    /// include/uapi/linux/sched.h
    #[test]
    fn policies_and_flags_have_the_kernels_numbers() {
        use LinuxSchedulerFlag as Flag;
        let policies = [Policy::SchedOther, Policy::SchedFifo, Policy::SchedRr, Policy::SchedBatch, Policy::SchedIso];
        assert_eq!(policies.map(policy), [0, 1, 2, 3, 4]);
        assert_eq!([Policy::SchedIdle, Policy::SchedDeadline].map(policy), [5, 6]);
        let flags =
            [Flag::SchedResetOnFork, Flag::SchedFlagReclaim, Flag::SchedFlagDLOverrun, Flag::SchedFlagKeepPolicy];
        assert_eq!(flags.map(flag), [1, 2, 4, 8]);
        let flags = [Flag::SchedFlagKeepParams, Flag::SchedFlagUtilClampMin, Flag::SchedFlagUtilClampMax];
        assert_eq!(flags.map(flag), [16, 32, 64]);
    }

    /// include/uapi/linux/mempolicy.h
    #[test]
    fn memory_policies_have_the_kernels_numbers() {
        let modes = [("DEFAULT", ""), ("PREFERRED", "0"), ("BIND", "0"), ("INTERLEAVE", "0"), ("LOCAL", "")];
        let newer = [("PREFERRED_MANY", "0"), ("WEIGHTED_INTERLEAVE", "0")];
        for (number, (name, nodes)) in (0..).zip(modes.into_iter().chain(newer)) {
            let asked = json!({"mode": format!("MPOL_{name}"), "nodes": nodes,
                "flags": ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]});
            let to = of_linux("memoryPolicy", &asked).unwrap();
            let Some(Step::MemoryPolicy { mode, .. }) = to.steps().map(|placed| placed.step).next() else {
                panic!("{name}")
            };
            assert_eq!(mode, 0xe000 | number, "{name}");
        }
    }

    #[test]
    fn scheduler() {
        let batch = json!({"policy": "SCHED_BATCH", "priority": 0, "nice": 19});
        assert_eq!(
            of_process("scheduler", &batch).unwrap(),
            [
                "/process/scheduler Scheduler(Scheduler { policy: 3, flags: 0, nice: 19, priority: 0, runtime: 0, deadline: 0, period: 0 })"
            ]
        );
        let deadline = json!({"policy": "SCHED_DEADLINE", "flags": ["SCHED_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"], "nice": 19,
            "runtime": 42000, "deadline": 100_000, "period": 1_000_000});
        assert_eq!(
            of_process("scheduler", &deadline).unwrap(),
            [
                "/process/scheduler Scheduler(Scheduler { policy: 6, flags: 3, nice: 19, priority: 0, runtime: 42000, deadline: 100000, period: 1000000 })"
            ]
        );
        for (wrong, words) in [
            (json!({"policy": "SCHED_OTHER", "nice": 20}), "/process/scheduler/nice: invalid scheduler.nice: 20"),
            (
                json!({"policy": "SCHED_BATCH", "priority": 1}),
                "/process/scheduler/priority: scheduler.priority can only",
            ),
            (json!({"policy": "SCHED_FIFO", "priority": -1}), "/process/scheduler/priority: "),
            (
                json!({"policy": "SCHED_FIFO", "priority": 1, "period": 1}),
                "/process/scheduler/period: scheduler runtime/deadline",
            ),
        ] {
            let said = of_process("scheduler", &wrong).unwrap_err().to_string();
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn io_priority() {
        let asked = json!({"class": "IOPRIO_CLASS_RT", "priority": 7});
        assert_eq!(
            of_process("ioPriority", &asked).unwrap(),
            ["/process/ioPriority IoPriority { class: 1, priority: 7 }"]
        );
        for priority in [-1, 8, 256] {
            let asked = json!({"class": "IOPRIO_CLASS_BE", "priority": priority});
            let said = of_process("ioPriority", &asked).unwrap_err().to_string();
            assert!(said.contains(&format!("invalid ioPriority.Priority: {priority};")), "{said}");
        }
    }

    #[test]
    fn memory_policy() {
        let asked = json!({"mode": "MPOL_BIND", "nodes": "0,9", "flags": ["MPOL_F_STATIC_NODES"]});
        let to = of_linux("memoryPolicy", &asked).unwrap();
        let wanted = Step::MemoryPolicy { mode: 2 | 1 << 15, nodes: Bytes(&[1, 2]) };
        assert_eq!(to.steps().next().unwrap().step, wanted);
        let to = of_linux("memoryPolicy", &json!({"mode": "MPOL_DEFAULT"})).unwrap();
        assert_eq!(to.steps().next().unwrap().step, Step::MemoryPolicy { mode: 0, nodes: Bytes(&[]) });
        for (wrong, words) in [
            (json!({"mode": "MPOL_DEFAULT", "nodes": "0-7"}), "mode requires 0 nodes but got 8"),
            (json!({"mode": "MPOL_LOCAL", "nodes": "0"}), "mode requires 0 nodes but got 1"),
            (json!({"mode": "MPOL_BIND", "nodes": "0-9876543210"}), "invalid memory policy node"),
            (json!({"mode": "MPOL_BIND", "nodes": "1024"}), "1024 is too large; the highest is 1023"),
            (json!({"mode": "MPOL_INTERLEAVE", "nodes": ""}), "mode requires at least one node but got 0"),
        ] {
            let said = of_linux("memoryPolicy", &wrong).unwrap_err().to_string();
            assert!(said.starts_with("/linux/memoryPolicy/nodes: ") && said.contains(words), "{said}");
        }
    }

    #[test]
    fn personality() {
        for (domain, number) in [("LINUX", 0), ("LINUX32", 8)] {
            let to = of_linux("personality", &json!({"domain": domain, "flags": []})).unwrap();
            assert_eq!(to.steps().next().unwrap().step, Step::Personality { domain: number });
        }
        assert!(of_linux("personality", &json!({"domain": "LINUX", "flags": ["X"]})).is_err());
    }

    #[test]
    fn cpu_lists() {
        assert_eq!(mask("0-3,7", CPUS), Ok(vec![0x8f]));
        assert_eq!(mask(" 0 - 1 , 16 ", CPUS), Ok(vec![3, 0, 1]));
        assert_eq!(mask("7-8", CPUS), Ok(vec![0x80, 1]));
        assert_eq!(mask("", CPUS), Ok(vec![]));
        assert_eq!(mask("8191", CPUS).unwrap().len(), 1024);
        for wrong in
            ["8192", "3-1", ",", "0,", "-", "1-", "-1", "+1", "a", "1 2", "0-99999999999999999999", "1--2", "\u{662}"]
        {
            assert!(mask(wrong, CPUS).is_err(), "{wrong:?}");
        }
    }
}
