//! What the program says and exits with when a command fails.

use crate::arguments::Mistake;
use std::error::Error;
use std::fmt::{self, Display};

/// Why a command failed: one line for people and engines, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    pointer: Option<String>,
    status: u8,
    usage: Option<String>,
    bare: bool,
}

/// A message is no longer than this, in characters: what a config holds, however long, can't flood logs and pipes.
const LONGEST: usize = 4000;

/// A text without its middle where it is long: the end says why, and engines look for that.
pub(crate) fn short(text: String) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    let letters = |skip, take| text.chars().skip(skip).take(take).collect::<String>();
    let half = LONGEST / 2;
    format!("{}…{}", letters(0, half), letters(count - half, half))
}

/// The exit status of a command, or why there is none.
pub(crate) type Outcome = Result<u8, Failure>;

impl Failure {
    /// A failure with that text; the exit status is 1.
    pub(crate) fn new(text: impl Display) -> Self {
        Failure { text: short(one_line(&text.to_string())), pointer: None, status: 1, usage: None, bare: false }
    }

    /// What an error and its causes say. A cause that the text already has is not said twice.
    pub(crate) fn of(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = sys::text::plain(&error.to_string());
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        Self::new(text)
    }

    /// The same with words before it.
    pub(crate) fn after(mut self, prefix: impl Display) -> Self {
        self.text = format!("{prefix}: {}", self.text);
        self
    }

    /// The same with another exit status.
    pub(crate) fn status(self, status: u8) -> Self {
        Failure { status, ..self }
    }

    /// The same with the place in the config that it is about, a JSON pointer.
    pub(crate) fn at(self, pointer: &str) -> Self {
        let pointer = (!pointer.is_empty()).then(|| pointer.to_owned());
        Failure { pointer, ..self }
    }

    /// The same with help, for who got the arguments wrong.
    pub(crate) fn usage(self, help: String) -> Self {
        Failure { usage: Some(help), ..self }
    }

    /// The same as nothing but a line on standard error, where the log has no file of its own.
    pub(crate) fn bare(self) -> Self {
        Failure { bare: true, ..self }
    }

    /// Whether it is to be only a line.
    pub(crate) fn is_bare(&self) -> bool {
        self.bare
    }

    /// The exit status.
    pub(crate) fn exit_status(&self) -> u8 {
        self.status
    }

    /// The place in the config.
    pub(crate) fn pointer(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    /// What goes to standard output.
    pub(crate) fn help(&self) -> Option<&str> {
        self.usage.as_deref()
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<container::Error> for Failure {
    fn from(error: container::Error) -> Self {
        Self::of(&error).at(error.pointer())
    }
}

impl From<spec::Error> for Failure {
    fn from(error: spec::Error) -> Self {
        Self::of(&error).at(error.pointer())
    }
}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Self {
        Self::of(&mistake)
    }
}

/// Engines cut messages into lines and look at one of them.
fn one_line(text: &str) -> String {
    text.trim_end().lines().collect::<Vec<_>>().join("\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("mount {path}{}", if *.said { ": no such file or directory" } else { "" })]
    struct Step {
        path: &'static str,
        said: bool,
        source: io::Error,
    }

    #[test]
    fn causes_are_said_once() {
        for said in [true, false] {
            let error = Step { path: "/srv/x", said, source: io::Error::from_raw_os_error(2) };
            assert_eq!(Failure::of(&error).to_string(), "mount /srv/x: no such file or directory");
        }
    }

    #[test]
    fn a_long_text_keeps_its_ends() {
        let failure = Failure::new(format!("open {}: no such file or directory", "ä".repeat(100_000)));
        let text = failure.to_string();
        assert!(text.starts_with("open ä") && text.ends_with("ä: no such file or directory"));
        assert_eq!(text.chars().count(), LONGEST + 1);
    }

    #[test]
    fn one_line_whatever_a_hook_prints() {
        let failure = Failure::new("hook #0: exit status 3, stderr: E42\nmore\n").after("x run failed");
        assert_eq!(failure.to_string(), "x run failed: hook #0: exit status 3, stderr: E42\\nmore");
    }
}
