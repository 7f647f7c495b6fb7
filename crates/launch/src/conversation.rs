//! What the runtime process and init say to each other, from here: see [`plan::FromInit`].

use crate::error::Error;
use crate::sentence::Sentences;
use plan::{DESCRIPTORS, FromInit, MESSAGE, PLAN, ToInit};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use rustix::process::Pid;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use sys::Errno;

/// What the runtime process does when init asks for it.
pub trait Attendant {
    /// Namespaces and mounts are made: run the hooks prestart and createRuntime.
    ///
    /// # Errors
    /// Where a hook fails; init is then ended.
    fn runtime_hooks(&mut self) -> Result<(), Error>;

    /// The terminal's master.
    ///
    /// # Errors
    /// Where it can't be handed on.
    fn terminal(&mut self, master: OwnedFd) -> Result<(), Error>;

    /// Init has a seccomp notify descriptor of that number.
    ///
    /// # Errors
    /// Where it can't be fetched or handed on; init is then ended.
    fn seccomp_listener(&mut self, number: i32) -> Result<(), Error>;

    /// Init is set up: all that must be done before the program may run.
    ///
    /// # Errors
    /// Where it fails; init is then ended.
    fn ready(&mut self) -> Result<(), Error>;
}

/// Where a conversation stands when it pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Init has been told to go on after `Ready`.
    Ready,
    /// Init has become the program.
    Executed,
}

/// Answers init until it is ready (`until_ready`), or has become the program.
///
/// # Errors
/// What init or the attendant says went wrong, or that init died.
pub fn converse(
    sync: BorrowedFd<'_>,
    steps: &Sentences<'_>,
    attendant: &mut dyn Attendant,
    until_ready: bool,
) -> Result<Pause, Error> {
    let mut packet = [0_u8; MESSAGE];
    let mut executing = false;
    loop {
        let (length, mut descriptors) = receive(sync, &mut packet)?;
        if length == 0 {
            return if executing { Ok(Pause::Executed) } else { Err(Error::Died { step: steps.last() }) };
        }
        let message = postcard::from_bytes(packet.get(..length).unwrap_or_default());
        match message.map_err(|_| Error::Garbled)? {
            FromInit::RuntimeHooks => {
                attendant.runtime_hooks()?;
                answer(sync, None)?;
            }
            FromInit::Ready => {
                tracing::debug!("init is ready");
                attendant.ready()?;
                match answer(sync, None) {
                    // It has gone on meanwhile: its last word or its end tells how.
                    Err(Error::Died { .. }) => {}
                    answered => {
                        answered?;
                        if until_ready {
                            return Ok(Pause::Ready);
                        }
                    }
                }
            }
            FromInit::Terminal => attendant.terminal(descriptors.pop().ok_or(Error::Garbled)?)?,
            FromInit::SeccompListener { descriptor } => {
                attendant.seccomp_listener(descriptor)?;
                answer(sync, None)?;
            }
            FromInit::Tree { step } => answer(sync, Some(&steps.tree(step)?))?,
            FromInit::MapIds { step, recursive } => {
                let [tree, namespace] = &descriptors[..] else { return Err(Error::Garbled) };
                steps.map_ids(step, tree, namespace, recursive)?;
                answer(sync, None)?;
            }
            FromInit::Warning(failure) => tracing::warn!("{}", steps.warning(&failure)),
            FromInit::Failed(failure) => return Err(steps.error(&failure)),
            FromInit::Times { first, ends } => steps.times(first, ends.0),
            FromInit::Executing => {
                tracing::debug!("init executes the program");
                executing = true;
            }
            FromInit::Reborn { .. } => return Err(Error::Garbled),
        }
    }
}

fn answer(sync: BorrowedFd<'_>, descriptor: Option<&OwnedFd>) -> Result<(), Error> {
    say(sync, ToInit::GoOn, descriptor.map(AsFd::as_fd).as_slice())
}

/// Sends init the steps that it waits for, and the descriptors that they need.
pub(crate) fn send_plan(sync: BorrowedFd<'_>, steps: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Error> {
    let mut rest = descriptors;
    while let Some((some, more)) = rest.split_at_checked(DESCRIPTORS) {
        say(sync, ToInit::Descriptors, some)?;
        rest = more;
    }
    say(sync, ToInit::Plan { length: steps.len() as u64 }, rest)?;
    steps.chunks(PLAN).try_for_each(|some| send_descriptors(sync, some, &[]).map_err(speaking))
}

fn say(sync: BorrowedFd<'_>, message: ToInit, descriptors: &[BorrowedFd<'_>]) -> Result<(), Error> {
    let mut packet = [0_u8; 16];
    let bytes = postcard::to_slice(&message, &mut packet).map_err(|_| Error::Garbled)?;
    send_descriptors(sync, bytes, descriptors).map_err(speaking)
}

fn speaking(errno: Errno) -> Error {
    match errno {
        // Init is gone; its last word or its end tells why.
        Errno::PIPE | Errno::CONNRESET => Error::Died { step: None },
        errno => Error::Call { act: "speak to init", object: String::new(), errno },
    }
}

/// Sends one packet with at most [`DESCRIPTORS`].
///
/// # Errors
/// As sendmsg(2).
pub fn send_descriptors(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::NOBUFS);
    }
    rustix::io::retry_on_intr(|| sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)).map(drop)
}

/// Receives one packet and the descriptors (at most two) that come with it; 0 bytes are the end.
fn receive(socket: BorrowedFd<'_>, packet: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(packet)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            // Init died with words of ours unread, which is told once: its own last words, if any, are still there.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            got => break got.map_err(speaking)?,
        }
    };
    if got.flags.contains(ReturnFlags::TRUNC) {
        return Err(Error::Garbled);
    }
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((got.bytes, descriptors.flatten().collect()))
}

/// The process that the one between has made, or what it says went wrong.
pub(crate) fn receive_reborn(sync: BorrowedFd<'_>, steps: &Sentences<'_>) -> Result<(Pid, OwnedFd), Error> {
    let mut packet = [0_u8; MESSAGE];
    let (length, mut descriptors) = receive(sync, &mut packet)?;
    match postcard::from_bytes(packet.get(..length).unwrap_or_default()) {
        Ok(FromInit::Reborn { pid }) => Pid::from_raw(pid).zip(descriptors.pop()).ok_or(Error::Garbled),
        Ok(FromInit::Failed(failure)) => Err(steps.error(&failure)),
        _ => Err(Error::Died { step: None }),
    }
}
