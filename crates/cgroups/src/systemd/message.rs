//! D-Bus messages. Source: D-Bus Specification, "Message Format".

use super::value::{Value, align};

/// The most bytes of a message that are taken.
const LARGEST: usize = 1 << 20;
/// The fixed part of the header, and the length of the other.
pub(crate) const FIXED: usize = 16;

/// `METHOD_CALL` and its kin.
pub(crate) const CALL: u8 = 1;
pub(crate) const RETURN: u8 = 2;
pub(crate) const ERROR: u8 = 3;
pub(crate) const SIGNAL: u8 = 4;

const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// A method of an object.
pub(crate) struct Method {
    pub destination: &'static str,
    pub path: &'static str,
    pub interface: &'static str,
    pub member: &'static str,
}

/// The bytes of a call.
pub(crate) fn call(method: &Method, serial: u32, arguments: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    for argument in arguments {
        argument.put(&mut body);
    }
    let field = |number: u8, value: Value| Value::Struct(vec![Value::Byte(number), Value::Variant(Box::new(value))]);
    let mut fields = vec![
        field(PATH, Value::ObjectPath(method.path.into())),
        field(INTERFACE, Value::text(method.interface)),
        field(MEMBER, Value::text(method.member)),
    ];
    if !method.destination.is_empty() {
        fields.push(field(DESTINATION, Value::text(method.destination)));
    }
    if !arguments.is_empty() {
        fields.push(field(SIGNATURE, Value::Signature(arguments.iter().map(Value::signature).collect())));
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![b'l', CALL, 0, 1];
    bytes.extend(length.to_le_bytes());
    bytes.extend(serial.to_le_bytes());
    Value::Array("(yv)".into(), fields).put(&mut bytes);
    align(&mut bytes, 8);
    bytes.extend(body);
    bytes
}

/// How many bytes a message has, by its fixed part; `None` where it is no message, or too large.
pub(crate) fn length(fixed: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(fixed)?;
    reader.at = 4;
    let body = usize::try_from(reader.number()?).ok()?;
    reader.at = 12;
    let fields = usize::try_from(reader.number()?).ok()?;
    if body > LARGEST || fields > LARGEST {
        return None;
    }
    Some((FIXED + fields).next_multiple_of(8) + body)
}

/// A message from the other side, as far as it concerns us.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub kind: u8,
    pub member: String,
    pub error: String,
    pub reply_to: u32,
    /// Its numbers and texts, in order.
    pub numbers: Vec<u32>,
    pub texts: Vec<String>,
}

impl Message {
    /// Reads a message; `None` where it makes no sense.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let mut message = Message { kind: *bytes.get(1)?, ..Message::default() };
        reader.at = 12;
        let end = FIXED + usize::try_from(reader.number()?).ok()?;
        let mut signature = String::new();
        while reader.at < end {
            reader.align(8);
            let field = reader.byte()?;
            let kind = reader.signature()?;
            match (field, kind.as_str()) {
                (REPLY_SERIAL, "u") => message.reply_to = reader.number()?,
                (MEMBER, "s") => message.member = reader.text()?,
                (ERROR_NAME, "s") => message.error = reader.text()?,
                (SIGNATURE, "g") => signature = reader.signature()?,
                (_, "s" | "o") => drop(reader.text()?),
                (_, "u") => drop(reader.number()?),
                (_, "g") => drop(reader.signature()?),
                _ => return None,
            }
        }
        reader.align(8);
        // All that we are told is told in these.
        for kind in signature.chars() {
            match kind {
                'u' => message.numbers.push(reader.number()?),
                's' | 'o' => message.texts.push(reader.text()?),
                _ => break,
            }
        }
        Some(message)
    }
}

/// A place in a message.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Highest byte first.
    big: bool,
}

impl<'b> Reader<'b> {
    fn new(bytes: &'b [u8]) -> Option<Self> {
        match bytes.first()? {
            b'l' => Some(Reader { bytes, at: 0, big: false }),
            b'B' => Some(Reader { bytes, at: 0, big: true }),
            _ => None,
        }
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u32> {
        self.align(4);
        let bytes = self.take(4)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let text = self.take(length)?;
        self.byte()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn signature(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        let text = self.take(length)?;
        self.byte()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: Method = Method { destination: "a.b", path: "/a", interface: "a.b.C", member: "Do" };

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let arguments = [Value::Uint32(7), Value::ObjectPath("/job/1".into()), Value::text("x-abc.scope")];
        let bytes = call(&METHOD, 3, &arguments);
        assert_eq!(length(&bytes[..FIXED]), Some(bytes.len()));
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.kind, message.member.as_str()), (CALL, "Do"));
        assert_eq!((message.numbers, message.texts), (vec![7], vec!["/job/1".to_owned(), "x-abc.scope".to_owned()]));
    }

    #[test]
    fn nonsense_is_no_message() {
        let good = call(&METHOD, 3, &[Value::text("text")]);
        for end in 0..good.len() {
            assert!(Message::parse(&good[..end]).is_none_or(|message| message.texts.is_empty()), "{end}");
        }
        for place in 0..good.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = good.clone();
                bytes[place] = byte;
                let (_no_panic, _nor_here) = (Message::parse(&bytes), length(&bytes));
            }
        }
        assert_eq!(length(b"l\x01\0\x01\xff\xff\xff\xff\0\0\0\0\0\0\0\0"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let (_no_panic, _nor_here) = (Message::parse(&bytes), length(&bytes));
            let little: Vec<u8> = [b'l'].into_iter().chain(bytes).collect();
            let (_no_panic, _nor_here) = (Message::parse(&little), length(&little));
        }
    }
}
