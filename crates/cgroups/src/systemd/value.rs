//! D-Bus values: their signatures and bytes. Source: D-Bus Specification, "Type System" and "Marshaling".

use serde::Serialize;

/// A value of any type that a unit's property can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// `y`
    Byte(u8),
    /// `b`
    Boolean(bool),
    /// `n`
    Int16(i16),
    /// `q`
    Uint16(u16),
    /// `i`
    Int32(i32),
    /// `u`
    Uint32(u32),
    /// `x`
    Int64(i64),
    /// `t`
    Uint64(u64),
    /// `d`, by its bits.
    Double(u64),
    /// `s`
    Text(String),
    /// `o`
    ObjectPath(String),
    /// `g`
    Signature(String),
    /// `a…`: the items' signature, and the items.
    Array(String, Vec<Value>),
    /// `(…)`
    Struct(Vec<Value>),
    /// `v`
    Variant(Box<Value>),
}

impl Value {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Value::Text(text.to_owned())
    }

    /// Texts.
    pub(crate) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Value::Array("s".into(), texts.into_iter().map(Value::text).collect())
    }

    /// Its type.
    pub(crate) fn signature(&self) -> String {
        match self {
            Value::Byte(_) => "y".into(),
            Value::Boolean(_) => "b".into(),
            Value::Int16(_) => "n".into(),
            Value::Uint16(_) => "q".into(),
            Value::Int32(_) => "i".into(),
            Value::Uint32(_) => "u".into(),
            Value::Int64(_) => "x".into(),
            Value::Uint64(_) => "t".into(),
            Value::Double(_) => "d".into(),
            Value::Text(_) => "s".into(),
            Value::ObjectPath(_) => "o".into(),
            Value::Signature(_) => "g".into(),
            Value::Array(item, _) => format!("a{item}"),
            Value::Struct(fields) => format!("({})", fields.iter().map(Value::signature).collect::<String>()),
            Value::Variant(_) => "v".into(),
        }
    }

    /// Adds its bytes, lowest first.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Value::Byte(byte) => out.push(*byte),
            Value::Boolean(value) => number(out, &u32::from(*value).to_le_bytes()),
            Value::Int16(value) => number(out, &value.to_le_bytes()),
            Value::Uint16(value) => number(out, &value.to_le_bytes()),
            Value::Int32(value) => number(out, &value.to_le_bytes()),
            Value::Uint32(value) => number(out, &value.to_le_bytes()),
            Value::Int64(value) => number(out, &value.to_le_bytes()),
            Value::Uint64(value) | Value::Double(value) => number(out, &value.to_le_bytes()),
            Value::Text(text) | Value::ObjectPath(text) => {
                number(out, &length(text.len()).to_le_bytes());
                out.extend(text.as_bytes());
                out.push(0);
            }
            Value::Signature(text) => signature(out, text),
            Value::Array(item, items) => array(out, item, items),
            Value::Struct(fields) => {
                align(out, 8);
                for field in fields {
                    field.put(out);
                }
            }
            Value::Variant(value) => {
                signature(out, &value.signature());
                value.put(out);
            }
        }
    }
}

fn array(out: &mut Vec<u8>, item: &str, items: &[Value]) {
    number(out, &[0; 4]);
    let place = out.len() - 4;
    // What aligns the first item does not count.
    align(out, alignment(item));
    let first = out.len();
    for item in items {
        item.put(out);
    }
    let bytes = length(out.len() - first).to_le_bytes();
    if let Some(place) = out.get_mut(place..place + 4) {
        place.copy_from_slice(&bytes);
    }
}

/// What values of that type begin at a multiple of.
fn alignment(signature: &str) -> usize {
    match signature.as_bytes().first() {
        Some(b'n' | b'q') => 2,
        Some(b'b' | b'i' | b'u' | b's' | b'o' | b'a') => 4,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        _ => 1,
    }
}

pub(crate) fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

/// Numbers begin at a multiple of their size.
fn number(out: &mut Vec<u8>, bytes: &[u8]) {
    align(out, bytes.len());
    out.extend(bytes);
}

fn signature(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend(text.as_bytes());
    out.push(0);
}

/// A length as it is sent: a message is far smaller than that.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes() {
        for (value, signature, bytes) in [
            (Value::Boolean(true), "b", &b"\x01\0\0\0"[..]),
            (Value::text("ab"), "s", b"\x02\0\0\0ab\0"),
            (Value::texts(["a"]), "as", b"\x06\0\0\0\x01\0\0\0a\0"),
            (Value::Array("t".into(), vec![Value::Uint64(7)]), "at", b"\x08\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"),
            (Value::Array("(st)".into(), vec![]), "a(st)", b"\0\0\0\0\0\0\0\0"),
            (Value::Variant(Box::new(Value::Uint32(3))), "v", b"\x01u\0\0\x03\0\0\0"),
            (Value::Struct(vec![Value::Byte(1), Value::Int16(-1)]), "(yn)", b"\x01\0\xff\xff"),
        ] {
            let mut out = Vec::new();
            value.put(&mut out);
            assert_eq!((value.signature().as_str(), out.as_slice()), (signature, bytes), "{value:?}");
        }
    }
}
