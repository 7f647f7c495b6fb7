//! Where Cofferdam's own time goes, by its `--trace`.

use crate::rounds::Racer;
use crate::runtime::Step;
use crate::sample::{Outcome, measure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// Calls of which the shortest is taken.
const TRIES: usize = 5;
/// The longest parts that are told.
const PARTS: usize = 12;

/// The longest parts of a step, those of one name together: who did it, what, microseconds.
pub(crate) fn longest(racer: &mut Racer, step: Step) -> io::Result<Vec<(String, f64)>> {
    let mut best: Option<(std::time::Duration, String)> = None;
    for _ in 0..TRIES {
        if step.needs_container() {
            racer.prepare(step)?;
        }
        let bundle = racer.bundle(step).to_owned();
        let file = bundle.join("trace.json");
        let options = ["--trace", file.to_str().unwrap_or_default()];
        let outcome = measure(&racer.runtime.command(step, &bundle, &options), &bundle.join("stderr"))?;
        racer.tidy()?;
        let Outcome::Ended(sample) = outcome else { continue };
        if best.as_ref().is_none_or(|(wall, _)| sample.wall < *wall) {
            best = Some((sample.wall, fs::read_to_string(file)?));
        }
    }
    Ok(best.map(|(_, text)| parts(&text)).unwrap_or_default())
}

fn parts(text: &str) -> Vec<(String, f64)> {
    let trace: Value = serde_json::from_str(text).unwrap_or_default();
    let mut sums = BTreeMap::<String, f64>::new();
    for event in trace["traceEvents"].as_array().into_iter().flatten() {
        let (Some(who), Some(what)) = (event["cat"].as_str(), event["name"].as_str()) else { continue };
        *sums.entry(format!("{who}: {what}")).or_default() += event["dur"].as_f64().unwrap_or_default();
    }
    let mut parts: Vec<_> = sums.into_iter().collect();
    parts.sort_by(|one, other| other.1.total_cmp(&one.1));
    parts.truncate(PARTS);
    parts
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_of_one_name_are_summed_and_the_longest_is_first() {
        let text = r#"{"traceEvents":[{"cat":"init","name":"Mask","dur":2.0},{"cat":"runtime","name":"plan","dur":3.0},
            {"cat":"init","name":"Mask","dur":2.5}]}"#;
        assert_eq!(super::parts(text), [("init: Mask".to_owned(), 4.5), ("runtime: plan".to_owned(), 3.0)]);
    }
}
