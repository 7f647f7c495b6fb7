//! The init stage: walks the steps of a plan and becomes the container's program.
//!
//! It is born by exec in the container's namespaces, with the numbers of two descriptors as its arguments: the
//! sync pipe, and a sealed memfd with the plan. It has no C library, no allocator, no environment.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod context;
mod conversation;
mod death;
mod directory;
mod environment;
mod exec;
mod fault;
mod home;
mod hook;
mod namespaces;
mod number;
mod outcome;
mod passwd;
mod process;
mod program;
mod reborn;
mod root;
mod seal;
mod start;
mod terminal;
mod times;
mod user;
mod walk;

use context::Context;
use core::convert::Infallible;
use fault::Fault;
use rustix::fd::{AsFd, OwnedFd};
use sys::entry::Arguments;

sys::entry!(main);

fn main(arguments: Arguments) -> ! {
    let descriptor = |index| {
        let number = number::parse(arguments.get(index)?.to_bytes())?;
        sys::descriptor::own(i32::try_from(number).ok()?)
    };
    let (Some(sync), Some(plan)) = (descriptor(1), descriptor(2)) else { sys::clone::exit(2) };
    let mut context = Context::new(sync);
    match live(&mut context, plan) {
        Ok(never) => match never {},
        Err(fault) => conversation::fail(context.sync.as_fd(), context.step, &fault),
    }
    sys::clone::exit(1)
}

/// The whole life of init.
fn live(context: &mut Context<'_>, plan: OwnedFd) -> Result<Infallible, Fault> {
    death::shield()?;
    let steps = sys::memory::map_sealed(plan.as_fd()).map_err(|errno| Fault::call("map the plan", b"", errno))?;
    drop(plan);
    walk::walk(context, steps)
}
