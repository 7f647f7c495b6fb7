//! `list` of many containers: those of all runtimes stand at the same time and are listed in rounds, so that what else
//! happens on the machine falls on all alike.

use crate::bundle::Place;
use crate::figures::Figures;
use crate::growth::{STANDING, most};
use crate::runtime::Runtime;
use crate::sample::{Outcome, measure};
use crate::standing::{AT_ONCE, Standing};
use std::io;
use std::thread::sleep;
use std::time::Duration;

const ROUNDS: usize = 40;

/// Measures `list` with some and with many containers of each runtime.
pub(crate) fn measure_all(runtimes: &[&Runtime], place: &Place, figures: &mut Figures) -> io::Result<()> {
    let mut all: Vec<_> = runtimes.iter().map(|runtime| (*runtime, Standing::new(runtime, place))).collect();
    let done = STANDING.into_iter().filter(|count| *count > 0).try_for_each(|count| {
        let mut able: Vec<_> =
            all.iter_mut().filter(|(runtime, _)| most(&runtime.name, place.layout) >= count).collect();
        rounds(&mut able, count, place, figures)
    });
    let ended: Vec<io::Result<()>> = all.into_iter().map(|(_, standing)| standing.end()).collect();
    done?;
    ended.into_iter().collect()
}

fn rounds(
    all: &mut [&mut (&Runtime, Standing<'_>)],
    count: usize,
    place: &Place,
    figures: &mut Figures,
) -> io::Result<()> {
    let name = |runtime: &Runtime| format!("{}/growth/{}/list/{count}", place.layout.name, runtime.name);
    for (runtime, standing) in all.iter_mut() {
        if let Some(trouble) = standing.grow(count, AT_ONCE)?.trouble() {
            figures.remark(&[&name(runtime), "trouble"], trouble);
        }
    }
    // What has just been made keeps the kernel busy for a while.
    sleep(Duration::from_secs(1));
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..ROUNDS {
        for ((runtime, _), times) in all.iter().zip(&mut times) {
            if let Outcome::Ended(wall) = measure(&runtime.verb("list"), &place.folder.join("stderr"))? {
                times.push(wall);
            }
        }
    }
    for ((runtime, _), times) in all.iter().zip(times) {
        figures.times(&[&name(runtime)], &times);
    }
    Ok(())
}
