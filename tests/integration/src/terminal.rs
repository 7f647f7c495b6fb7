//! The engine's end of a terminal.

use crate::Bundle;
use crate::attempt::{PATIENCE, eventually};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::fs::File;
use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;

/// A socket that waits for descriptors, as `--console-socket` and `--pidfd-socket` name it.
#[derive(Debug)]
pub struct Receiver(UnixListener);

impl Receiver {
    /// Listens at `path`.
    pub fn listen(path: &Path) -> Self {
        Receiver(UnixListener::bind(path).expect("a socket"))
    }

    /// Listens at an address without a path.
    pub fn listen_at(address: &SocketAddr) -> Self {
        Receiver(UnixListener::bind_addr(address).expect("a socket"))
    }

    /// The descriptors and the text of the one message that comes.
    #[track_caller]
    pub fn receive(&self) -> (Vec<OwnedFd>, String) {
        message(&self.accept())
    }

    /// The next connection.
    #[track_caller]
    pub fn accept(&self) -> UnixStream {
        self.0.set_nonblocking(true).expect("a socket");
        let mut stream = None;
        eventually("a connection", || {
            stream = self.0.accept().ok();
            stream.is_some()
        });
        let (stream, _) = stream.expect("a connection");
        stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(PATIENCE))).expect("a socket");
        stream
    }

    /// Creates a bundle's container, whose terminal's master comes to this socket, which is `console` in its folder.
    #[track_caller]
    pub fn create(&self, bundle: &Bundle) -> OwnedFd {
        let creating = bundle.call(["create", "--console-socket", "console", bundle.id()]).begin();
        let (mut descriptors, name) = self.receive();
        creating.outcome().ok();
        assert_eq!(descriptors.len(), 1);
        assert!(!name.is_empty() && name.len() < 4096, "{name:?}");
        descriptors.remove(0)
    }
}

/// The descriptors and the text of one message.
#[track_caller]
pub fn message(stream: &UnixStream) -> (Vec<OwnedFd>, String) {
    let mut text = vec![0; 65536];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let read =
        recvmsg(stream, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC).expect("a message");
    let mut found = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            found.extend(rights);
        }
    }
    (found, String::from_utf8_lossy(&text[..read.bytes]).into_owned())
}

/// All that a terminal's master says until the other end is closed.
pub fn read_all(master: &OwnedFd) -> String {
    let mut file = File::from(master.try_clone().expect("a descriptor"));
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    // EIO: no one holds the other end any more.
    while let Ok(count @ 1..) = file.read(&mut part) {
        text.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&text).into_owned()
}
