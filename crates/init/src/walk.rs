//! The walk over a plan's steps: this page is the list of all that init can do.
//!
//! What has much on its stack is kept out of this page's own frame, `#[inline(never)]`: a page of memory that is touched
//! costs as much as a system call, and init has it for as long as it waits for `start`.

use crate::context::Context;
use crate::fault::Fault;
use crate::home::Home;
use crate::program::Program;
use crate::times::Times;
use crate::{
    conversation, death, directory, exec, hook, namespaces, process, reborn, root, seal, signals, start, terminal, user,
};
use core::convert::Infallible;
use plan::{FromInit, Header, Reader, Step};
use rustix::fd::AsFd;

/// Takes step after step; the last one does not return.
pub(crate) fn walk<'p>(context: &mut Context<'p>, plan: &'p [u8]) -> Result<Infallible, Fault> {
    let (header, mut steps) = Reader::with_header(plan).ok_or_else(|| Fault::refusal("the plan is broken", b""))?;
    prepare(context, header)?;
    while let Some(placed) = steps.next() {
        match placed.step {
            Step::ReceivePlan => steps = Reader::new(conversation::plan(context)?),
            step => take(context, step)?,
        }
        if context.times.as_mut().is_some_and(|times| !times.note()) {
            send_times(context)?;
        }
        context.step += 1;
    }
    Err(Fault::refusal(if steps.is_broken() { "the plan is broken" } else { "the plan has no end" }, b""))
}

/// Shuts the descriptors that this process was born with, but the payload's.
fn prepare(context: &mut Context<'_>, header: Header<'_>) -> Result<(), Fault> {
    for number in header.descriptors.0.as_chunks::<4>().0 {
        context.give(i32::from_le_bytes(*number))?;
    }
    context.preserved = header.preserved;
    context.times = header.times.then(Times::new).transpose()?;
    seal::check_numbers(context)?;
    seal::close_on_exec(context)
}

