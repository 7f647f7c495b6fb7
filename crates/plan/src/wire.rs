//! A plan's bytes: a header, then each step with its place in the config.

use crate::step::Step;
use crate::text::Bytes;
use serde::{Deserialize, Serialize};

/// What comes before the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Header<'a> {
    /// The number of each descriptor that init was born with, by [`crate::Handle`]: 32-bit little endian. Those that come
    /// later follow: [`crate::ToInit::Plan`].
    pub descriptors: Bytes<'a>,
    /// How many descriptors from 3 on are the program's.
    pub preserved: u32,
    /// Note the time at the end of each step.
    pub times: bool,
}

/// A step and where in config.json it comes from, as a JSON pointer (empty where from nowhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Placed<'a> {
    /// `/mounts/3`
    pub place: &'a str,
    /// The step.
    pub step: Step<'a>,
}

/// Walks the steps of a plan.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> Reader<'a> {
    /// The steps of a plan that begins with its header.
    pub fn with_header(bytes: &'a [u8]) -> Option<(Header<'a>, Self)> {
        let (header, rest) = postcard::take_from_bytes(bytes).ok()?;
        Some((header, Reader { rest, broken: false }))
    }

    /// The steps alone.
    pub fn new(steps: &'a [u8]) -> Self {
        Reader { rest: steps, broken: false }
    }

    /// Whether the walk ended before the end of the bytes.
    pub fn is_broken(&self) -> bool {
        self.broken
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Placed<'a>;

    fn next(&mut self) -> Option<Placed<'a>> {
        if self.rest.is_empty() || self.broken {
            return None;
        }
        if let Ok((placed, rest)) = postcard::take_from_bytes(self.rest) {
            self.rest = rest;
            return Some(placed);
        }
        self.broken = true;
        None
    }
}

/// Writes the steps of a plan, one after the other.
#[cfg(feature = "write")]
#[derive(Debug, Clone, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    count: u32,
}

#[cfg(feature = "write")]
impl Writer {
    /// Adds a step that `place` (a JSON pointer) asks for.
    pub fn push(&mut self, place: &str, step: Step<'_>) {
        let before = std::mem::take(&mut self.bytes);
        // Writing to memory that grows does not fail.
        if let Ok(bytes) = postcard::to_extend(&Placed { place, step }, before) {
            self.bytes = bytes;
        }
        self.count += 1;
    }

    /// The steps so far.
    pub fn steps(&self) -> Reader<'_> {
        Reader::new(&self.bytes)
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The plan so far, as init is born with it.
    pub fn finish(&self, header: Header<'_>) -> Vec<u8> {
        let mut bytes = postcard::to_extend(&header, Vec::with_capacity(self.bytes.len() + 64)).unwrap_or_default();
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    /// How many bytes the steps so far take.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The steps from that byte on, as they are sent after.
    pub fn rest(&self, from: usize) -> &[u8] {
        self.bytes.get(from..).unwrap_or_default()
    }
}
