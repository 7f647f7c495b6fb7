//! Moving network devices into the container's network namespace, and back where no container comes of it.

use crate::error::Error;
use crate::join;
use crate::network_devices::NetworkDevice;
use crate::route::{Address, Link, Refusal, Route};
use crate::wanted::Join;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::SystemTime;
use sys::Errno;
use sys::namespace::{CLONE_NEWNET, enter};

/// The two sides of a move, and what has been moved.
#[derive(Debug)]
pub struct Transfer {
    host: Side,
    container: Side,
    moved: Vec<Moved>,
}

/// A network namespace, with a socket to speak about its devices.
#[derive(Debug)]
struct Side {
    namespace: OwnedFd,
    route: Route,
}

/// A device that is in the container, and what it was on the host.
#[derive(Debug)]
struct Moved {
    device: NetworkDevice,
    index: u32,
    was: Link,
    addresses: Vec<Address>,
}

impl Transfer {
    /// Between the network namespace that this process, which has one thread, is in and `container`, which it enters
    /// for a moment.
    ///
    /// # Errors
    /// Where a namespace can't be opened or entered.
    pub fn to(container: OwnedFd) -> Result<Self, Error> {
        let own = "/proc/self/ns/net".into();
        let namespace = join::open(&Join { kind: CLONE_NEWNET, path: own, place: PLACE.into() })?;
        let failed = |act| move |errno| Error::Network { act, errno };
        let route = Route::open().map_err(failed("make a netlink socket"))?;
        let inside = visit(container.as_fd(), namespace.as_fd(), Route::open)
            .map_err(failed("enter the container's network namespace and come back"))?;
        Ok(Transfer {
            host: Side { namespace, route },
            container: Side { namespace: container, route: inside },
            moved: Vec::new(),
        })
    }

    /// Moves the devices into the container. What has been moved when one fails is for [`Transfer::undo`].
    ///
    /// # Errors
    /// Where a device is not there or its name is taken (found before any is touched), and what the kernel refuses.
    pub fn take_in(&mut self, devices: &[NetworkDevice]) -> Result<(), Error> {
        let links = devices.iter().map(|device| self.look(device)).collect::<Result<Vec<_>, _>>()?;
        devices.iter().zip(links).try_for_each(|(device, link)| self.move_in(device, link))
    }

    /// The device on the host, whose name in the container is free.
    fn look(&mut self, device: &NetworkDevice) -> Result<Link, Error> {
        let found = self.host.route.link(&device.name).map_err(refused(device, "find"))?;
        let link = found.ok_or_else(|| refused(device, "find")(Errno::NODEV.into()))?;
        if !device.is_template() {
            let there = self.container.route.link(&device.target).map_err(refused(device, "look inside for"))?;
            if there.is_some() {
                return Err(taken(device, Errno::EXIST.into()));
            }
        }
        Ok(link)
    }

    /// Moving takes a device down and all addresses off. It arrives under a name that nobody else has, and gets its
    /// own one there: so it is known which one it is, whatever name the kernel makes of a template.
    fn move_in(&mut self, device: &NetworkDevice, link: Link) -> Result<(), Error> {
        let addresses = self.host.route.addresses(link.index).map_err(refused(device, "read the addresses of"))?;
        let transit = transit();
        let to = self.container.namespace.as_fd();
        self.host.route.hand_over(link.index, to, &transit).map_err(refused(device, "move"))?;
        let inside = &mut self.container.route;
        let arrived = inside.link(&transit).map_err(refused(device, "find inside"))?;
        let index = arrived.ok_or_else(|| refused(device, "find inside")(Errno::NODEV.into()))?.index;
        let labelled = link.name == device.target;
        let lasting: Vec<_> = addresses.iter().filter(|address| address.is_lasting()).cloned().collect();
        self.moved.push(Moved { device: device.clone(), index, was: link, addresses });
        inside.rename(index, &device.target).map_err(|refusal| taken(device, refusal))?;
        for address in &lasting {
            inside.add(index, address, labelled).map_err(refused(device, "keep an address of"))?;
        }
        inside.up(index).map_err(refused(device, "set up"))
    }

    /// Moves back what has been moved, the last one first, each with all that it was: what could not be had again.
    pub fn undo(mut self) -> Vec<Error> {
        let moved = std::mem::take(&mut self.moved);
        moved.iter().rev().filter_map(|moved| self.move_back(moved).err()).collect()
    }

    fn move_back(&mut self, moved: &Moved) -> Result<(), Error> {
        let Moved { device, index, was, addresses } = moved;
        let (inside, outside) = (&mut self.container.route, &mut self.host.route);
        inside.hand_over(*index, self.host.namespace.as_fd(), &was.name).map_err(refused(device, "move back"))?;
        let arrived = outside.link(&was.name).map_err(refused(device, "find again"))?;
        let index = arrived.ok_or_else(|| refused(device, "find again")(Errno::NODEV.into()))?.index;
        // What one refuses does not keep us from the others.
        let mut first = Ok(());
        for address in addresses {
            first = first.and(outside.add(index, address, true).map_err(refused(device, "give back an address of")));
        }
        if let Some(master) = was.master {
            first = first.and(outside.enslave(index, master).map_err(refused(device, "make a port again of")));
        }
        if was.up {
            first = first.and(outside.up(index).map_err(refused(device, "set up again")));
        }
        first
    }
}

const PLACE: &str = "/linux/netDevices";

/// Does something in another network namespace.
fn visit<T>(
    namespace: BorrowedFd<'_>,
    own: BorrowedFd<'_>,
    act: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    enter(namespace, CLONE_NEWNET)?;
    let done = act();
    enter(own, CLONE_NEWNET)?;
    done
}

/// A name that no other device has: of our process id and the time.
fn transit() -> String {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("cfd{:x}{:05x}", std::process::id(), time.subsec_nanos() & 0xf_ffff)
}

fn refused(device: &NetworkDevice, act: &'static str) -> impl Fn(Refusal) -> Error {
    let (place, name) = (device.place.clone(), device.name.clone());
    move |refusal| Error::NetworkDevice {
        place: place.clone(),
        act,
        name: name.clone(),
        errno: refusal.errno,
        words: refusal.words,
    }
}

fn taken(device: &NetworkDevice, refusal: Refusal) -> Error {
    Error::NetworkDeviceName {
        place: device.place.clone(),
        name: device.name.clone(),
        target: device.target.clone(),
        errno: refusal.errno,
        words: refusal.words,
    }
}
