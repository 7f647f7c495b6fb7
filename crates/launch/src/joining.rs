//! By whom, and when, each namespace is made or joined.

use namespaces::{Join, Wanted};
use sys::namespace::{CLONE_NEWCGROUP, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER};

/// The namespaces that clone3 makes: those that take in only children or own the others, and a network namespace that
/// the runtime process is to find (`fills_network`); all where the process is made that enters a PID namespace, since in
/// there it may be looked into.
pub(crate) fn made_by_clone(wanted: &Wanted, fills_network: bool) -> u32 {
    let network = if fills_network { CLONE_NEWNET } else { 0 };
    let all = if joins_by_birth(wanted) { made_by_init(wanted) } else { network };
    wanted.new & (CLONE_NEWPID | CLONE_NEWUSER | all)
}

/// The namespaces that init makes as soon as it is there, unless clone3 has: the runtime process need not wait for them. A
/// cgroup namespace is made in the cgroup, a time namespace by the runtime process, which its child inherits
/// from, or by the child where it has a user namespace to own it.
pub(crate) fn made_by_init(wanted: &Wanted) -> u32 {
    wanted.new & !(CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME)
}

/// Whether a namespace is joined that takes in only children (PID), or that must own the new ones (user).
pub(crate) fn joins_by_birth(wanted: &Wanted) -> bool {
    wanted.join(CLONE_NEWPID).is_some() || wanted.join(CLONE_NEWUSER).is_some()
}

/// Which joined namespaces init enters in the end: all but PID and user (by birth) and those that [`entered_before`]
/// and [`borrowed`] name.
pub(crate) fn entered(wanted: &Wanted, root: bool) -> impl Iterator<Item = &Join> {
    let earlier = wanted.makes(CLONE_NEWUSER) || enters_before(wanted, root);
    wanted.joined.iter().filter(move |join| join.kind == CLONE_NEWNS || !earlier && may_be_foreign(join))
}

/// Which joined namespaces are entered before a user namespace is joined: they may belong to another one, and then our
/// root has rights there and the root of the user namespace has none. Who is not root has rights nowhere else.
pub(crate) fn entered_before(wanted: &Wanted, root: bool) -> impl Iterator<Item = &Join> {
    let before = enters_before(wanted, root);
    wanted.joined.iter().filter(move |join| before && may_be_foreign(join))
}

fn enters_before(wanted: &Wanted, root: bool) -> bool {
    root && wanted.join(CLONE_NEWUSER).is_some()
}

/// Whether it is of use even where it belongs to another user namespace than the container's.
fn may_be_foreign(join: &Join) -> bool {
    !matches!(join.kind, CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWNS)
}

/// Which joined namespaces the runtime process enters for a moment: the host's own, where the user namespace is new
/// and init has no rights outside of it.
pub(crate) fn borrowed(wanted: &Wanted) -> impl Iterator<Item = &Join> {
    let new_user = wanted.makes(CLONE_NEWUSER);
    wanted.joined.iter().filter(move |join| new_user && may_be_foreign(join))
}
