//! What fuzzers try here: id maps.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use crate::maps::Map;
use spec::oci::{LinuxIdMapping, LinuxIdMappingBuilder};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Mappings, of twelve bytes each; then the bytes as the text of a map.
pub fn id_maps(data: &[u8]) {
    let (chunks, _) = data.as_chunks::<4>();
    let numbers: Vec<_> = chunks.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let mappings: Vec<_> = numbers.as_chunks::<3>().0.iter().map(|numbers| mapping(*numbers)).collect();
    let map = Map::new(&mappings, &[]);
    assert_eq!(map.users.lines().count(), mappings.len());
    for one in &mappings {
        let (first, count) = (one.container_id(), one.size());
        for inside in [first, first.saturating_sub(1), first.saturating_add(count), first.wrapping_add(count / 2)] {
            assert_eq!(Map::outside(&map.users, inside), outside(&mappings, inside), "{inside} in {mappings:?}");
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        Map::first(text);
        Map::outside(text, 1000);
    }
}

fn mapping([inside, outside, size]: [u32; 3]) -> LinuxIdMapping {
    LinuxIdMappingBuilder::default().container_id(inside).host_id(outside).size(size).build().unwrap()
}

/// The first mapping that holds the id says what it is outside, unless that is more than an id can be: no kernel takes
/// such a map. In numbers that can't overflow.
fn outside(mappings: &[LinuxIdMapping], inside: u32) -> Option<u32> {
    let inside = u64::from(inside);
    mappings.iter().find_map(|one| {
        let first = u64::from(one.container_id());
        let holds = (first..first + u64::from(one.size())).contains(&inside);
        holds.then(|| u64::from(one.host_id()) + inside - first).and_then(|outside| u32::try_from(outside).ok())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn corpus() {
        super::replay::replay("id_maps", super::id_maps);
    }
}