#[allow(clippy::too_many_lines, reason = "one page: the list")]
fn take<'p>(context: &mut Context<'p>, step: Step<'p>) -> Result<(), Fault> {
    match step {
        Step::Signals { ignored } => signals::reset(ignored),
        Step::Reborn { pid, user, new, cgroup } => reborn::go_on(context, pid, user, new, cgroup),
        Step::JoinCgroup { tasks } => namespaces::join_cgroup(context, tasks),
        Step::EnterNamespace { namespace, kind } => namespaces::enter(context, namespace, kind),
        Step::EnterNamespacesOf { process, kinds } => namespaces::enter(context, process, kinds),
        Step::NewNamespaces { kinds } => namespaces::make(context, kinds),
        Step::BecomeRoot => namespaces::become_root(context),
        Step::SessionKeyring { name } => namespaces::session_keyring(context, name.0),
        Step::LoopbackUp => namespaces::loopback_up(),
        Step::NewSession => namespaces::new_session(),
        Step::ReceivePlan => Err(Fault::refusal("the plan is broken", b"")),

        Step::Propagation { flags } => root::propagation(context, flags),
        Step::ParentPrivate { path } => root::parent_private(path),
        Step::OpenRoot { path, bind, private } => root::open_root(context, path, bind, private),
        Step::Procfs => root::procfs(context),
        Step::Mount(mount) => root::mount(context, &mount),
        Step::Bind(bind) => root::bind(context, &bind),
        Step::Remount { target, attributes, options, bind } => {
            root::remount(context, target, &attributes, options, bind)
        }
        Step::SetAttributes { target, attributes } => root::set_attributes(context, target, &attributes),
        Step::Device(device) => root::device(context, &device),
        Step::Link { path, to, replace } => root::link(context, path, to, replace),
        Step::Directory { path } => root::directory(context, path),
        Step::Terminal { rows, columns, console, owner } => terminal::give(context, rows, columns, console, owner),
        Step::RuntimeHooks => {
            context.yield_to_others()?;
            ask(context, &FromInit::RuntimeHooks)
        }
        Step::Hook(hook) => {
            context.yield_to_others()?;
            hook::run(context, &hook)
        }
        Step::PivotRoot => root::pivot_root(context),
        Step::MoveRoot => root::move_root(context),
        Step::Chroot => root::chroot(context),
        Step::RootPropagation { flags } => root::root_propagation(context, flags),
        Step::Hostname { name } => root::hostname(name),
        Step::Domainname { name } => root::domainname(name),
        Step::Sysctl { path, value } => root::sysctl(context, path, value),
        Step::ReadonlyPath { path } => root::readonly_path(context, path),
        Step::MaskPath { path, context: label } => root::mask_path(context, path, label),
        Step::ReadonlyRoot => root::readonly_root(context),

        Step::ApparmorProfile { profile } => process::apparmor_profile(context, profile.0),
        Step::SelinuxLabel { label } => process::selinux_label(context, label.0),
        Step::SelinuxKeyLabel { label } => process::selinux_key_label(context, label.0),
        Step::ResourceLimit { resource, soft, hard } => process::resource_limit(resource, soft, hard),
        Step::Scheduler(scheduler) => process::scheduler(&scheduler),
        Step::IoPriority { class, priority } => process::io_priority(class, priority),
        Step::MemoryPolicy { mode, nodes } => process::memory_policy(mode, nodes.0),
        Step::Personality { domain } => process::personality(domain),
        Step::CpuAffinity { mask } => process::cpu_affinity(context, mask.0),
        Step::Umask { mask } => {
            process::umask(mask);
            Ok(())
        }
        Step::NoNewPrivileges => process::no_new_privileges(),
        Step::Seccomp(seccomp) => process::seccomp(context, &seccomp),
        Step::BoundingSet { drop } => user::bounding_set(drop),
        Step::KeepCapabilities => user::keep_capabilities(),
        Step::Groups { ids } => user::groups(ids.0),
        Step::User { uid, gid } => user::user(context, uid, gid),
        Step::OwnStandardStreams { uid, gid } => user::own_standard_streams(uid, gid),
        Step::Capabilities { effective, permitted, inheritable, ambient } => {
            user::capabilities(context, user::sets(effective, permitted, inheritable), ambient)
        }
        Step::WorkingDirectory { path, create } => directory::working_directory(context, path.0, create),
        Step::Home { uid } => {
            context.home = Some(context.beneath(|root| Home::of(root, uid))?);
            Ok(())
        }
        Step::Program { arguments, environment } => {
            context.program = Some(Program::find(arguments, environment)?);
            Ok(())
        }
        Step::SealDescriptors { listener } => seal::seal(context, listener),
        Step::Ready => ready(context),
        Step::Untie => death::untie(context),
        Step::AwaitWord => conversation::wait(context.sync.as_fd()),
        Step::AwaitStart { listener } => start::wait(context, listener),
        Step::Exec => become_program(context),
    }
}

/// Says where the walk is and waits for the word to go on.
fn ask(context: &Context<'_>, message: &FromInit<'_>) -> Result<(), Fault> {
    conversation::tell(context.sync.as_fd(), message)?;
    conversation::wait(context.sync.as_fd())
}

/// Tells that all is set up. The runtime process may end as soon as it has said to go on, so it must not take
/// init with it from here; should it end before, its silence is noticed.
fn ready(context: &mut Context<'_>) -> Result<(), Fault> {
    death::untie(context)?;
    send_times(context)?;
    match &context.procfs {
        // Whoever closes it last waits while the kernel takes the mount apart: the runtime process has the time.
        Some(procfs) => conversation::hand_over(context.sync.as_fd(), &FromInit::Ready, &[procfs.as_fd()]),
        None => conversation::tell(context.sync.as_fd(), &FromInit::Ready),
    }
}

fn become_program(context: &mut Context<'_>) -> Result<(), Fault> {
    send_times(context)?;
    match exec::exec(context)? {}
}

fn send_times(context: &mut Context<'_>) -> Result<(), Fault> {
    match context.times.as_mut().and_then(Times::take) {
        Some(message) => conversation::tell(context.sync.as_fd(), &message),
        None => Ok(()),
    }
}
