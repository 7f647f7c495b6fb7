//! The init stage: walks the steps of a plan and becomes the container's program.
#![no_std]
#![no_main]

sys::entry!(main);

fn main(arguments: sys::entry::Arguments) -> ! {
    let n = plan::Reader::new(arguments.get(0).map_or(b"", |a| a.to_bytes())).filter(|p| matches!(p.step, plan::Step::Exec)).count();
    sys::clone::exit(n as i32)
}
