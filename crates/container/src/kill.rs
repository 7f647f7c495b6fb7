//! `kill`: a signal to a container's init, or to all its processes.

use crate::cgroup::Cgroup;
use crate::error::{Error, Result};
use crate::id::ContainerId;
use crate::process::Process;
use crate::record::Record;
use crate::store::Store;
use rustix::io::Errno;

/// A signal by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

/// SIGKILL
pub const KILL: Signal = Signal(9);
/// SIGTERM
pub const TERM: Signal = Signal(15);

/// The highest number, and the first and last real-time ones as glibc counts them (it keeps two for itself).
const HIGHEST: i32 = 64;
const REAL_TIME: (i32, i32) = (34, 64);

/// The names of signal(7), by number from 1 on; then other names for some.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];
const ALIASES: [(&str, i32); 4] = [("IOT", 6), ("CLD", 17), ("POLL", 29), ("UNUSED", 31)];

impl Signal {
    /// Reads a signal's number, or its name in any case, with or without `SIG`: `9`, `KILL`, `sigkill`,
    /// `SIGRTMIN+3`, `RTMAX-1`. 0 only asks whether a signal could be sent.
    ///
    /// # Errors
    /// [`Error::UnknownSignal`]
    pub fn parse(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownSignal(text.chars().take(64).collect());
        if let Ok(number) = text.parse() {
            return if (0..=HIGHEST).contains(&number) { Ok(Signal(number)) } else { Err(unknown()) };
        }
        let upper = text.to_ascii_uppercase();
        by_name(upper.strip_prefix("SIG").unwrap_or(&upper)).map(Signal).ok_or_else(unknown)
    }

    /// Its number.
    pub fn number(self) -> i32 {
        self.0
    }
}

fn by_name(name: &str) -> Option<i32> {
    if let Some(at) = NAMES.iter().position(|known| *known == name) {
        return i32::try_from(at + 1).ok();
    }
    if let Some((_, number)) = ALIASES.iter().find(|(known, _)| *known == name) {
        return Some(*number);
    }
    let (first, last) = REAL_TIME;
    let number = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(""), _) => first,
        (_, Some("")) => last,
        (Some(rest), _) => first + steps(rest, '+')?,
        (_, Some(rest)) => last - steps(rest, '-')?,
        (None, None) => return None,
    };
    (first..=last).contains(&number).then_some(number)
}

/// The number after `sign`, of at most two digits.
fn steps(text: &str, sign: char) -> Option<i32> {
    let digits = text.strip_prefix(sign).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    if digits.len() > 2 { None } else { digits.parse().ok() }
}

/// Sends a signal to the container's init; with `all` to every process of the container, and then it is no
/// error where there is none. SIGKILL to a container without a PID namespace of its own goes to every process
/// as well, even where init has ended. Takes no lock: it must reach a container that another command hangs on.
///
/// # Errors
/// [`Error::NotExist`]; [`Error::NotRunning`]; [`Error::Signal`].
pub fn kill(store: &Store, id: &ContainerId, signal: Signal, all: bool) -> Result<()> {
    let record = store.get(id)?.record()?;
    let sent = if all || (signal == KILL && !record.own_pid_namespace) {
        signal_all(&record, signal)
    } else {
        record.init()?.ok_or(Error::NotRunning).and_then(|init| signal_init(&record, &init, signal))
    };
    match sent {
        Err(Error::NotRunning) if all => Ok(()),
        sent => sent,
    }
}

/// Sends a signal to init. One that is frozen by cgroup v1 dies of SIGKILL only when it thaws.
pub(crate) fn signal_init(record: &Record, init: &Process, signal: Signal) -> Result<()> {
    match init.signal(signal.0) {
        Ok(()) => {}
        Err(Errno::SRCH) => return Err(Error::NotRunning),
        Err(errno) => return Err(Error::Signal { signal: signal.0, pid: init.pid(), id: record.id.clone(), errno }),
    }
    if signal == KILL { Cgroup::of(record).thaw_if_frozen() } else { Ok(()) }
}

/// Sends a signal to every process in the container's cgroup, and to init, which may have left it.
pub(crate) fn signal_all(record: &Record, signal: Signal) -> Result<()> {
    let init = record.init()?;
    let reached = Cgroup::of(record).signal(signal.0)?;
    match init {
        Some(init) if !reached.contains(&init.pid()) => signal_init(record, &init, signal),
        None if reached.is_empty() => Err(Error::NotRunning),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_number_and_name() {
        for (text, number) in [
            ("9", 9),
            ("0", 0),
            ("64", 64),
            ("KILL", 9),
            ("SIGKILL", 9),
            ("kill", 9),
            ("sigTerm", 15),
            ("hup", 1),
            ("SIGSYS", 31),
            ("WINCH", 28),
            ("SIGPOLL", 29),
            ("IO", 29),
            ("CHLD", 17),
            ("USR1", 10),
            ("usr2", 12),
            ("SIGRTMIN", 34),
            ("SIGRTMIN+1", 35),
            ("rtmin+3", 37),
            ("SIGRTMIN+30", 64),
            ("SIGRTMAX", 64),
            ("RTMAX-30", 34),
            ("SIGRTMAX-2", 62),
            ("ABRT", 6),
            ("IOT", 6),
            ("PWR", 30),
            ("XFSZ", 25),
            ("STOP", 19),
        ] {
            assert_eq!(Signal::parse(text).unwrap().number(), number, "{text}");
        }
    }

    #[test]
    fn what_is_no_signal() {
        for text in [
            "",
            "SIG",
            "NOPE",
            "SIGNOPE",
            "-1",
            "65",
            "9.0",
            "0x9",
            " 9",
            "9 ",
            "SIGSIGKILL",
            "RTMIN+31",
            "RTMIN-1",
            "RTMAX+1",
            "RTMAX-31",
            "RTMIN+",
            "RTMIN+-1",
            "RTMIN++1",
            "SIGRTMIN 1",
            "99999999999999",
            "KİLL",
        ] {
            let error = Signal::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("unknown signal \""), "{text}: {error}");
        }
    }
}
