//! Walking the runtime process's part of a plan, up to a process that speaks.

use crate::birth::{self, Born, Parents};
use crate::compile::{INITIAL_CPUS, Plan};
use crate::descriptors::{self, Given};
use crate::error::Error;
use crate::joining::borrowed;
use crate::sentence::Sentences;
use crate::trace;
use plan::{Bytes, Header};
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sys::namespace::CLONE_NEWUSER;

/// Makes init. `born` is called as soon as the process exists, before it can do anything that needs cleaning up: it
/// saves the state.
///
/// # Errors
/// Where anything of it fails; a process that was made is then ended.
pub fn bear(plan: &Plan, given: &Given<'_>, born: &mut dyn FnMut(&Born) -> Result<(), Error>) -> Result<Born, Error> {
    let open = trace::step("open", || descriptors::open(&plan.descriptors, given))?;
    let numbers = descriptors::numbers(&open);
    let bytes = plan.init.finish(Header { descriptors: Bytes(&numbers), times: trace::is_on() });
    let parents = Parents {
        wanted: &plan.wanted,
        map: &plan.map,
        offsets: &plan.offsets,
        reborn: plan.reborn,
        borrowed: borrowed(&plan.wanted)
            .map(|join| Ok((join.kind, namespaces::open(join)?)))
            .collect::<Result<_, Error>>()?,
        cgroup: given.cgroup.as_ref().map(AsFd::as_fd),
        preserved: plan.preserved,
        descriptors: open.iter().map(AsFd::as_fd).collect(),
        plan: &bytes,
    };
    raise_limits(&plan.raised);
    run_on(&plan.cpus)?;
    let process = trace::step("clone", || birth::give(&parents))?;
    let process = if plan.reborn { trace::step("reborn", || process.reborn(&Sentences::of(plan)))? } else { process };
    let grown = born(&process).and_then(|()| raise(plan, &process));
    match grown {
        Ok(()) => Ok(process),
        Err(error) => {
            process.end();
            Err(error)
        }
    }
}

/// Raises our own hard limits, for init to inherit. It sets all limits itself, and says so where one is still too low.
fn raise_limits(limits: &[(Resource, u64)]) {
    for (resource, hard) in limits {
        let own = getrlimit(*resource);
        // No number stands for no limit.
        let wanted = Some(*hard).filter(|hard| *hard != u64::MAX);
        if own.maximum.is_some_and(|own| wanted.is_none_or(|wanted| own < wanted)) {
            let _refused = setrlimit(*resource, Rlimit { maximum: wanted, ..own });
        }
    }
}

/// The child inherits the CPUs of the process that makes it. A mask without any asks for nothing.
fn run_on(cpus: &[u8]) -> Result<(), Error> {
    if cpus.is_empty() {
        return Ok(());
    }
    sys::schedule::set_affinity(cpus).map_err(|errno| Error::Init {
        setup: true,
        sentence: format!("sched_setaffinity: {}", sys::text::errno(errno)),
        place: INITIAL_CPUS.into(),
    })
}

fn raise(plan: &Plan, process: &Born) -> Result<(), Error> {
    let map = plan.wanted.makes(CLONE_NEWUSER).then_some(&plan.map);
    if map.is_some() || plan.reborn {
        trace::step("map-ids", || process.go_on(map))?;
    }
    if let Some(score) = plan.oom_score {
        let path = format!("/proc/{}/oom_score_adj", process.pid.as_raw_nonzero());
        let failed = |errno| Error::Init {
            setup: true,
            sentence: format!("write {score} to oom_score_adj: {}", sys::text::errno(errno)),
            place: "/process/oomScoreAdj".into(),
        };
        let to = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
        rustix::io::write(to, score.to_string().as_bytes()).map_err(failed)?;
    }
    Ok(())
}
