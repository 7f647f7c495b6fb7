//! What fuzzers try here: what init reads of the image and of the kernel, and what it and this process read of each
//! other. Init has no standard library, so its readers of text are compiled once more.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]
#![allow(clippy::unnecessary_debug_formatting, reason = "odd paths are to be seen as they are")]

use crate::conversation::{Attendant, converse};
use crate::error::Error;
use crate::sentence::{Sentences, name};
use plan::{FromInit, Reader, Writer};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, sendmsg,
    shutdown, socketpair,
};
use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[allow(dead_code, reason = "init uses more of it")]
#[path = "../../init/src/number.rs"]
mod number;

#[allow(dead_code, reason = "init uses more of it")]
#[path = "../../init/src/passwd.rs"]
mod passwd;

#[path = "../../init/src/root/mountinfo.rs"]
mod mountinfo;

/// A `/etc/passwd` that is read in pieces, against the whole one read plainly. The first bytes are the size of the
/// pieces and the user.
pub fn user_lookup(data: &[u8]) {
    let Some((&[piece, uid], mut file)) = data.split_first_chunk() else { return };
    let (piece, uid) = (usize::from(piece) + 1, u32::from(uid));
    let line = |line: &&[u8]| {
        let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
        let number = fields.get(2).and_then(|number| std::str::from_utf8(number).ok()).filter(|n| !n.starts_with('+'));
        let home = fields.get(5).filter(|home| !home.is_empty())?;
        (line.len() < passwd::LINE && number?.parse() == Ok(uid)).then(|| home.to_vec())
    };
    let right = file.split(|byte| *byte == b'\n').find_map(|one| line(&one));
    let more = |room: &mut [u8]| {
        let length = room.len().min(piece);
        file.read(&mut room[..length]).unwrap_or(0)
    };
    let mut found = None;
    let told = passwd::search(more, uid, |home| found = Some(home.to_vec()));
    assert_eq!((told, found), (right.is_some(), right));
}

/// Lines of mountinfo, of which those of bare procfs and sysfs are taken away where they are not beneath a root.
pub fn mountinfo(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        for root in [b"/r".as_slice(), b"", b"/"] {
            let Some(point) = mountinfo::bare(line, root) else { continue };
            assert_eq!(point.last(), Some(&0));
            assert!(!point.starts_with(&[root, b"/"].concat()), "{line:?}");
        }
    }
}

/// The bytes of a plan, as init walks them and as this process speaks of them.
pub fn plan_bytes(data: &[u8]) {
    let Some((header, steps)) = Reader::with_header(data) else { return };
    let (mut again, sentences) = (Writer::default(), Sentences::new(steps.clone()));
    for (number, placed) in steps.clone().enumerate().take(500) {
        assert!(!name(&placed.step).contains('\n'), "{placed:?}");
        serde_json::to_value(placed).unwrap();
        // Places are the planner's own words.
        if number < 8 && !placed.place.contains(char::is_control) {
            told(&sentences, u32::try_from(number).unwrap());
        }
        again.push(placed.place, placed.step);
    }
    let whole = again.finish(header);
    let (read, written) = Reader::with_header(&whole).unwrap();
    assert!((read, again.count()) == (header, u32::try_from(written.clone().count()).unwrap()));
    assert!(written.zip(steps).all(|(one, other)| one == other));
}

fn told(sentences: &Sentences<'_>, step: u32) {
    let failure = plan::Failure { step, errno: 2, act: "open", detail: plan::Bytes(b"x\ny\xff\n") };
    assert!(!sentences.error(&failure).to_string().contains(char::is_control));
    assert!(!sentences.warning(&failure).contains(char::is_control));
}

/// A packet of init's.
pub fn packet(data: &[u8]) {
    let sentences = Sentences::none();
    match postcard::from_bytes(data) {
        Ok(FromInit::Failed(failure) | FromInit::Warning(failure)) => {
            let text = sentences.error(&failure).to_string();
            assert!(!text.contains(char::is_control), "{text:?}");
            sentences.warning(&failure);
        }
        Ok(FromInit::Times { first, ends }) => {
            sentences.times(first, ends.0);
            sentences.last();
        }
        _ => {}
    }
}

/// An init that says anything, with any descriptors, and then nothing more: each packet begins with its length and with
/// how many descriptors it has.
pub fn conversation(data: &[u8]) {
    let kind = SocketType::SEQPACKET;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
    let mut rest = data;
    // As many as the socket holds: nobody takes any before the end.
    for _ in 0..8 {
        let Some((&[length, descriptors], more)) = rest.split_first_chunk() else { break };
        let (packet, after) = more.split_at(more.len().min(usize::from(length)));
        rest = after;
        speak(theirs.as_fd(), packet, descriptors % 4);
    }
    shutdown(&theirs, Shutdown::Write).unwrap();
    let before = descriptors();
    for until_ready in [true, false] {
        let told = converse(ours.as_fd(), &Sentences::none(), &mut Counting(0), until_ready);
        if let Err(error) = told {
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }
    // Where tests run beside, others open some.
    assert!(!cfg!(fuzzing) || descriptors() == before, "descriptors of init's are not ours to keep");
}

fn speak(socket: BorrowedFd<'_>, packet: &[u8], descriptors: u8) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let all = [socket; 4];
    let some = all.get(..usize::from(descriptors)).unwrap_or_default();
    assert!(some.is_empty() || control.push(SendAncillaryMessage::ScmRights(some)));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    _ = sendmsg(socket, &[IoSlice::new(packet)], &mut control, flags);
}

/// The lowest number that is free: none is lost where it stays the same.
fn descriptors() -> i32 {
    rustix::io::dup(std::io::stdin()).unwrap().as_raw_fd()
}

/// It does what it is asked, but not for ever.
struct Counting(u32);

impl Counting {
    fn more(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 > 16 { Err(Error::Garbled) } else { Ok(()) }
    }
}

impl Attendant for Counting {
    fn runtime_hooks(&mut self) -> Result<(), Error> {
        self.more()
    }

    fn terminal(&mut self, _: OwnedFd) -> Result<(), Error> {
        self.more()
    }

    fn seccomp_listener(&mut self, _: i32) -> Result<(), Error> {
        self.more()
    }

    fn ready(&mut self) -> Result<(), Error> {
        self.more()
    }
}

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;

    #[test]
    fn corpora() {
        replay("user_lookup", user_lookup);
        replay("mountinfo", mountinfo);
        replay("plan_bytes", plan_bytes);
        replay("plan_bytes", packet);
        replay("conversation", conversation);
    }
}
