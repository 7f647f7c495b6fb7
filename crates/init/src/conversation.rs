//! What init and the runtime process say to each other.
//!
//! Messages without a descriptor go by write(2) and read(2), which every payload's seccomp filter allows. Where
//! the other end is gone there is nobody to tell: init ends.

use crate::context::Context;
use crate::fault::Fault;
use crate::seal;
use arrayvec::ArrayVec;
use core::mem::MaybeUninit;
use plan::{Bytes, DESCRIPTORS, Failure, FromInit, MESSAGE, ToInit};
use rustix::cmsg_space;
use rustix::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use rustix::io::{IoSlice, IoSliceMut, read, retry_on_intr, write};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use sys::Errno;

/// Sends a message.
pub(crate) fn tell(to: BorrowedFd<'_>, message: &FromInit<'_>) -> Result<(), Fault> {
    let mut packet = [0; MESSAGE];
    let packet = pack(message, &mut packet)?;
    retry_on_intr(|| write(to, packet)).map(drop).map_err(|errno| Fault::call("write to the sync pipe", b"", errno))
}

/// Sends a message with at most two descriptors.
pub(crate) fn hand_over(to: BorrowedFd<'_>, message: &FromInit<'_>, files: &[BorrowedFd<'_>]) -> Result<(), Fault> {
    let mut packet = [0; MESSAGE];
    let packet = pack(message, &mut packet)?;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(Fault::refusal("too many descriptors for one message", b""));
    }
    retry_on_intr(|| sendmsg(to, &[IoSlice::new(packet)], &mut ancillary, SendFlags::NOSIGNAL))
        .map(drop)
        .map_err(|errno| Fault::call("send on the sync pipe", b"", errno))
}

/// Waits for the word to go on.
pub(crate) fn wait(from: BorrowedFd<'_>) -> Result<(), Fault> {
    let mut packet = [0; 64];
    let length = match retry_on_intr(|| read(from, &mut packet)) {
        Ok(0) => sys::clone::exit(1),
        Ok(length) => length,
        Err(errno) => return Err(Fault::call("read from the sync pipe", b"", errno)),
    };
    match unpack(packet.get(..length))? {
        ToInit::GoOn => Ok(()),
        ToInit::Descriptors | ToInit::Plan { .. } => Err(unexpected()),
    }
}

/// Waits for the steps that follow, and takes the descriptors that come with them.
pub(crate) fn plan(context: &mut Context<'_>) -> Result<&'static [u8], Fault> {
    loop {
        let mut files = ArrayVec::new();
        let message = receive(context.sync.as_fd(), &mut files)?;
        for file in files {
            context.give(file.into_raw_fd())?;
        }
        match message {
            ToInit::GoOn => return Err(unexpected()),
            ToInit::Descriptors => {}
            ToInit::Plan { length } => {
                seal::check_numbers(context)?;
                return steps(context.sync.as_fd(), usize::try_from(length).unwrap_or(usize::MAX));
            }
        }
    }
}

/// Reads so many bytes of steps.
fn steps(from: BorrowedFd<'_>, length: usize) -> Result<&'static [u8], Fault> {
    let steps = sys::memory::array(length, 0).map_err(|errno| Fault::call("mmap", b"the plan", errno))?;
    let mut rest = &mut *steps;
    while !rest.is_empty() {
        match retry_on_intr(|| read(from, &mut *rest)) {
            Ok(0) => sys::clone::exit(1),
            Ok(length) => rest = rest.get_mut(length..).unwrap_or_default(),
            Err(errno) => return Err(Fault::call("read from the sync pipe", b"", errno)),
        }
    }
    Ok(steps)
}

/// Asks for the tree of the step under way (`plan::Source::Asked`).
pub(crate) fn tree(sync: BorrowedFd<'_>, step: u32) -> Result<OwnedFd, Fault> {
    tell(sync, &FromInit::Tree { step })?;
    let mut files = ArrayVec::new();
    match receive(sync, &mut files)? {
        ToInit::GoOn => files.pop().ok_or_else(|| Fault::refusal("the runtime process sent no tree", b"")),
        ToInit::Descriptors | ToInit::Plan { .. } => Err(unexpected()),
    }
}

/// Receives a message and the descriptors that come with it.
fn receive(sync: BorrowedFd<'_>, files: &mut ArrayVec<OwnedFd, DESCRIPTORS>) -> Result<ToInit, Fault> {
    let mut packet = [0; 64];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut packet)];
    let received = retry_on_intr(|| recvmsg(sync, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC))
        .map_err(|errno| Fault::call("receive on the sync pipe", b"", errno))?;
    if received.bytes == 0 {
        sys::clone::exit(1);
    }
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            files.extend(more.take(files.remaining_capacity()));
        }
    }
    unpack(packet.get(..received.bytes))
}

/// Tells of something that is not an error but that a person should know.
pub(crate) fn warn(sync: BorrowedFd<'_>, step: u32, fault: &Fault) -> Result<(), Fault> {
    tell(sync, &FromInit::Warning(failure(step, fault)))
}

/// Tells why a step failed. Nothing more can be done where that does not work either.
pub(crate) fn fail(sync: BorrowedFd<'_>, step: u32, fault: &Fault) {
    tell(sync, &FromInit::Failed(failure(step, fault))).unwrap_or(());
}

fn failure(step: u32, fault: &Fault) -> Failure<'_> {
    let errno = fault.errno.map_or(0, Errno::raw_os_error);
    Failure { step, errno, act: fault.act(), detail: Bytes(fault.detail()) }
}

fn pack<'b>(message: &FromInit<'_>, packet: &'b mut [u8; MESSAGE]) -> Result<&'b [u8], Fault> {
    match postcard::to_slice(message, packet) {
        Ok(packet) => Ok(packet),
        Err(_) => Err(Fault::refusal("a message is too long for the sync pipe", b"")),
    }
}

fn unpack(packet: Option<&[u8]>) -> Result<ToInit, Fault> {
    postcard::from_bytes(packet.unwrap_or_default()).map_err(|_| unexpected())
}

fn unexpected() -> Fault {
    Fault::refusal("the runtime process said something that init does not understand", b"")
}
