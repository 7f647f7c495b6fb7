//! One pass over the bytes of a document, for what the parser lets through: keys given twice and NUL
//! characters; and the way from a byte to its place in the document.

use crate::error::Fault;
use std::borrow::Cow;

/// How deep arrays and objects may nest. (`serde_json` stops at 128.)
pub(crate) const DEPTH: usize = 127;

/// Objects of up to so many keys are checked for doubles key by key, larger ones by sorting.
const FEW: usize = 8;

/// Checks `text` for keys given twice in an object, for NUL in any string, and for its depth. What isn't JSON is
/// left for the parser to find.
pub(crate) fn check(text: &[u8]) -> Result<(), Fault> {
    let mut walk = Walk::new(text);
    while walk.step(text.len())? {}
    Ok(())
}

/// The JSON pointer to the value that the byte before `offset` belongs to.
pub(crate) fn pointer_at(text: &[u8], offset: usize) -> String {
    let mut walk = Walk::new(text);
    while walk.step(offset).unwrap_or(false) {}
    walk.pointer()
}

/// A walk over the tokens of a JSON text that knows where in the document it is.
struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    open: Vec<Level>,
    /// The keys seen so far of every open object, outermost first.
    keys: Vec<Key<'a>>,
}

/// An array or object that is not closed yet.
#[derive(Clone, Copy)]
enum Level {
    Array { index: usize },
    Object { first_key: usize, at_key: bool },
}

/// A key as it stands in the text, without its quotes.
#[derive(Clone, Copy)]
struct Key<'a> {
    text: &'a [u8],
    escaped: bool,
}

impl<'a> Walk<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, open: Vec::with_capacity(16), keys: Vec::with_capacity(64) }
    }

    /// Goes past one token that begins before `end`; false where there is none.
    #[allow(clippy::inline_always, reason = "called twice, once for every token of a config")]
    #[inline(always)]
    fn step(&mut self, end: usize) -> Result<bool, Fault> {
        let byte = loop {
            let Some(&byte) = self.text.get(self.at).filter(|_| self.at < end) else { return Ok(false) };
            self.at += 1;
            // What else is outside of strings is blank, or a part of another value.
            if IS_TOKEN[usize::from(byte)] {
                break byte;
            }
        };
        match byte {
            b'"' => self.string()?,
            b'{' => self.push(Level::Object { first_key: self.keys.len(), at_key: true })?,
            b'[' => self.push(Level::Array { index: 0 })?,
            b'}' | b']' => {
                if let Some(Level::Object { first_key, .. }) = self.open.pop() {
                    self.close(first_key)?;
                }
            }
            b',' => match self.open.last_mut() {
                Some(Level::Array { index }) => *index += 1,
                Some(Level::Object { at_key, .. }) => *at_key = true,
                None => {}
            },
            _ => {}
        }
        Ok(true)
    }

    fn push(&mut self, level: Level) -> Result<(), Fault> {
        if self.open.len() == DEPTH {
            return Err(self.too_deep());
        }
        self.open.push(level);
        Ok(())
    }

    #[cold]
    fn too_deep(&self) -> Fault {
        Fault::new(self.pointer(), "nested too deep", format!("at most {DEPTH} levels are allowed"))
    }

    /// Goes to the end of a string whose opening quote is behind us.
    #[allow(clippy::inline_always, reason = "called once, for every string of a config")]
    #[inline(always)]
    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let (mut escaped, mut nul) = (false, false);
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(length) = plain(rest) else {
                self.at = self.text.len();
                break;
            };
            self.at += length + 1;
            if rest.get(length) == Some(&b'"') {
                break;
            }
            escaped = true;
            nul |= self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"u0000"));
            self.at += 1;
        }
        if let Some(Level::Object { at_key: at_key @ true, .. }) = self.open.last_mut() {
            *at_key = false;
            let text = self.text.get(start..self.at.saturating_sub(1)).unwrap_or_default();
            self.keys.push(Key { text, escaped });
        }
        if nul { Err(self.nul()) } else { Ok(()) }
    }

    #[cold]
    fn nul(&self) -> Fault {
        Fault::new(self.pointer(), "text with a NUL character", "no string may have one")
    }

    /// Leaves an object, unless it has a key twice.
    #[inline(never)]
    fn close(&mut self, first_key: usize) -> Result<(), Fault> {
        let double = twice(self.keys.get(first_key..).unwrap_or_default());
        self.keys.truncate(first_key);
        if let Some(key) = double {
            let mut pointer = self.pointer();
            push_key(&mut pointer, &key);
            return Err(Fault::new(pointer, "given twice", "a key may stand once in an object"));
        }
        Ok(())
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for (depth, level) in self.open.iter().enumerate() {
            match *level {
                Level::Array { index } => push_key(&mut pointer, &index.to_string()),
                Level::Object { first_key, .. } => {
                    let inner = self.open.iter().skip(depth + 1).find_map(Level::first_key);
                    let keys = self.keys.get(first_key..inner.unwrap_or(self.keys.len()));
                    if let Some(key) = keys.and_then(<[_]>::last) {
                        push_key(&mut pointer, &key.name());
                    }
                }
            }
        }
        pointer
    }
}

