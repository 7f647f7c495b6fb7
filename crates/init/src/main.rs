//! The init stage: walks the steps of a plan and becomes the container's program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod context;
mod fault;

sys::entry!(main);

fn main(_: sys::entry::Arguments) -> ! {
    sys::clone::exit(1)
}
