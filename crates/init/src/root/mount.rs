//! Mounts of the config.

use super::beneath::{self, Missing};
use super::filesystem::Filesystem;
use super::{copy, guard, locked, tree};
use crate::context::Context;
use crate::conversation;
use crate::fault::Fault;
use core::ffi::CStr;
use plan::{Attributes, Bind, FromInit, Mount, Source, Text, Texts};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{FileType, OFlags, fstat};
use sys::Errno;
use sys::descriptor::Descriptor;

/// Mounts a file system.
pub(crate) fn mount(context: &mut Context<'_>, step: &Mount<'_>) -> Result<(), Fault> {
    let (root, path) = (context.root()?, step.target.0);
    let (target, existed) = if step.plain_target {
        (beneath::plain_directory(root, path)?, true)
    } else {
        beneath::ensure(root, path, Missing::Directory)?
    };
    let filesystem = Filesystem::new(step.kind.0)?;
    if !step.source.bytes().is_empty() {
        filesystem.set(c"source", step.source.0)?;
    }
    if step.keep_mode && existed {
        let mode = fstat(&target).map_err(|errno| Fault::call("fstat", path.to_bytes(), errno))?.st_mode;
        filesystem.set(c"mode", octal(mode, &mut [0; 5]))?;
    }
    for option in step.options.iter() {
        filesystem.option(option)?;
    }
    let tree = filesystem.mount(step.kind.0, step.attributes.set)?;
    guard::check(root, &target, path, &tree)?;
    if step.copy_up && existed {
        copy::contents(&target, &tree)?;
    }
    finish(&tree, &target, path, &Attributes { set: 0, ..step.attributes })
}

/// Mounts a part of the host's tree.
pub(crate) fn bind(context: &mut Context<'_>, step: &Bind<'_>) -> Result<(), Fault> {
    let tree = source(context, step)?;
    let (root, path) = (context.root()?, step.target.0);
    let status = fstat(&tree).map_err(|errno| Fault::call("fstat", path.to_bytes(), errno))?;
    let missing = match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Missing::Directory,
        _ => Missing::File,
    };
    let target =
        if step.plain_target { beneath::plain_directory(root, path)? } else { beneath::ensure(root, path, missing)?.0 };
    guard::check(root, &target, path, &tree)?;
    if let Some((handle, recursive)) = step.id_map {
        map_ids(context, &tree, context.descriptor(handle)?, recursive)?;
    }
    finish(&tree, &target, path, &step.attributes)
}

/// Changes what is mounted at a path: its flags and, where it is not only this mount of it (`bind`) that is
/// meant, the file system's own options.
pub(crate) fn remount(
    context: &mut Context<'_>,
    target: Text<'_>,
    attributes: &Attributes,
    options: Texts<'_>,
    bind: bool,
) -> Result<(), Fault> {
    let mount = at(context.root()?, target.0)?;
    if !bind && !options.is_empty() {
        let filesystem = Filesystem::of(&mount).map_err(|errno| Fault::call("fspick", target.bytes(), errno))?;
        for option in options.iter() {
            filesystem.option(option)?;
        }
        filesystem.reconfigure(target.0)?;
    }
    change(&mount, target.0, attributes)
}

/// Changes the flags of the mount at a path.
pub(crate) fn set_attributes(
    context: &mut Context<'_>,
    target: Text<'_>,
    attributes: &Attributes,
) -> Result<(), Fault> {
    let mount = at(context.root()?, target.0)?;
    change(&mount, target.0, attributes)
}

/// The tree that a bind is of.
fn source(context: &Context<'_>, step: &Bind<'_>) -> Result<Descriptor, Fault> {
    let (Source::Path(path) | Source::Asked(path)) = step.source;
    match (tree::of_path(path.0, step.recursive), step.source) {
        (Err(Errno::ACCESS | Errno::PERM), Source::Asked(_)) => {
            conversation::tree(context.sync.as_fd(), context.step).map(Descriptor::from)
        }
        (opened, _) => opened.map_err(|errno| Fault::call("open_tree", path.bytes(), errno)),
    }
}

/// Maps the ids of a tree. In a user namespace only the runtime process may do that.
fn map_ids(
    context: &Context<'_>,
    tree: &Descriptor,
    user_namespace: BorrowedFd<'_>,
    recursive: bool,
) -> Result<(), Fault> {
    match tree::map_ids(tree.as_fd(), user_namespace, recursive) {
        Err(Errno::PERM) => {
            let (sync, message) = (context.sync.as_fd(), FromInit::MapIds { step: context.step, recursive });
            conversation::hand_over(sync, &message, &[tree.as_fd(), user_namespace])?;
            conversation::wait(sync)
        }
        mapped => mapped.map_err(|errno| Fault::call("mount_setattr (id map)", b"", errno)),
    }
}

fn finish(tree: &Descriptor, target: &Descriptor, path: &CStr, attributes: &Attributes) -> Result<(), Fault> {
    tree::change(tree.as_fd(), attributes).map_err(|errno| locked::fault(tree, path, attributes, errno))?;
    tree::place(tree, target, path, attributes)
}

fn change(mount: &Descriptor, path: &CStr, attributes: &Attributes) -> Result<(), Fault> {
    let call = |errno| Fault::call("mount_setattr", path.to_bytes(), errno);
    tree::change(mount.as_fd(), attributes).map_err(|errno| locked::fault(mount, path, attributes, errno))?;
    for flags in attributes.propagation.into_iter().filter(|flags| *flags != 0) {
        tree::propagate(mount.as_fd(), flags).map_err(call)?;
    }
    Ok(())
}

/// What is mounted at a path.
fn at(root: BorrowedFd<'_>, path: &CStr) -> Result<Descriptor, Fault> {
    beneath::open(root, path, OFlags::PATH).map_err(|errno| Fault::call("openat2", path.to_bytes(), errno))
}

/// The permission bits of a mode, in octal digits.
fn octal(mode: u32, digits: &mut [u8; 5]) -> &CStr {
    for (digit, shift) in digits.iter_mut().zip([9, 6, 3, 0]) {
        *digit = b'0' + ((mode >> shift) & 7) as u8;
    }
    CStr::from_bytes_until_nul(digits).unwrap_or_default()
}
