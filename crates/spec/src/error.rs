//! What can be wrong with a config, said in one line.

use std::fmt::{self, Display, Write as _};

/// Longest part of an error's text, in bytes: a pointer, what was found, what is allowed. Four of them stay
/// under 4 KiB, so that a hostile config can't flood a log.
const PART: usize = 900;

/// Why a config was refused. The text is one line, under 4 KiB, with control characters escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bundle has no config.json. The text is the one that callers of runc look for.
    #[error("JSON specification file config.json not found in {0}")]
    NotFound(Clean),
    /// config.json can't be opened or read.
    #[error("read {path}: {reason}")]
    Read {
        /// The file.
        path: Clean,
        /// The system's word for why.
        reason: Clean,
    },
    /// config.json is a directory, a FIFO, a device.
    #[error("read {0}: not a regular file")]
    NotRegular(Clean),
    /// The document is larger than [`crate::SIZE`].
    #[error("{0}: larger than the 16 MiB allowed")]
    TooLarge(Clean),
    /// The document isn't JSON.
    #[error("{document}: {reason} at line {line} column {column}{}", Hint(.hint.as_ref()))]
    Syntax {
        /// What was read: `config.json`, `process`, `resources`.
        document: &'static str,
        /// What the parser stumbled over.
        reason: Clean,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
        /// The place that it had come to.
        pointer: String,
        /// What to do about it.
        hint: Option<Clean>,
    },
    /// A value is wrong.
    #[error("{document}: {fault}")]
    Value {
        /// What was read: `config.json`, `process`, `resources`.
        document: &'static str,
        /// Which value and why.
        fault: Box<Fault>,
    },
}

impl Error {
    /// The place in the document, as a JSON pointer (RFC 6901) such as `/mounts/3/destination`; empty for the
    /// document as a whole.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Syntax { pointer, .. } => pointer,
            Self::Value { fault, .. } => &fault.pointer,
            _ => "",
        }
    }
}

/// A value of the config that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What is there, as it goes on after "is": `"work"`, `missing`, `given twice`.
    pub found: Clean,
    /// What should be there.
    pub allowed: Clean,
    /// The likely fix, where there is one.
    pub hint: Option<Clean>,
}

impl Fault {
    pub(crate) fn new(pointer: impl Into<String>, found: impl Display, allowed: impl Display) -> Self {
        Self { pointer: pointer.into(), found: Clean::new(found), allowed: Clean::new(allowed), hint: None }
    }

    pub(crate) fn missing(pointer: impl Into<String>, allowed: impl Display) -> Self {
        Self::new(pointer, "missing", allowed)
    }

    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(Clean::new(hint));
        self
    }

    pub(crate) fn within(self, document: &'static str) -> Error {
        Error::Value { document, fault: Box::new(self) }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(f, "{} is {}: {}{}", Clean::new(place), self.found, self.allowed, Hint(self.hint.as_ref()))
    }
}

struct Hint<'a>(Option<&'a Clean>);

impl Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// A value of the config between quotes, for [`Fault::found`].
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Text that is safe to print: of limited length, with control characters (and those that turn the direction
/// of text) escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Clean(String);

impl Clean {
    /// Takes the beginning of what `text` prints.
    pub fn new(text: impl Display) -> Self {
        let mut kept = Keep(String::new());
        // An error here only means that enough was kept: stop printing.
        if write!(kept, "{text}").is_err() {
            kept.0.push('…');
        }
        Self(kept.0)
    }
}

impl Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

struct Keep(String);

impl fmt::Write for Keep {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.0.len() >= PART {
                return Err(fmt::Error);
            }
            match c {
                '\u{2028}'
                | '\u{2029}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => {
                    self.0.extend(c.escape_unicode());
                }
                c if c.is_control() => self.0.extend(c.escape_default()),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_line_and_short() {
        let long = "x".repeat(100_000);
        let fault = Fault::new(format!("/{long}"), Quoted(&long), "a\nb\u{1b}[0m\u{202e}").hint(&long);
        let text = fault.within("config.json").to_string();
        assert!(text.len() < 4096, "{}", text.len());
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'));
        assert!(text.contains(r"a\nb\u{1b}[0m\u{202e}"), "{text}");
    }
}
