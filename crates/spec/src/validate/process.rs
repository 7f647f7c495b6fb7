//! `process`: what `run` starts and `exec` adds.

use super::check::{Check, in_range};
use crate::error::{Fault, Quoted};
use crate::lookup::mask;
use oci_spec::runtime::{LinuxIOPriority, LinuxSchedulerPolicy as Policy, PosixRlimit, Process, Scheduler, User};

/// Checks a process whose place in the document is `base`.
pub(crate) fn process(base: &str, process: &Process) -> Check {
    let cwd = process.cwd();
    if cwd.as_os_str().is_empty() {
        return Err(Fault::missing(format!("{base}/cwd"), "Cwd property must not be empty"));
    }
    if !cwd.is_absolute() {
        let found = cwd.to_string_lossy();
        return Err(Fault::new(format!("{base}/cwd"), Quoted(&found), "Cwd must be an absolute path"));
    }
    if process.args().as_ref().is_none_or(Vec::is_empty) {
        return Err(Fault::missing(format!("{base}/args"), "args must not be empty"));
    }
    environment(base, process.env().as_deref().unwrap_or_default())?;
    user(base, process.user())?;
    console_size(base, process)?;
    limits(base, process.rlimits().as_deref().unwrap_or_default())?;
    in_range(|| format!("{base}/oomScoreAdj"), process.oom_score_adj(), -1000..=1000)?;
    let priority = process.io_priority().as_ref().map(LinuxIOPriority::priority);
    in_range(|| format!("{base}/ioPriority/priority"), priority, 0..=7)?;
    if let Some(scheduler) = process.scheduler() {
        self::scheduler(base, scheduler)?;
    }
    affinity(base, process)
}

/// Values may be secrets, so they are not repeated.
fn environment(base: &str, environment: &[String]) -> Check {
    for (i, entry) in environment.iter().enumerate() {
        let (found, rule) = match entry.find('=') {
            None => ("no name=value pair", "invalid environment variable: missing '='"),
            Some(0) => ("without a name", "invalid environment variable: name cannot be empty"),
            Some(_) => continue,
        };
        return Err(Fault::new(format!("{base}/env/{i}"), found, rule));
    }
    Ok(())
}

/// The kernel reads the id 2^32-1 as "leave it as it is": it would mean root.
fn user(base: &str, user: &User) -> Check {
    let ids = || [("uid".to_owned(), user.uid()), ("gid".to_owned(), user.gid())].into_iter();
    let more = user.additional_gids().as_deref().unwrap_or_default().iter().enumerate();
    let more = more.map(|(i, &id)| (format!("additionalGids/{i}"), id));
    if let Some((name, id)) = ids().chain(more).find(|&(_, id)| id == u32::MAX) {
        return Err(Fault::new(format!("{base}/user/{name}"), id, "must be from 0 to 4294967294"));
    }
    in_range(|| format!("{base}/user/umask"), user.umask(), 0..=0o777)
}

fn console_size(base: &str, process: &Process) -> Check {
    let Some(size) = process.console_size().filter(|_| process.terminal() == Some(true)) else { return Ok(()) };
    for (name, value) in [("height", size.height()), ("width", size.width())] {
        in_range(|| format!("{base}/consoleSize/{name}"), Some(value), 0..=u64::from(u16::MAX))?;
    }
    Ok(())
}

fn limits(base: &str, limits: &[PosixRlimit]) -> Check {
    for (i, limit) in limits.iter().enumerate() {
        let pointer = || format!("{base}/rlimits/{i}");
        if limits.iter().take(i).any(|other| other.typ() == limit.typ()) {
            let found = format!("a second {}", limit.typ());
            return Err(Fault::new(pointer(), found, "a limit may be given once"));
        }
        if limit.soft() > limit.hard() {
            let rule = format!("the soft limit must not be above the hard limit, {}", limit.hard());
            return Err(Fault::new(pointer() + "/soft", limit.soft(), rule));
        }
    }
    Ok(())
}

fn scheduler(base: &str, scheduler: &Scheduler) -> Check {
    let policy = *scheduler.policy();
    let nice = scheduler.nice().filter(|_| matches!(policy, Policy::SchedOther | Policy::SchedBatch));
    in_range(|| format!("{base}/scheduler/nice"), nice, -20..=19)?;
    let priority = scheduler.priority().unwrap_or_default();
    if priority != 0 && !matches!(policy, Policy::SchedFifo | Policy::SchedRr) {
        let rule = "scheduler.priority can only be specified for SchedFIFO or SchedRR policy";
        return Err(Fault::new(format!("{base}/scheduler/priority"), priority, rule));
    }
    for (name, time) in
        [("runtime", scheduler.runtime()), ("deadline", scheduler.deadline()), ("period", scheduler.period())]
    {
        let time = time.unwrap_or_default();
        if time != 0 && policy != Policy::SchedDeadline {
            let rule = "scheduler runtime/deadline/period can only be specified for SchedDeadline policy";
            return Err(Fault::new(format!("{base}/scheduler/{name}"), time, rule));
        }
    }
    Ok(())
}

fn affinity(base: &str, process: &Process) -> Check {
    let Some(affinity) = process.exec_cpu_affinity() else { return Ok(()) };
    for (name, list) in [("initial", affinity.initial()), ("final", affinity.cpu_affinity_final())] {
        if let Some(list) = list.as_deref().filter(|list| mask(list).is_none()) {
            let rule = "must be a list of CPUs such as 0-3,7";
            return Err(Fault::new(format!("{base}/execCPUAffinity/{name}"), Quoted(list), rule));
        }
    }
    Ok(())
}