/// How many bytes stand before the first quote or backslash. Eight are looked at at a time.
fn plain(text: &[u8]) -> Option<usize> {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // The lowest bit that is set stands for the first byte that is the one; those above it may be wrong.
    let is = |word: u64, byte: u8| {
        let zero = word ^ (EACH * u64::from(byte));
        zero.wrapping_sub(EACH) & !zero & (EACH << 7)
    };
    let (words, rest) = text.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = is(word, b'"') | is(word, b'\\');
        if found != 0 {
            return Some(number * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(words.len() * 8 + tail)
}

/// Whether a byte begins a token.
static IS_TOKEN: [bool; 256] = {
    let mut is = [false; 256];
    let mut rest = b"\"{}[],".as_slice();
    while let [byte, more @ ..] = rest {
        is[*byte as usize] = true;
        rest = more;
    }
    is
};

impl Level {
    fn first_key(&self) -> Option<usize> {
        match *self {
            Self::Array { .. } => None,
            Self::Object { first_key, .. } => Some(first_key),
        }
    }
}

impl<'a> Key<'a> {
    /// The key with its escapes resolved.
    fn name(self) -> Cow<'a, str> {
        if self.escaped {
            let quoted = [b"\"", self.text, b"\""].concat();
            if let Ok(name) = serde_json::from_slice::<String>(&quoted) {
                return name.into();
            }
        }
        String::from_utf8_lossy(self.text)
    }
}

/// A key that is among `keys` more than once.
fn twice<'a>(keys: &[Key<'a>]) -> Option<Cow<'a, str>> {
    if keys.iter().any(|key| key.escaped) {
        let mut names: Vec<_> = keys.iter().map(|key| key.name()).collect();
        names.sort_unstable();
        return names.windows(2).find_map(|pair| (pair[0] == pair[1]).then(|| pair[0].clone()));
    }
    if keys.len() <= FEW {
        let pairs = keys.iter().enumerate().flat_map(|(i, key)| keys.iter().take(i).map(move |other| (key, other)));
        return pairs.into_iter().find(|(key, other)| key.text == other.text).map(|(key, _)| key.name());
    }
    let mut texts: Vec<_> = keys.iter().map(|key| key.text).collect();
    texts.sort_unstable();
    texts.windows(2).find_map(|pair| (pair[0] == pair[1]).then(|| String::from_utf8_lossy(pair[0])))
}

fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for c in key.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_found() {
        for (text, pointer) in [
            (r#"{"a":1,"a":2}"#, Some("/a")),
            (r#"{"a":1,"\u0061":2}"#, Some("/a")),
            (r#"{"a":{"x/~":1,"b":[],"x/~":{}}}"#, Some("/a/x~1~0")),
            (r#"[0,[{"a":"}","b":"\"","a":3}]]"#, Some("/1/0/a")),
            (r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"d":1}"#, Some("/d")),
            (r#"{"a":{"a":{"a":1}},"b":{"a":1}}"#, None),
            (r#"{"a":"a","b":"a"}"#, None),
            (r#"[{"a":1},{"a":1}]"#, None),
        ] {
            assert_eq!(check(text.as_bytes()).err().map(|fault| fault.pointer).as_deref(), pointer, "{text}");
        }
    }

    #[test]
    fn nul_is_found_wherever_it_is() {
        for (text, pointer) in [
            (r#"{"a":["x","y\u0000"]}"#, Some("/a/1")),
            (r#"{"a":{"b\u0000":1}}"#, Some("/a/b\0")),
            (r#""\\\u0000""#, Some("")),
            (r#""\\u0000""#, None),
            (r#""\u00001""#, Some("")),
            (r#""\u0001""#, None),
        ] {
            assert_eq!(check(text.as_bytes()).err().map(|fault| fault.pointer).as_deref(), pointer, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(check(nested(DEPTH).as_bytes()).is_ok());
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&nested(DEPTH)).is_ok());
        assert!(check(nested(DEPTH + 1).as_bytes()).is_err());
        assert!(check("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_json_does_no_harm() {
        for text in ["", "\"", "\"\\", "}}]]", ",,,", "{\"a", "{\"a\":1,\"", "{]}[", "\"\\u000", "{\"\\"] {
            for offset in 0..=text.len() + 2 {
                let _: String = pointer_at(text.as_bytes(), offset);
            }
            assert!(check(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
