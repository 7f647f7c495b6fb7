//! The form of netlink messages: a header, a fixed structure, attributes, each aligned to four bytes. See netlink(7).

/// The header's length: length, kind, flags, sequence number, port.
const HEADER: usize = 16;
const ALIGN: usize = 4;

/// A message under construction.
#[derive(Debug, Clone)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A message of that kind that begins with a structure.
    pub(crate) fn new(kind: u16, flags: u16, structure: &[u8]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(structure);
        Message(bytes)
    }

    /// Adds an attribute.
    pub(crate) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(ALIGN), 0);
        self
    }

    /// Adds an attribute that is a number.
    pub(crate) fn number(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds an attribute that is text.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), b"\0"].concat())
    }

    /// The bytes to be sent.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        for (at, value) in [(0, length), (8, sequence)] {
            if let Some(place) = self.0.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_ne_bytes());
            }
        }
        self.0
    }
}

/// A message that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// What follows the header.
    pub(crate) body: &'a [u8],
}

/// The messages of one packet; what is no whole message ends them.
pub(crate) fn messages(packet: &[u8]) -> impl Iterator<Item = Received<'_>> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let length = usize::try_from(number(rest, 0)?).ok().filter(|length| *length >= HEADER)?;
        let message = Received {
            kind: half(rest, 4)?,
            flags: half(rest, 6)?,
            sequence: number(rest, 8)?,
            body: rest.get(HEADER..length)?,
        };
        rest = rest.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
        Some(message)
    })
}

/// Attributes, by kind; what is no whole one ends them.
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // The two highest bits say how the value is to be read.
        const KIND: u16 = 0x3fff;
        let rest = self.0;
        let length = usize::from(half(rest, 0)?);
        let attribute = (half(rest, 2)? & KIND, rest.get(4..length)?);
        self.0 = rest.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
        Some(attribute)
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

/// The number at that place.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_can_be_read() {
        let bytes = Message::new(18, 5, &[7; 8]).text(3, "eth0").number(28, 9).bytes(1, b"").finish(4);
        assert_eq!(bytes.len(), 16 + 8 + 12 + 8 + 4);
        let packet = [&bytes[..], &bytes[..]].concat();
        let read: Vec<_> = messages(&packet).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].kind, read[1].flags, read[1].sequence), (18, 5, 4));
        let (structure, attributes) = read[1].body.split_at(8);
        assert_eq!(structure, [7; 8]);
        let attributes: Vec<_> = Attributes(attributes).collect();
        assert_eq!(attributes, [(3, &b"eth0\0"[..]), (28, &9_u32.to_ne_bytes()[..]), (1, b"")]);
    }

    #[test]
    fn garbage_ends() {
        let whole = Message::new(18, 5, &[7; 8]).text(3, "eth0").finish(4);
        for cut in 0..whole.len() {
            assert_eq!(messages(&whole[..cut]).count(), 0, "{cut}");
        }
        for length in [0_u32, 1, 15, u32::MAX] {
            let bytes = [&length.to_ne_bytes()[..], &whole[4..]].concat();
            assert_eq!(messages(&bytes).count(), 0, "{length}");
        }
        for length in [0_u16, 3, 10, u16::MAX] {
            let bytes = [&length.to_ne_bytes()[..], &[0; 4]].concat();
            assert_eq!(Attributes(&bytes).count(), 0, "{length}");
        }
    }
}
