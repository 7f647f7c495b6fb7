//! The kinds of JSON that are read.

/// The largest config that is read, in bytes.
pub const SIZE: usize = 16 << 20;

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    /// A whole config.json.
    Config,
    /// A process object.
    Process,
    /// A resources object.
    Resources,
    /// An intelRdt object.
    IntelRdt,
}

impl Document {
    /// How it is called in errors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Config => "config.json",
            Self::Process => "process",
            Self::Resources => "resources",
            Self::IntelRdt => "intelRdt",
        }
    }
}
