//! The log: `--log FILE`, `--log-format text|json`, `--debug`, in the shapes that engines read from runc.

use crate::failure::short;
use serde_json::{Map, Value};
use std::fmt::{self, Debug, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

/// What records look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `time="…" level=error msg="…"`; for a person at a terminal `ERRO[0000] …`.
    Text,
    /// `{"level":"error","msg":"…","time":"…"}`
    Json,
}

/// Where records go, and which. The file is opened when the first record comes: most calls write none.
#[derive(Debug)]
pub(crate) struct Log {
    path: Option<PathBuf>,
    format: Format,
    debug: bool,
    /// When the first record came.
    since: OnceLock<Instant>,
    file: OnceLock<io::Result<File>>,
}

impl Log {
    /// A log to the file at `path`, or to standard error. With `debug`, records say where they come from.
    pub(crate) fn new(path: Option<PathBuf>, format: Format, debug: bool) -> Self {
        Log { path, format, debug, since: OnceLock::new(), file: OnceLock::new() }
    }

    /// Whether an error must be said on standard error too.
    pub(crate) fn is_file(&self) -> bool {
        self.path.is_some()
    }

    fn write(&self, record: &Record) {
        let line = match self.format {
            Format::Json => record.json(),
            Format::Text if self.path.is_none() && io::stderr().is_terminal() => {
                record.terse(self.since.get_or_init(Instant::now).elapsed())
            }
            Format::Text => record.text(),
        };
        // A record that can't be written to the file goes where a person may see it.
        if self.append(&line).is_err() {
            drop(io::stderr().write_all(line.as_bytes()));
        }
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let Some(path) = &self.path else { return io::stderr().write_all(line.as_bytes()) };
        match self.file.get_or_init(|| OpenOptions::new().append(true).create(true).open(path)) {
            Ok(file) => (&mut &*file).write_all(line.as_bytes()),
            Err(error) => {
                writeln!(io::stderr(), "open the log {}: {error}", path.display())?;
                Err(error.kind().into())
            }
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && (self.debug || *metadata.level() <= Level::INFO)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if self.debug { LevelFilter::TRACE } else { LevelFilter::INFO })
    }

    fn event(&self, event: &Event<'_>) {
        let mut record = Record::new(*event.metadata().level(), container::clock::rfc3339(SystemTime::now()));
        event.record(&mut record);
        if let (true, Some(file), Some(line)) = (self.debug, event.metadata().file(), event.metadata().line()) {
            record.fields.insert("file".to_owned(), format!("{file}:{line}").into());
            record.fields.insert("func".to_owned(), event.metadata().target().into());
        }
        self.write(&record);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// One record.
#[derive(Debug)]
struct Record {
    time: String,
    level: Level,
    message: String,
    fields: Map<String, Value>,
}

impl Record {
    fn new(level: Level, time: String) -> Self {
        Record { time, level, message: String::new(), fields: Map::new() }
    }

    /// logrus's name of the level.
    fn level(&self) -> &'static str {
        match self.level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        }
    }

    /// An object on a line, its keys sorted.
    fn json(&self) -> String {
        let mut object = self.fields.clone();
        object.insert("level".to_owned(), self.level().into());
        object.insert("msg".to_owned(), self.message.as_str().into());
        object.insert("time".to_owned(), self.time.as_str().into());
        format!("{}\n", Value::Object(object))
    }

    /// `key=value` pairs on a line.
    fn text(&self) -> String {
        let (time, message) = (quoted(&self.time), quoted(&self.message));
        format!("time={time} level={} msg={message}{}", self.level(), self.rest())
    }

    /// As a person reads it.
    fn terse(&self, since: Duration) -> String {
        let level: String = self.level().to_uppercase().chars().take(4).collect();
        format!("{level}[{:04}] {}{}", since.as_secs(), self.message, self.rest())
    }

    /// The other fields, and the end of the line.
    fn rest(&self) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields = self.fields.iter().map(|(key, value)| format!(" {key}={}", quoted(&text(value))));
        fields.chain(["\n".to_owned()]).collect()
    }

    fn set(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = short(text),
            ("message", value) => self.message = short(value.to_string()),
            (name, value) => drop(self.fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

/// A value of a text record: between quotes as Go writes them, unless it is plain.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { Quoted(value).to_string() }
}

/// Go's `%q`.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                control if control.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(control))?,
                control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
                letter => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(level: Level, message: &str) -> Record {
        let mut record = Record::new(level, "2026-11-25T12:08:15Z".to_owned());
        message.clone_into(&mut record.message);
        record
    }

    #[test]
    fn json_has_sorted_keys() {
        let mut record = record(Level::ERROR, "a \"b\"\nc");
        assert_eq!(
            record.json(),
            "{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\nc\",\"time\":\"2026-11-25T12:08:15Z\"}\n"
        );
        record.fields.insert("pointer".to_owned(), "/mounts/3".into());
        record.fields.insert("hook".to_owned(), 2.into());
        assert_eq!(
            record.json(),
            "{\"hook\":2,\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\nc\",\"pointer\":\"/mounts/3\",\"time\":\"2026-11-25T12:08:15Z\"}\n"
        );
    }

    #[test]
    fn text_is_quoted_as_go_does() {
        let mut first = record(Level::WARN, "lower \"x\" \\ \t\u{1b}[31m\u{e9}");
        assert_eq!(
            first.text(),
            "time=\"2026-11-25T12:08:15Z\" level=warning msg=\"lower \\\"x\\\" \\\\ \\t\\x1b[31mé\"\n"
        );
        first = record(Level::DEBUG, "plain-1");
        first.fields.insert("file".to_owned(), "src/a.rs:3".into());
        assert_eq!(first.text(), "time=\"2026-11-25T12:08:15Z\" level=debug msg=plain-1 file=\"src/a.rs:3\"\n");
    }

    #[test]
    fn a_terminal_gets_short_lines() {
        assert_eq!(record(Level::ERROR, "it failed").terse(Duration::from_millis(3200)), "ERRO[0003] it failed\n");
        assert_eq!(record(Level::WARN, "it may").terse(Duration::ZERO), "WARN[0000] it may\n");
        assert_eq!(record(Level::INFO, "it did").terse(Duration::ZERO), "INFO[0000] it did\n");
    }

    #[test]
    fn events_reach_the_file() {
        let path = std::env::temp_dir().join(format!("cofferdam-log-{}", std::process::id()));
        for debug in [false, true] {
            let log = Log::new(Some(path.clone()), Format::Json, debug);
            tracing::subscriber::with_default(log, || {
                tracing::debug!("quiet");
                tracing::error!(pointer = Some("/process/cwd"), absent = None::<&str>, "it failed: {}", 3);
            });
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<Map<String, Value>> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let messages: Vec<_> = lines.iter().map(|line| line["msg"].as_str().unwrap()).collect();
        assert_eq!(messages, ["it failed: 3", "quiet", "it failed: 3"]);
        assert_eq!(lines[0].keys().collect::<Vec<_>>(), ["level", "msg", "pointer", "time"]);
        assert_eq!(lines[2].keys().collect::<Vec<_>>(), ["file", "func", "level", "msg", "pointer", "time"]);
        assert_eq!(lines[0]["pointer"], "/process/cwd");
    }
}
