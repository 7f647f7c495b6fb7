//! Route netlink, as much of it as moving a network device takes: a link by its name, its addresses, and what is set
//! of both. See netlink(7), rtnetlink(7).

use crate::message::{Attributes, Message, messages, number};
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use sys::Errno;

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
const ERROR: u16 = 2;
const DONE: u16 = 3;

const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const DUMP: u16 = 0x300;
const REPLACE: u16 = 0x100;
const CREATE: u16 = 0x400;
/// In an answer: what was listed changed meanwhile.
const INTERRUPTED: u16 = 0x10;
/// In an answer: attributes follow.
const HAS_WORDS: u16 = 0x200;

/// `IFLA_*` of linux/if_link.h.
mod link {
    pub(super) const NAME: u16 = 3;
    pub(super) const MASTER: u16 = 10;
    pub(super) const NAMESPACE: u16 = 28;
}

/// `IFA_*` of linux/if_addr.h.
mod address {
    pub(super) const LABEL: u16 = 3;
    pub(super) const FLAGS: u16 = 8;
    /// What makes an address what it is, beside its label: IFA_ADDRESS, LOCAL, BROADCAST, CACHEINFO, RT_PRIORITY,
    /// PROTO.
    pub(super) const KEPT: [u16; 6] = [1, 2, 4, 6, 9, 11];
    pub(super) const PERMANENT: u32 = 0x80;
    /// The flags that are anybody's to set: NODAD, HOMEADDRESS, MANAGETEMPADDR, NOPREFIXROUTE, MCAUTOJOIN. The others
    /// are the kernel's.
    pub(super) const OURS: u32 = 0x2 | 0x10 | 0x100 | 0x200 | 0x400;
}

const UP: u32 = 1;
const IPV6: u8 = 10;
/// `RT_SCOPE_UNIVERSE`
const GLOBAL: u8 = 0;
/// No answer is longer: it is the most that the kernel puts into a list's part.
const ANSWER: usize = 32 << 10;
/// How often a list is asked for that changes while it is made.
const PATIENCE: usize = 8;

/// The kernel's no, and where it has some, its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: Errno,
    pub(crate) words: String,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Refusal { errno, words: String::new() }
    }
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    /// Its name, where it was found by another of its names.
    pub(crate) name: String,
    pub(crate) up: bool,
    /// The device, a bridge or bond, that it is a port of.
    pub(crate) master: Option<u32>,
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    family: u8,
    prefix: u8,
    scope: u8,
    flags: u32,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Address {
    /// Whether it is for communication with others and has no end: what config-linux.md wants kept.
    pub(crate) fn is_lasting(&self) -> bool {
        self.scope == GLOBAL && self.flags & address::PERMANENT != 0
    }
}

/// A socket that speaks with the kernel about the devices of one network namespace.
#[derive(Debug)]
pub(crate) struct Route {
    socket: OwnedFd,
    sequence: u32,
}

impl Route {
    /// Speaks about the network namespace that this process is in.
    pub(crate) fn open() -> Result<Self, Errno> {
        Ok(Route { socket: sys::netlink::route_socket()?, sequence: 0 })
    }

