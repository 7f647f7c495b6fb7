//! What init and the runtime process say to each other: one message a packet on the sync pipe, a pair of
//! `SOCK_SEQPACKET` sockets. EOF is an answer too: to the runtime process it says that init has become the
//! program (its end is close-on-exec) or has died, to init that the runtime process is gone.

use crate::text::Bytes;
use serde::{Deserialize, Serialize};

/// The most bytes of a [`Failure`]'s own text, the act and the detail.
pub const DETAIL: usize = 3072;

/// The most descriptors of a packet to init.
pub const DESCRIPTORS: usize = 64;

/// The most bytes of a plan in a packet.
pub const PLAN: usize = 1 << 15;

/// All other packets are never longer.
pub const MESSAGE: usize = 4096;

/// From init to the runtime process (or, after [`crate::Step::AwaitStart`], to `cofferdam start`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
#[allow(missing_docs, reason = "the variant says what its fields are")]
pub enum FromInit<'a> {
    /// [`crate::Step::Reborn`]: the process that goes on, by its id in the runtime process's PID namespace; its pidfd
    /// comes with this message (`SCM_RIGHTS`). Not answered.
    Reborn { pid: i32 },
    /// [`crate::Step::RuntimeHooks`] is reached; answered by [`ToInit::GoOn`].
    RuntimeHooks,
    /// [`crate::Step::Ready`] is reached; answered by [`ToInit::GoOn`], for which [`crate::Step::AwaitWord`] waits, where
    /// there is one. With init's procfs, where it has one still, to be closed.
    Ready,
    /// The terminal's master comes with this message (`SCM_RIGHTS`). Not answered.
    Terminal,
    /// init has a seccomp notify descriptor of that number; answered by [`ToInit::GoOn`] when the runtime process
    /// has taken a copy with pidfd_getfd(2). It is not sent along: the filter, which is in force by now, may
    /// hold sendmsg(2) up until somebody listens, so this message is written with write(2).
    SeccompListener { descriptor: i32 },
    /// The tree of the step with that number ([`crate::Source::Asked`]) is needed; answered by
    /// [`ToInit::GoOn`] with the descriptor.
    Tree { step: u32 },
    /// A detached tree and a user namespace come with this message: the tree's ids are to be mapped as that
    /// namespace does, which only the runtime process may do; answered by [`ToInit::GoOn`].
    MapIds { step: u32, recursive: bool },
    /// Something that is not an error but that a person should know.
    Warning(Failure<'a>),
    /// [`crate::Step::Exec`] is next: from here on EOF says that the program runs. Not answered.
    Executing,
    /// A step failed; init ends.
    Failed(Failure<'a>),
    /// Nanoseconds of CLOCK_MONOTONIC at the end of each step from number `first` on, as 64-bit little
    /// endian numbers: sent only where the plan asks for times.
    Times { first: u32, ends: Bytes<'a> },
}

/// From the runtime process to init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variant says what its fields are")]
pub enum ToInit {
    /// Do the next step.
    GoOn,
    /// Descriptors that more handles stand for come with this message; it is not the last one with some.
    Descriptors,
    /// What [`crate::Step::ReceivePlan`] waits for: the steps that follow have that many bytes, which come next, in packets
    /// of at most [`PLAN`]. The descriptors that come with this message are the last that more handles stand for.
    Plan { length: u64 },
}

/// What went wrong in a step. The plan tells what the step was about and where in the config it stands.
/// It reads `act detail: errno`, each left out where empty or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Failure<'a> {
    /// The step's number, from 0; `u32::MAX` where init could not even read its plan.
    pub step: u32,
    /// The kernel's answer; 0 where it is not about a call.
    pub errno: i32,
    /// The call or act that failed: `open_tree`, `mkdirat`; empty where `detail` is a whole sentence.
    pub act: &'a str,
    /// What it was done to, or all there is to say: a path, a hook's own stderr.
    pub detail: Bytes<'a>,
}
