//! The walk over the runtime process's part of a plan: this page is the list of all that it can do.

use crate::birth::{self, Born, Parents};
use crate::compile::{Draft, INITIAL_CPUS, Keep, Manner, RuntimeStep};
use crate::conversation::{Attendant, converse, send_plan};
use crate::descriptors::{Given, Held, numbers};
use crate::detour::Detour;
use crate::error::Error;
use crate::sentence::Sentences;
use crate::trace;
use namespaces::{Join, Map, NetworkDevice, Offsets, Transfer};
use plan::{Bytes, Header, Writer};
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Resource, Rlimit, WaitOptions, getrlimit, setrlimit, waitpid};
use sys::Errno;
use sys::namespace::CLONE_NEWNET;

/// Who keeps the container: what a plan has done beyond the launch.
pub trait Host: Attendant {
    /// Does a step of its own; what init is to hold goes to `given`.
    ///
    /// # Errors
    /// Where it fails; a process that was made is then ended.
    fn keep(&mut self, what: Keep, given: &mut Given<'_>) -> Result<(), Error>;

    /// There is a process now.
    ///
    /// # Errors
    /// Where it can't be noted; it is then ended.
    fn born(&mut self, process: &Born) -> Result<(), Error>;
}

/// Takes step after step of the runtime process; when there is a process, works out what is missing of the plan. Where
/// something fails, the process that was made, if any, is ended, the network devices that were moved come back, and we are
/// back where we were.
///
/// # Errors
/// The first step's that fails, or what of the config can't be done.
pub fn walk(draft: Draft<'_>, given: Given<'_>, host: &mut dyn Host) -> Result<(), Error> {
    let mut walk = Walk {
        given,
        held: Held::default(),
        detour: Detour::default(),
        process: None,
        passed: None,
        sent: 0,
        transfer: None,
    };
    let done = walk.through(draft, host);
    if done.is_err() {
        walk.abandon();
    }
    if let Some(passed) = walk.passed {
        // It has nothing left to do, and nothing to say.
        let _ended = waitpid(Some(passed), WaitOptions::empty());
    }
    done
}

/// The state of the walk.
struct Walk<'g> {
    given: Given<'g>,
    held: Held,
    detour: Detour,
    process: Option<Born>,
    /// The process that made it, on its way out.
    passed: Option<Pid>,
    /// How many bytes of init's steps it has.
    sent: usize,
    /// The network devices that come back where no container comes of it.
    transfer: Option<Transfer>,
}

/// What of a plan its steps are taken with.
struct Whole<'p> {
    init: &'p Writer,
    sentences: Sentences<'p>,
    manner: Manner,
}

impl<'p> Whole<'p> {
    fn new(init: &'p Writer, manner: Manner) -> Self {
        Whole { init, sentences: Sentences::of(init, manner.cpuset), manner }
    }
}

