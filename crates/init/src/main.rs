//! The init stage: walks the steps of a plan and becomes the container's program.
//!
//! It is born by exec in the container's namespaces, with its plan as a segment of its program. Its arguments are the
//! number of the sync pipe, and the address and the length of the plan. It has no C library, no allocator, no environment.
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
mod signals;
mod start;
mod terminal;
mod times;
mod user;
mod walk;

use context::Context;
use core::convert::Infallible;
use fault::Fault;
use rustix::fd::AsFd;
use sys::entry::Arguments;

sys::entry!(main);

fn main(arguments: Arguments) -> ! {
    let number = |index| number::parse(arguments.get(index)?.to_bytes());
    let sync = number(1).and_then(|number| sys::descriptor::own(i32::try_from(number).ok()?));
    let (Some(sync), Some(address), Some(length)) = (sync, number(2), number(3)) else { sys::clone::exit(2) };
    let plan = sys::memory::mapped(address as usize, length as usize);
    let mut context = Context::new(sync);
    match live(&mut context, plan) {
        Ok(never) => match never {},
        Err(fault) => conversation::fail(context.sync.as_fd(), context.step, &fault),
    }
    sys::clone::exit(1)
}

/// The whole life of init.
fn live<'p>(context: &mut Context<'p>, plan: &'p [u8]) -> Result<Infallible, Fault> {
    death::shield()?;
    walk::walk(context, plan)
}
