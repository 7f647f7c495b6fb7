//! One pass over the bytes of a document, for what the parser lets through: keys given twice and NUL
//! characters; it also finds the seccomp section. And the way from a byte to its place in the document.

use crate::error::Fault;
use std::borrow::Cow;
use std::ops::Range;

/// How deep arrays and objects may nest. (`serde_json` stops at 128.)
pub(crate) const DEPTH: usize = 127;

/// Checks `text` for keys given twice in an object, for NUL in any string, and for its depth. What isn't JSON is
/// left for the parser to find. Where something is found, a [`Walk`] tells what leads there.
///
/// Else it tells where the object at `/linux/seccomp` is, if there is one: most of an engine's config.
pub(crate) fn check(text: &[u8]) -> Result<Option<Range<usize>>, Fault> {
    let (mut begun, mut section) = (None, None);
    let mut open: Vec<Option<Object>> = Vec::with_capacity(16);
    let mut keys: Vec<&[u8]> = Vec::with_capacity(64);
    // The last one that no colon has followed yet, and whether it has escapes: a key where one follows.
    let (mut string, mut is_escaped) = (None, false);
    let mut rest = text;
    while let [byte, more @ ..] = rest {
        rest = more;
        // What else is outside of strings is blank, or a part of another value.
        if !IS_TOKEN[usize::from(*byte)] {
            continue;
        }
        match byte {
            b'"' => {
                let inside;
                (inside, is_escaped, rest) = split(rest);
                string = Some(inside);
                if is_escaped && has_nul(inside) {
                    let pointer = pointer_at(text, text.len() - rest.len());
                    return Err(Fault::new(pointer, "text with a NUL character", "no string may have one"));
                }
            }
            b':' => {
                if let Some(Some(object)) = open.last_mut()
                    && let Some(key) = string.take()
                {
                    object.take_in(key, is_escaped);
                    keys.push(key);
                }
            }
            b'{' | b'[' => {
                if open.len() == DEPTH {
                    let pointer = pointer_at(text, text.len() - rest.len() - 1);
                    return Err(Fault::new(pointer, "nested too deep", format!("at most {DEPTH} levels are allowed")));
                }
                if *byte == b'{' && is_seccomp(&open, &keys) {
                    begun = Some(text.len() - rest.len() - 1);
                }
                open.push((*byte == b'{').then_some(Object { first_key: keys.len(), seen: 0, is_doubtful: false }));
            }
            _ => {
                if let Some(object) = open.pop().flatten() {
                    object.close(text, &mut keys)?;
                }
                if open.len() == DEPTH_OF_SECCOMP
                    && let Some(start) = begun.take()
                {
                    section = Some(start..text.len() - rest.len());
                }
            }
        }
    }
    Ok(section)
}

/// So many objects are open around the seccomp section.
const DEPTH_OF_SECCOMP: usize = 2;

/// Whether what comes next is the value at `/linux/seccomp`, by the last keys of the objects that are open.
fn is_seccomp(open: &[Option<Object>], keys: &[&[u8]]) -> bool {
    let [Some(_), Some(linux)] = open else { return false };
    let (above, own) = keys.split_at_checked(linux.first_key).unwrap_or_default();
    above.last() == Some(&b"linux".as_slice()) && own.last() == Some(&b"seccomp".as_slice())
}

/// Whether a byte is one that [`check`] stops at outside of strings.
static IS_TOKEN: [bool; 256] = {
    let mut is = [false; 256];
    let mut rest = b"\":{}[]".as_slice();
    while let [byte, more @ ..] = rest {
        is[*byte as usize] = true;
        rest = more;
    }
    is
};

/// An object that is not closed yet.
struct Object {
    /// Where its keys begin in the list of those of all open objects.
    first_key: usize,
    /// A bit for each key, made of its length and its ends.
    seen: u64,
    /// Two keys may be the same: they have the same bit, or one is not to be read as it stands.
    is_doubtful: bool,
}

impl Object {
    fn take_in(&mut self, key: &[u8], is_escaped: bool) {
        let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
        let bit = 1 << ((key.len() ^ end(key.first()) ^ end(key.last()) << 2) & 63);
        self.is_doubtful |= is_escaped || self.seen & bit != 0;
        self.seen |= bit;
    }

