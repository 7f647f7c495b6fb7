//! `--trace FILE`: the time of each step, as a Chrome trace that Perfetto and chrome://tracing open.

use rustix::time::{ClockId, clock_gettime};
use std::fmt::Display;
use std::sync::Mutex;

/// One thing that took time, in nanoseconds of CLOCK_MONOTONIC.
struct Event {
    name: String,
    init: bool,
    start: u64,
    end: u64,
}

/// `None` until a trace is asked for: then nothing is noted and nothing is paid.
static EVENTS: Mutex<Option<Vec<Event>>> = Mutex::new(None);

/// From here on, times are noted.
pub fn begin() {
    if let Ok(mut events) = EVENTS.lock() {
        *events = Some(Vec::new());
    }
}

/// Whether times are noted.
pub fn is_on() -> bool {
    EVENTS.lock().is_ok_and(|events| events.is_some())
}

/// Does `act` as a step of the runtime process with that name.
pub fn step<T>(name: impl Display, act: impl FnOnce() -> T) -> T {
    if !is_on() {
        return act();
    }
    let start = now();
    let done = act();
    note(Event { name: name.to_string(), init: false, start, end: now() });
    done
}

/// Notes a step of init that ended at `end`; it began when the one before ended.
pub(crate) fn init_step(name: String, end: u64) {
    let start = EVENTS.lock().ok().and_then(|events| events.as_ref()?.iter().rfind(|event| event.init).map(|e| e.end));
    note(Event { name, init: true, start: start.unwrap_or(end), end });
}

fn note(event: Event) {
    if let Ok(mut events) = EVENTS.lock()
        && let Some(events) = events.as_mut()
    {
        events.push(event);
    }
}

/// The trace as JSON.
pub fn render() -> String {
    let events = EVENTS.lock().ok().and_then(|mut events| events.take()).unwrap_or_default();
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            let process = if event.init { 2 } else { 1 };
            #[allow(clippy::cast_precision_loss, reason = "microseconds for a picture")]
            let micros = |nanos: u64| nanos as f64 / 1000.0;
            serde_json::json!({
                "name": event.name, "cat": if event.init { "init" } else { "runtime" }, "ph": "X",
                "pid": process, "tid": process, "ts": micros(event.start), "dur": micros(event.end - event.start),
            })
        })
        .collect();
    serde_json::json!({ "traceEvents": rows, "displayTimeUnit": "ns" }).to_string()
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
