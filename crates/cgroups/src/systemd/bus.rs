//! The conversation with systemd: over the system bus or, where there is none, over its private socket.
//!
//! A library for D-Bus would be there, but none that fits: of those without threads rustbus (0.19) waits for a silent
//! bus without end, spins where one hangs up, and panics at what it can't read.

use super::message::{self, ERROR, FIXED, Message, Method, RETURN, SIGNAL};
use super::value::Value;
use rustix::fd::OwnedFd;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::time::{Duration, Instant};
use sys::Errno;

/// The longest line of the handshake.
const LINE: usize = 512;

const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";
const PRIVATE: &str = "/run/systemd/private";

const HELLO: Method = bus_method("Hello");
const ADD_MATCH: Method = bus_method("AddMatch");
const JOBS: &str = "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',\
                    interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

const fn bus_method(member: &'static str) -> Method {
    Method {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member,
    }
}

/// A method of systemd's manager.
const fn manager(member: &'static str) -> Method {
    Method {
        destination: "org.freedesktop.systemd1",
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        member,
    }
}

/// Why systemd did not do it.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It said so: the error's name and its words.
    Said { name: String, words: String },
    /// It could not be asked or heard.
    Lost(String),
}

impl Refusal {
    fn call(act: &str, errno: Errno) -> Self {
        match errno {
            Errno::AGAIN | Errno::TIMEDOUT => Refusal::Lost(format!("{act}: no answer in time")),
            errno => Refusal::Lost(format!("{act}: {}", sys::text::errno(errno))),
        }
    }

    /// Whether it is the error of that name.
    pub(crate) fn is(&self, error: &str) -> bool {
        matches!(self, Refusal::Said { name, .. } if name.strip_prefix("org.freedesktop.systemd1.") == Some(error))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Said { name, words } if words.is_empty() => f.write_str(name),
            Refusal::Said { words, .. } => f.write_str(&words.replace('\n', " ")),
            Refusal::Lost(words) => f.write_str(words),
        }
    }
}

/// A conversation.
pub(crate) struct Bus {
    socket: OwnedFd,
    deadline: Instant,
    /// Without a bus between, nobody is addressed.
    direct: bool,
    serial: u32,
    /// Jobs that have ended: their paths and results.
    ended: Vec<(String, String)>,
}

impl Bus {
    /// Begins a conversation that takes no longer than `patience` in all.
    pub(crate) fn open(patience: Duration) -> Result<Self, Refusal> {
        let deadline = Instant::now() + patience;
        let (socket, direct) = match dial(&system_bus(), deadline) {
            Err(Errno::NOENT | Errno::CONNREFUSED) => {
                (dial(PRIVATE, deadline).map_err(|errno| Refusal::call("connect to systemd", errno))?, true)
            }
            dialled => (dialled.map_err(|errno| Refusal::call("connect to the system bus", errno))?, false),
        };
        let mut bus = Bus { socket, deadline, direct, serial: 0, ended: Vec::new() };
        bus.authenticate()?;
        if !direct {
            bus.send(&HELLO, &[])?;
            bus.send(&ADD_MATCH, &[Value::text(JOBS)])?;
        }
        bus.send(&manager("Subscribe"), &[])?;
        Ok(bus)
    }