    /// Leaves the object, unless it has a key twice.
    fn close(&self, text: &[u8], keys: &mut Vec<&[u8]>) -> Result<(), Fault> {
        if self.is_doubtful
            && let Some(key) = twice(keys.get(self.first_key..).unwrap_or_default())
        {
            let end = key.as_ptr().addr() - text.as_ptr().addr() + key.len() + 1;
            return Err(Fault::new(pointer_at(text, end), "given twice", "a key may stand once in an object"));
        }
        keys.truncate(self.first_key);
        Ok(())
    }
}

/// The later one of two keys that are the same.
fn twice<'a>(keys: &[&'a [u8]]) -> Option<&'a [u8]> {
    let mut names: Vec<_> = keys.iter().enumerate().map(|(number, key)| (name(key), number)).collect();
    names.sort_unstable();
    let double = names.windows(2).find_map(|pair| (pair[0].0 == pair[1].0).then_some(pair[1].1))?;
    keys.get(double).copied()
}

/// The JSON pointer to the value that the byte before `offset` belongs to.
pub(crate) fn pointer_at(text: &[u8], offset: usize) -> String {
    let mut walk = Walk { text, rest: text, open: Vec::new() };
    while walk.step(offset) {}
    walk.pointer()
}

/// A walk over the tokens of a JSON text that knows where in the document it is.
struct Walk<'a> {
    text: &'a [u8],
    rest: &'a [u8],
    open: Vec<Level<'a>>,
}

/// An array or object that is not closed yet.
enum Level<'a> {
    Array { index: usize },
    Object { key: Option<&'a [u8]>, at_key: bool },
}

impl Walk<'_> {
    /// Goes past one byte, or one string, that begins before `end`; false where there is none.
    fn step(&mut self, end: usize) -> bool {
        let is_before = self.text.len() - self.rest.len() < end;
        let Some((byte, rest)) = self.rest.split_first().filter(|_| is_before) else { return false };
        self.rest = rest;
        match byte {
            b'"' => {
                let (inside, _, after) = split(rest);
                self.rest = after;
                if let Some(Level::Object { key, at_key: at_key @ true }) = self.open.last_mut() {
                    (*key, *at_key) = (Some(inside), false);
                }
            }
            b'{' => self.open.push(Level::Object { key: None, at_key: true }),
            b'[' => self.open.push(Level::Array { index: 0 }),
            b'}' | b']' => drop(self.open.pop()),
            b',' => match self.open.last_mut() {
                Some(Level::Array { index }) => *index += 1,
                Some(Level::Object { at_key, .. }) => *at_key = true,
                None => {}
            },
            _ => {}
        }
        true
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for level in &self.open {
            match level {
                Level::Array { index } => push_key(&mut pointer, &index.to_string()),
                Level::Object { key: Some(key), .. } => push_key(&mut pointer, &name(key)),
                Level::Object { key: None, .. } => {}
            }
        }
        pointer
    }
}

/// A string whose opening quote was before `rest`: as it stands there without its quotes, whether it has escapes, and
/// what follows it.
#[allow(clippy::inline_always, reason = "called for every string of a config")]
#[inline(always)]
fn split(rest: &[u8]) -> (&[u8], bool, &[u8]) {
    let mut at = plain(rest);
    let is_escaped = rest.get(at) == Some(&b'\\');
    while rest.get(at) == Some(&b'\\') {
        at = rest.len().min(at + 2);
        at += plain(rest.get(at..).unwrap_or_default());
    }
    let (inside, after) = rest.split_at(at);
    (inside, is_escaped, after.get(1..).unwrap_or_default())
}

/// Whether there is an escaped NUL character in a string.
fn has_nul(mut string: &[u8]) -> bool {
    while let Some(escape) = string.get(plain(string) + 1..) {
        if escape.starts_with(b"u0000") {
            return true;
        }
        string = escape.get(1..).unwrap_or_default();
    }
    false
}

/// A string with its escapes resolved.
fn name(string: &[u8]) -> Cow<'_, str> {
    if string.contains(&b'\\')
        && let Ok(name) = serde_json::from_slice::<String>(&[b"\"", string, b"\""].concat())
    {
        return name.into();
    }
    String::from_utf8_lossy(string)
}

