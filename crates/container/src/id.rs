//! Names of containers.

use crate::error::{Error, Result};
use std::fmt;

/// The longest id, in bytes. A file system may take less.
const LONGEST: usize = 1024;

/// A container's id: a file name that is safe to join to the state directory and to write to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

impl ContainerId {
    /// Checks an id: one or more of `A-Z a-z 0-9 _ + . -`, at most 1024 bytes. It does not begin with a dot, which
    /// runc lets it: such names in the state directory are our own.
    ///
    /// # Errors
    /// [`Error::InvalidId`]
    pub fn parse(id: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+.-".contains(&byte);
        let valid = (1..=LONGEST).contains(&id.len()) && id.bytes().all(fits) && !id.starts_with('.');
        if valid { Ok(ContainerId(id.to_owned())) } else { Err(Error::InvalidId(shown(id))) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was given, quoted, escaped and cut short, so that it can't flood or forge a log.
fn shown(id: &str) -> String {
    let mut letters = id.chars();
    let start: String = letters.by_ref().take(64).collect();
    format!("{start:?}{}", if letters.next().is_some() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ids() {
        for id in ["a", "web-1", "A_b+c.d", "-f", "--root", "a.", "a..b", "0", "_", "+", &"x".repeat(1024)] {
            assert_eq!(ContainerId::parse(id).unwrap().as_str(), id);
        }
    }

    /// C17: no id leads out of the state directory or does harm in a log.
    #[test]
    fn bad_ids() {
        let (long, page) = ("x".repeat(1025), "x".repeat(4096));
        #[rustfmt::skip]
        let bad = [
            "", ".", "..", "...", ".a", ".seccomp", "/", "//", "/a", "a/", "a/b", "../a", "a/..", "a/../b", "./a", "../../etc", "..\\a", "a\\b",
            "a\0", "\0", "a\0b", "a\n", "\n", "\na", "a\nb", "a\r", "a\tb", " ", " a", "a ", "a b", "--root=x", "a=b",
            "a:b", "a,b", "a;b", "a|b", "a&b", "a$b", "$(a)", "`a`", "a*", "a?", "[a]", "{a}", "~", "~a", "a@b", "a#b",
            "a%2fb", "%2e%2e", "a!", "a'b", "a\"b", "a<b", "a>b", "(a)", "é", "a\u{301}", "日本", "１", "\u{202e}a",
            "\u{7f}", "\u{1b}[31m", "\u{feff}a", &long, &page,
        ];
        assert!(bad.len() >= 60);
        for id in bad {
            let error = ContainerId::parse(id).expect_err(id).to_string();
            assert!(error.starts_with("invalid container ID format"), "{id:?}: {error}");
            assert!(!error.chars().any(char::is_control), "{id:?}: {error:?}");
            assert!(error.len() < 700, "{id:?}: {error}");
        }
    }
}
