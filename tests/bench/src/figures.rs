//! What was measured: numbers and remarks, each under a name of words with slashes between them.
//!
//! `v2/docker/crun/run/median` is the median of crun's `run` with the bundle `docker` where cgroups are v2. Times are
//! milliseconds and memory is KiB, unless the name says otherwise.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// All that is known.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    numbers: BTreeMap<String, f64>,
    remarks: BTreeMap<String, String>,
}

impl Figures {
    /// Notes a number.
    pub(crate) fn set(&mut self, name: &[&str], number: f64) {
        self.numbers.insert(name.join("/"), number);
    }

    /// Notes a count.
    pub(crate) fn count(&mut self, name: &[&str], number: u64) {
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        self.set(name, number as f64);
    }

    /// Notes words.
    pub(crate) fn remark(&mut self, name: &[&str], words: impl Into<String>) {
        self.remarks.insert(name.join("/"), words.into());
    }

    /// Notes a median, a minimum and a 95th percentile in milliseconds.
    pub(crate) fn times(&mut self, name: &[&str], times: &[Duration]) {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let places = [("minimum", 0), ("median", sorted.len() / 2), ("p95", sorted.len() * 95 / 100)];
        for (what, place) in places {
            if let Some(time) = sorted.get(place) {
                self.set(&[name, &[what]].concat(), milliseconds(*time));
            }
        }
    }

    /// A number.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    /// The numbers whose names begin so: the rest of the name, and the number.
    pub(crate) fn under<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.numbers.iter().filter_map(move |(name, number)| Some((name.strip_prefix(start)?, *number)))
    }

    /// Words.
    pub(crate) fn words(&self, name: &str) -> Option<&str> {
        self.remarks.get(name).map(String::as_str)
    }

    /// All remarks whose name ends so: the name before that, and the words.
    pub(crate) fn remarks_of<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.remarks.iter().filter_map(move |(name, words)| Some((name.strip_suffix(end)?, words.as_str())))
    }

    /// Writes them.
    pub(crate) fn store(&self, file: &Path) -> io::Result<()> {
        fs::write(file, serde_json::to_vec_pretty(self)?)
    }

    /// Reads what was stored, beside what is here already.
    pub(crate) fn load(&mut self, file: &Path) -> io::Result<()> {
        let Figures { numbers, remarks } = serde_json::from_slice(&fs::read(file)?)?;
        self.numbers.extend(numbers);
        self.remarks.extend(remarks);
        Ok(())
    }
}

/// A time as it is told.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::Figures;
    use std::time::Duration;

    #[test]
    fn times_are_told_by_their_middle_and_their_least() {
        let mut figures = Figures::default();
        figures.times(&["a", "b"], &[5, 1, 3].map(Duration::from_millis));
        assert_eq!(figures.get("a/b/minimum"), Some(1.0));
        assert_eq!(figures.get("a/b/median"), Some(3.0));
        assert_eq!(figures.get("a/b/p95"), Some(5.0));
        figures.times(&["none"], &[]);
        assert_eq!(figures.get("none/median"), None);
    }
}
