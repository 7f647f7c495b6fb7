//! Mounts of the config.

use super::beneath::{self, Missing};
use super::filesystem::Filesystem;
use super::place::Place;
use super::{copy, direct, guard, locked, tree};
use crate::context::{Context, Held};
use crate::conversation;
use crate::fault::Fault;
use core::ffi::CStr;
use plan::{Attributes, Bind, FromInit, Mount, Source, Text, Texts};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::mount::MountPropagationFlags;
use sys::Errno;
use sys::descriptor::Descriptor;

/// Mounts a file system.
pub(crate) fn mount<'p>(context: &mut Context<'p>, step: &Mount<'p>) -> Result<(), Fault> {
    note_shared(context, &step.attributes);
    let (root, path) = (context.root_mut()?, step.target.0);
    let place = if step.plain_target { root.plain_directory(path)? } else { root.ensure(path, Missing::Directory)? };
    guard::check(root.as_fd(), &place, path, || Ok(step.kind.0 == c"proc"))?;
    let mut digits = [0; 5];
    let mode = if step.keep_mode && place.existed {
        let mode = fstat(&place.target).map_err(|errno| Fault::call("fstat", path.to_bytes(), errno))?.st_mode;
        Some(octal(mode, &mut digits))
    } else {
        None
    };
    // The short way leaves no descriptor of the mount.
    let short = !step.held && direct::is_done(step, mode, &place.target);
    let tree = if short { None } else { Some(detached(step, mode, &place)?) };
    root.covered(&place, path, step.kind.0 == c"tmpfs" && !step.copy_up);
    match tree {
        Some(mount) if step.held => context.hold(Held { target: path, mount, finished: step.plain_target }),
        _ => Ok(()),
    }
}

/// Makes the file system detached, with all that it needs, and attaches it.
fn detached(step: &Mount<'_>, mode: Option<&CStr>, place: &Place) -> Result<Descriptor, Fault> {
    let filesystem = Filesystem::new(step.kind.0)?;
    if !step.source.bytes().is_empty() {
        filesystem.set(c"source", step.source.0)?;
    }
    if let Some(mode) = mode {
        filesystem.set(c"mode", mode)?;
    }
    for option in step.options.iter() {
        filesystem.option(option)?;
    }
    let tree = filesystem.mount(step.kind.0, step.attributes.set)?;
    if step.copy_up && place.existed {
        copy::contents(&place.target, &tree)?;
    }
    finish(&tree, &place.target, step.target.0, &Attributes { set: 0, ..step.attributes })?;
    Ok(tree)
}

/// Mounts a part of the host's tree.
pub(crate) fn bind<'p>(context: &mut Context<'p>, step: &Bind<'p>) -> Result<(), Fault> {
    note_shared(context, &step.attributes);
    let mount = bound(context, step)?;
    if step.held { context.hold(Held { target: step.target.0, mount, finished: step.plain_target }) } else { Ok(()) }
}

fn bound<'p>(context: &mut Context<'p>, step: &Bind<'p>) -> Result<Descriptor, Fault> {
    let (tree, attributes) = source(context, step)?;
    if let Some((handle, recursive)) = step.id_map {
        map_ids(context, &tree, context.descriptor(handle)?, recursive)?;
    }
    let (root, path) = (context.root_mut()?, step.target.0);
    let missing = || {
        let status = fstat(&tree).map_err(|errno| Fault::call("fstat", path.to_bytes(), errno))?;
        let directory = FileType::from_raw_mode(status.st_mode) == FileType::Directory;
        Ok(if directory { Missing::Directory } else { Missing::File })
    };
    let attach = |errno| Fault::call("move_mount", path.to_bytes(), errno);
    if let Some(entry) = root.make_beside(path, missing)? {
        flags(&tree, path, &attributes)?;
        tree::attach_at(&tree, &entry).map_err(attach)?;
        tree::propagation(&tree, path, &attributes)?;
        return Ok(tree);
    }
    let place = if step.plain_target { root.plain_directory(path)? } else { root.find_or_make(path, missing)? };
    guard::check(root.as_fd(), &place, path, || Ok(guard::is_proc(&tree)? && guard::is_root(&tree)?))?;
    finish(&tree, &place.target, path, &attributes)?;
    root.covered(&place, path, false);
    Ok(tree)
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
    note_shared(context, attributes);
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
    note_shared(context, attributes);
    let mount = at(context.root()?, target.0)?;
    change(&mount, target.0, attributes)
}

/// What is mounted later on a mount that is shared now is shared.
fn note_shared(context: &mut Context<'_>, attributes: &Attributes) {
    context.shared |= attributes.propagation.iter().any(|flags| flags & MountPropagationFlags::SHARED.bits() != 0);
}

/// The tree that a bind is of, and what of its attributes is still to be set.
fn source(context: &Context<'_>, step: &Bind<'_>) -> Result<(Descriptor, Attributes), Fault> {
    let (Source::Path(path) | Source::Asked(path)) = step.source;
    if let Ok(changed) = tree::of_path_with(path.0, step.recursive, &step.attributes, context.shared) {
        return Ok(changed);
    }
    let tree = match (tree::of_path(path.0, step.recursive), step.source) {
        (Err(Errno::ACCESS | Errno::PERM), Source::Asked(_)) => {
            conversation::tree(context.sync.as_fd(), context.step).map(Descriptor::from)
        }
        (opened, _) => opened.map_err(|errno| Fault::call("open_tree", path.bytes(), errno)),
    }?;
    Ok((tree, step.attributes))
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
    flags(tree, path, attributes)?;
    tree::place(tree, target, path, attributes)
}

fn flags(tree: &Descriptor, path: &CStr, attributes: &Attributes) -> Result<(), Fault> {
    tree::change(tree.as_fd(), attributes).map_err(|errno| locked::fault(tree, path, attributes, errno))
}

fn change(mount: &Descriptor, path: &CStr, attributes: &Attributes) -> Result<(), Fault> {
    flags(mount, path, attributes)?;
    tree::propagation(mount, path, attributes)
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