    /// A conversation without a bus over a socket that somebody else has made.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn over(socket: OwnedFd, patience: Duration) -> Result<Self, Refusal> {
        let deadline = Instant::now() + patience;
        let mut bus = Bus { socket, deadline, direct: true, serial: 0, ended: Vec::new() };
        bus.authenticate()?;
        Ok(bus)
    }

    /// By the credentials of the socket. D-Bus Specification, "EXTERNAL".
    fn authenticate(&mut self) -> Result<(), Refusal> {
        let user = rustix::process::geteuid().as_raw().to_string();
        // A digit's character in hexadecimal: 0 is 30.
        let user: String = user.chars().flat_map(|digit| ['3', digit]).collect();
        self.write(format!("\0AUTH EXTERNAL {user}\r\nBEGIN\r\n").as_bytes())?;
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") && line.len() < LINE {
            let mut byte = [0];
            self.fill(&mut byte)?;
            line.extend(byte);
        }
        if line.starts_with(b"OK ") {
            return Ok(());
        }
        Err(Refusal::Lost(format!("log in: it said {:?}", String::from_utf8_lossy(&line).trim_end())))
    }

    /// Calls a method of the manager and waits for its answer.
    pub(crate) fn call(&mut self, member: &'static str, arguments: &[Value]) -> Result<Message, Refusal> {
        let serial = self.send(&manager(member), arguments)?;
        loop {
            let message = self.receive()?;
            match message.kind {
                RETURN if message.reply_to == serial => return Ok(message),
                // What was asked before had to succeed, too.
                ERROR => {
                    let words = message.texts.into_iter().next().unwrap_or_default();
                    return Err(Refusal::Said { name: message.error, words });
                }
                _ => {}
            }
        }
    }

    /// Calls a method of the manager that makes a job, and waits for the job's end: its result, `done` if all is well.
    pub(crate) fn job(&mut self, member: &'static str, arguments: &[Value]) -> Result<String, Refusal> {
        let job = self.call(member, arguments)?.texts.into_iter().next().unwrap_or_default();
        loop {
            if let Some((_, result)) = self.ended.iter().find(|(ended, _)| *ended == job) {
                return Ok(result.clone());
            }
            self.receive()?;
        }
    }

    fn send(&mut self, method: &Method, arguments: &[Value]) -> Result<u32, Refusal> {
        self.serial += 1;
        let destination = if self.direct { "" } else { method.destination };
        let method = Method { destination, ..*method };
        self.write(&message::call(&method, self.serial, arguments))?;
        Ok(self.serial)
    }

    /// The next message; the end of a job is noted.
    fn receive(&mut self) -> Result<Message, Refusal> {
        let senseless = || Refusal::Lost("understand its answer: it is no message of D-Bus".into());
        let mut bytes = vec![0; FIXED];
        self.fill(&mut bytes)?;
        bytes.resize(message::length(&bytes).ok_or_else(senseless)?, 0);
        self.fill(bytes.get_mut(FIXED..).unwrap_or_default())?;
        let message = Message::parse(&bytes).ok_or_else(senseless)?;
        if message.kind == SIGNAL && message.member == "JobRemoved" {
            // The job's path, the unit, the result.
            if let [job, _, result] = &message.texts[..] {
                self.ended.push((job.clone(), result.clone()));
            }
        }
        Ok(message)
    }

    fn write(&self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            self.limit(Timeout::Send)?;
            let sent = rustix::net::send(&self.socket, bytes, rustix::net::SendFlags::NOSIGNAL);
            match sent {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Refusal::call("ask", errno)),
            }
        }
        Ok(())
    }

    fn fill(&self, mut bytes: &mut [u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            self.limit(Timeout::Recv)?;
            match rustix::io::read(&self.socket, &mut *bytes) {
                Ok(0) => return Err(Refusal::Lost("it hung up".into())),
                Ok(count) => bytes = bytes.get_mut(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Refusal::call("wait", errno)),
            }
        }
        Ok(())
    }

    fn limit(&self, what: Timeout) -> Result<(), Refusal> {
        until(&self.socket, what, self.deadline).map_err(|errno| Refusal::call("wait", errno))
    }
}

/// The system bus's socket, where its address is that of a path.
fn system_bus() -> String {
    let address = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_default();
    let path = address.split(';').find_map(|one| one.strip_prefix("unix:path=")?.split(',').next());
    path.unwrap_or(SYSTEM_BUS).to_owned()
}

fn dial(path: &str, deadline: Instant) -> Result<OwnedFd, Errno> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    until(&socket, Timeout::Send, deadline)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Sets what is left until the deadline as the longest wait of a call.
fn until(socket: &OwnedFd, what: Timeout, deadline: Instant) -> Result<(), Errno> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) {
        return Err(Errno::TIMEDOUT);
    }
    set_socket_timeout(socket, what, Some(left))
}