impl Walk<'_> {
    fn through(&mut self, draft: Draft<'_>, host: &mut dyn Host) -> Result<(), Error> {
        self.all(&draft.birth, &Whole::new(&draft.order.steps, draft.manner), host)?;
        let (done, manner, adopts) = (draft.birth.len(), draft.manner, draft.is_adopted());
        let plan = match trace::step("compile", || draft.finish()) {
            Err(error) if adopts => {
                // So that it is ended, too, where there is one.
                let _died = self.adopt(&Sentences::none());
                return Err(error);
            }
            finished => finished?,
        };
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        self.all(plan.runtime.get(done..).unwrap_or_default(), &Whole::new(&plan.init, manner), host)
    }

    fn all(&mut self, steps: &[RuntimeStep], whole: &Whole<'_>, host: &mut dyn Host) -> Result<(), Error> {
        steps.iter().try_for_each(|step| trace::step(Kind(step), || self.take(step, whole, host)))
    }

    fn take(&mut self, step: &RuntimeStep, whole: &Whole<'_>, host: &mut dyn Host) -> Result<(), Error> {
        match step {
            RuntimeStep::Keep(what) => host.keep(*what, &mut self.given),
            RuntimeStep::Open(descriptor) => self.held.open(descriptor, &self.given),
            RuntimeStep::RaiseLimit { resource, hard } => {
                raise_limit(*resource, *hard);
                Ok(())
            }
            RuntimeStep::CpuAffinity { mask } => run_on(mask),
            RuntimeStep::Visit(join) => self.detour.visit(join),
            RuntimeStep::TimeNamespace(offsets) => self.detour.make_time(offsets),
            RuntimeStep::Clone { namespaces, into_cgroup, ids, time, waits } => {
                self.clone(whole, *namespaces, *into_cgroup, ids.as_ref(), time.as_ref(), *waits)
            }
            RuntimeStep::Return => self.detour.back(),
            RuntimeStep::Adopt => self.adopt(&whole.sentences),
            RuntimeStep::Note => host.born(self.process()?),
            RuntimeStep::GoOn { ids } => self.process()?.go_on(ids.as_ref()),
            RuntimeStep::NetworkDevices { devices, namespace } => self.move_devices(devices, namespace.as_ref()),
            RuntimeStep::SendPlan => {
                self.send_plan(whole.init)?;
                if self.passed.is_some() {
                    // It is a mount of its own, whose end takes the kernel long. Init is at work now, and does not have it.
                    self.given.cgroup = None;
                }
                Ok(())
            }
            RuntimeStep::OomScore(score) => set_oom_score(self.process()?, *score),
            RuntimeStep::UntilReady => self.converse(whole, host, true),
            RuntimeStep::UntilExecuted => {
                self.converse(whole, host, false)?;
                // From here on they are the program's.
                self.transfer = None;
                Ok(())
            }
        }
    }

    fn adopt(&mut self, sentences: &Sentences<'_>) -> Result<(), Error> {
        let first = self.process.take().ok_or(Error::Garbled)?;
        self.passed = Some(first.pid);
        self.process = Some(first.reborn(sentences)?);
        Ok(())
    }

    fn clone(
        &mut self,
        whole: &Whole<'_>,
        namespaces: u32,
        into_cgroup: bool,
        ids: Option<&Map>,
        time: Option<&Offsets>,
        waits: bool,
    ) -> Result<(), Error> {
        let descriptors = self.held.added(&self.given)?;
        let numbers = numbers(&descriptors);
        let preserved = whole.manner.preserved;
        let bytes = whole.init.finish(Header { descriptors: Bytes(&numbers), preserved, times: trace::is_on() });
        self.process = Some(birth::give(&Parents {
            namespaces,
            cgroup: self.given.cgroup.as_ref().filter(|_| into_cgroup).map(AsFd::as_fd),
            ids,
            time,
            waits,
            lends: whole.manner.lends,
            preserved,
            descriptors,
            plan: &bytes,
        })?);
        (self.sent, self.held.born) = (whole.init.length(), self.held.count());
        Ok(())
    }

    fn send_plan(&self, init: &Writer) -> Result<(), Error> {
        match send_plan(self.process()?.sync.as_fd(), init.rest(self.sent), &self.held.added(&self.given)?) {
            // It has failed meanwhile: its last word or its end tells why, which is listened to next.
            Err(Error::Died { .. }) => Ok(()),
            sent => sent,
        }
    }

    fn process(&self) -> Result<&Born, Error> {
        self.process.as_ref().ok_or(Error::Garbled)
    }

    fn move_devices(&mut self, devices: &[NetworkDevice], joined: Option<&Join>) -> Result<(), Error> {
        let namespace = match joined {
            Some(join) => namespaces::open(join)?,
            None => namespaces::open(&Join {
                kind: CLONE_NEWNET,
                path: format!("/proc/{}/ns/net", self.process()?.pid.as_raw_nonzero()).into(),
                place: "/linux/netDevices".into(),
            })?,
        };
        Ok(self.transfer.insert(Transfer::to(namespace)?).take_in(devices)?)
    }

    fn converse(&self, whole: &Whole<'_>, host: &mut dyn Host, until_ready: bool) -> Result<(), Error> {
        converse(self.process()?.sync.as_fd(), &whole.sentences, host, until_ready).map(drop)
    }

    fn abandon(&mut self) {
        if let Err(error) = self.detour.back() {
            tracing::warn!("{error}");
        }
        if let Some(process) = &self.process {
            process.end();
        }
        for error in self.transfer.take().into_iter().flat_map(Transfer::undo) {
            tracing::warn!("{error}");
        }
    }
}

/// Raises our own hard limit, for init to inherit. It sets all limits itself, and says so where one is still too low.
fn raise_limit(resource: Resource, hard: u64) {
    let own = getrlimit(resource);
    // No number stands for no limit.
    let wanted = Some(hard).filter(|hard| *hard != u64::MAX);
    if own.maximum.is_some_and(|own| wanted.is_none_or(|wanted| own < wanted)) {
        let _refused = setrlimit(resource, Rlimit { maximum: wanted, ..own });
    }
}

/// The child inherits the CPUs of the process that makes it.
fn run_on(cpus: &[u8]) -> Result<(), Error> {
    sys::schedule::set_affinity(cpus).map_err(|errno| refused("sched_setaffinity", INITIAL_CPUS, errno))
}

fn set_oom_score(process: &Born, score: i32) -> Result<(), Error> {
    let act = format!("write {score} to oom_score_adj");
    let failed = |errno| refused(&act, "/process/oomScoreAdj", errno);
    let path = format!("/proc/{}/oom_score_adj", process.pid.as_raw_nonzero());
    let to = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    rustix::io::write(to, score.to_string().as_bytes()).map_err(failed)?;
    Ok(())
}

/// What the kernel refuses us for init, in the words of what init itself is refused.
fn refused(act: &str, place: &str, errno: Errno) -> Error {
    let sentence = format!("{act}: {}", sys::text::errno(errno));
    Error::Init { setup: true, sentence, place: place.into() }
}

/// The name of a step in a trace, made only where one is asked for.
struct Kind<'a>(&'a RuntimeStep);

impl std::fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            RuntimeStep::Keep(what) => write!(f, "{what:?}"),
            step => f.write_str(format!("{step:?}").split(['(', ' ', '{']).next().unwrap_or_default()),
        }
    }
}