/// How many bytes stand before the first quote or backslash, if any. Eight are looked at at a time.
fn plain(text: &[u8]) -> usize {
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
            return number * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count()
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

    /// Keys as they may stand in a document, and what they mean: alike in length and ends, escaped, or like syntax.
    const KEYS: [(&str, &str); 11] = [
        ("", ""),
        ("a", "a"),
        (r"\u0061", "a"),
        ("abca", "abca"),
        ("acba", "acba"),
        (r"ab\u0063a", "abca"),
        (r#"a\""#, "a\""),
        (r"a\\", r"a\"),
        (r#"{\":1"#, "{\":1"),
        ("longer than a word", "longer than a word"),
        ("longer than 1 word", "longer than 1 word"),
    ];

    /// A value drawn at random, and whether an object in it has a key twice.
    fn drawn(draw: &mut impl FnMut(usize) -> usize, depth: usize) -> (String, bool) {
        let count = if depth == 0 { 0 } else { draw(4) };
        let mut double = false;
        let values: Vec<_> = (0..count).map(|_| drawn(draw, depth - 1)).collect();
        let doubles = values.iter().any(|(_, double)| *double);
        let text = match draw(6) {
            0 => "-1.5e3".into(),
            1 => format!(r#""{}""#, KEYS[draw(KEYS.len())].0),
            2 | 3 => format!("[{}]", values.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(" , ")),
            _ => {
                let mut names = Vec::new();
                let members = values.into_iter().map(|(text, _)| {
                    let (key, name) = KEYS[draw(KEYS.len())];
                    double |= names.contains(&name);
                    names.push(name);
                    format!("\"{key}\" :\n{text}")
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        };
        let contains_values = text.starts_with(['[', '{']);
        (text, double || contains_values && doubles)
    }

    #[test]
    fn doubles_are_found_in_any_document() {
        let mut seed = 1_u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        let mut found = [0; 2];
        for _ in 0..20_000 {
            let (text, double) = drawn(&mut draw, 5);
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{text}");
            assert_eq!(check(text.as_bytes()).is_err(), double, "{text}");
            found[usize::from(double)] += 1;
        }
        assert!(found.iter().all(|count| *count > 1000), "{found:?}");
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
    fn the_seccomp_section_is_found_where_it_counts() {
        for (text, section) in [
            (r#"{"linux":{"a":[{}],"seccomp" : {"a":{"b":[1]}} ,"b":{}},"c":{}}"#, Some(r#"{"a":{"b":[1]}}"#)),
            (r#"{"a":{"linux":1},"linux":{"seccomp":{}}}"#, Some("{}")),
            (r#"{"linux":{"seccomp":{"seccomp":{}}}}"#, Some(r#"{"seccomp":{}}"#)),
            (r#"{"linux":{"seccomp":{"a":"}"}}}"#, Some(r#"{"a":"}"}"#)),
            (r#"{"linux":{"seccomp":null,"a":{}}}"#, None),
            (r#"{"linux":{"seccomp":[{}]}}"#, None),
            (r#"{"linux":{"a":"seccomp","b":{}}}"#, None),
            (r#"{"linux":{"a":{"seccomp":{}}}}"#, None),
            (r#"{"linux":[{"seccomp":{}}]}"#, None),
            (r#"{"process":{"seccomp":{}},"linux":{}}"#, None),
            (r#"{"a":{"linux":{}},"b":{"seccomp":{}}}"#, None),
            (r#"{"seccomp":{}}"#, None),
            (r#"[{"linux":{"seccomp":{}}}]"#, None),
            (r#"{"linux":{"seccomp":{"#, None),
        ] {
            let found = check(text.as_bytes()).unwrap();
            assert_eq!(found.map(|range| &text[range]), section, "{text}");
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
        for text in
            ["", "\"", "\"\\", "}}]]", ",,,", "{::}", "{\"a\"::1}", "{\"a", "{\"a\":1,\"", "{]}[", "\"\\u000", "{\"\\"]
        {
            for offset in 0..=text.len() + 2 {
                let _: String = pointer_at(text.as_bytes(), offset);
            }
            assert!(check(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