    /// The device of that name, if there is one.
    pub(crate) fn link(&mut self, name: &str) -> Result<Option<Link>, Refusal> {
        let question = Message::new(GET_LINK, REQUEST | ACKNOWLEDGE, &about(0, 0, 0)).text(link::NAME, name);
        match self.ask(question) {
            Ok(answers) => answers.first().and_then(|answer| read_link(answer)).map(Some).ok_or(garbled()),
            Err(refusal) if refusal.errno == Errno::NODEV => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The addresses of the device of that index, in an order in which they can be given again.
    pub(crate) fn addresses(&mut self, index: u32) -> Result<Vec<Address>, Refusal> {
        let mut header = [0_u8; 8];
        header[4..].copy_from_slice(&index.to_ne_bytes());
        for _ in 0..PATIENCE {
            match self.ask(Message::new(GET_ADDRESS, REQUEST | DUMP, &header)) {
                Err(refusal) if refusal.errno == Errno::INTR => {}
                Err(refusal) => return Err(refusal),
                Ok(answers) => {
                    let of_it = answers.iter().filter_map(|answer| read_address(answer, index));
                    // The kernel lists IPv6 addresses latest first, and the first one is what packets are sent from.
                    let (six, mut four): (Vec<_>, Vec<_>) = of_it.partition(|address| address.family == IPV6);
                    four.extend(six.into_iter().rev());
                    return Ok(four);
                }
            }
        }
        Err(Errno::INTR.into())
    }

    /// Gives a device an address, or the same one again; with its label where that still fits.
    pub(crate) fn add(&mut self, index: u32, address: &Address, labelled: bool) -> Result<(), Refusal> {
        let flags = address.flags & address::OURS;
        let [short, ..] = flags.to_le_bytes();
        let mut header = [address.family, address.prefix, short, address.scope, 0, 0, 0, 0];
        header[4..].copy_from_slice(&index.to_ne_bytes());
        let request = Message::new(NEW_ADDRESS, REQUEST | ACKNOWLEDGE | CREATE | REPLACE, &header);
        let attributes = address.attributes.iter().filter(|(kind, _)| labelled || *kind != address::LABEL);
        let request = attributes.fold(request, |request, (kind, value)| request.bytes(*kind, value));
        self.ask(request.number(address::FLAGS, flags)).map(drop)
    }

    /// Names a device; the kernel puts a number in the place of `%d`.
    pub(crate) fn rename(&mut self, index: u32, name: &str) -> Result<(), Refusal> {
        self.ask(set(index, 0, 0).text(link::NAME, name)).map(drop)
    }

    /// Moves a device to another network namespace, where it has that name. It is down then and has no address.
    pub(crate) fn hand_over(&mut self, index: u32, to: BorrowedFd<'_>, name: &str) -> Result<(), Refusal> {
        let request = set(index, 0, 0).number(link::NAMESPACE, to.as_raw_fd().cast_unsigned());
        self.ask(request.text(link::NAME, name)).map(drop)
    }

    /// Makes a device a port of another one.
    pub(crate) fn enslave(&mut self, index: u32, master: u32) -> Result<(), Refusal> {
        self.ask(set(index, 0, 0).number(link::MASTER, master)).map(drop)
    }

    /// Sets a device up.
    pub(crate) fn up(&mut self, index: u32) -> Result<(), Refusal> {
        self.ask(set(index, UP, UP)).map(drop)
    }

    /// Asks the kernel: the bodies of its answers.
    fn ask(&mut self, question: Message) -> Result<Vec<Vec<u8>>, Refusal> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.socket, &question.finish(self.sequence), SendFlags::empty())?;
        let (mut answers, mut interrupted) = (Vec::new(), false);
        let mut buffer = vec![0_u8; ANSWER];
        loop {
            let (_, length) = rustix::io::retry_on_intr(|| recv(&self.socket, &mut buffer[..], RecvFlags::TRUNC))?;
            for message in messages(buffer.get(..length).ok_or(garbled())?) {
                if message.sequence != self.sequence {
                    continue;
                }
                interrupted |= message.flags & INTERRUPTED != 0;
                match message.kind {
                    ERROR | DONE => {
                        verdict(message.body, message.flags)?;
                        return if interrupted { Err(Errno::INTR.into()) } else { Ok(answers) };
                    }
                    _ => answers.push(message.body.to_vec()),
                }
            }
        }
    }
}

/// What an acknowledgement, the end of a list or a refusal says.
fn verdict(body: &[u8], flags: u16) -> Result<(), Refusal> {
    // The error is followed by the header of what was asked.
    const ATTRIBUTES: usize = 4 + 16;
    const WORDS: u16 = 1;
    let error = number(body, 0).unwrap_or(0).cast_signed();
    if error == 0 {
        return Ok(());
    }
    let rest = body.get(ATTRIBUTES..).filter(|_| flags & HAS_WORDS != 0).unwrap_or_default();
    let words = Attributes(rest).find(|(kind, _)| *kind == WORDS).map(|(_, value)| text(value)).unwrap_or_default();
    Err(Refusal { errno: Errno::from_raw_os_error(error.wrapping_neg()), words })
}

fn garbled() -> Refusal {
    Errno::BADMSG.into()
}

/// `struct ifinfomsg`
fn about(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0_u8; 16];
    for (place, value) in header.chunks_exact_mut(4).skip(1).zip([index, flags, change]) {
        place.copy_from_slice(&value.to_ne_bytes());
    }
    header
}

fn set(index: u32, flags: u32, change: u32) -> Message {
    Message::new(NEW_LINK, REQUEST | ACKNOWLEDGE, &about(index, flags, change))
}

fn read_link(answer: &[u8]) -> Option<Link> {
    let (mut name, mut master) = (None, None);
    for (kind, value) in Attributes(answer.get(16..)?) {
        match kind {
            link::NAME => name = Some(text(value)),
            link::MASTER => master = number(value, 0),
            _ => {}
        }
    }
    Some(Link { index: number(answer, 4)?, name: name?, up: number(answer, 8)? & UP != 0, master })
}

/// The address that an answer describes, if it is of the device of that index: an older kernel lists all devices'.
fn read_address(answer: &[u8], index: u32) -> Option<Address> {
    let [family, prefix, flags, scope] = *answer.first_chunk()?;
    if number(answer, 4)? != index {
        return None;
    }
    let mut address = Address { family, prefix, scope, flags: flags.into(), attributes: Vec::new() };
    for (kind, value) in Attributes(answer.get(8..)?) {
        if kind == address::FLAGS {
            address.flags = number(value, 0)?;
        } else if kind == address::LABEL || address::KEPT.contains(&kind) {
            address.attributes.push((kind, value.to_vec()));
        }
    }
    Some(address)
}

/// Text of the kernel's, which ends with NUL.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}
