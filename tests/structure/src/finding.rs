//! What a rule has to say.

use std::fmt;

/// One place where a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, from the top of the workspace.
    pub file: String,
    /// Its line; 0 where it is about the whole file.
    pub line: usize,
    /// The rule's name.
    pub rule: &'static str,
    /// The word it is about, by which an exception names it.
    pub word: String,
    /// What is wrong, and what to do instead.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.rule, self.text)
    }
}
